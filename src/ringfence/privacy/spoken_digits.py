"""Numbers as people say and recognisers write them, in English and Spanish: words to digits. Pure."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass


def words(text: str) -> frozenset[str]:
    """The words of a list written as one text."""
    return frozenset(text.split())


_UNITS = (
    "0:zero,nought,naught,cero 1:one,uno 2:two,dos 3:three,tres 4:four,cuatro 5:five,fife,cinco 6:six,seis "
    "7:seven,siete 8:eight,ocho 9:nine,niner,nueve"
)
_BELOW_HUNDRED = (
    "10:ten,diez 11:eleven,once 12:twelve,doce 13:thirteen,trece 14:fourteen,catorce 15:fifteen,quince "
    "16:sixteen,dieciseis 17:seventeen,diecisiete 18:eighteen,dieciocho 19:nineteen,diecinueve 20:veinte "
    "21:veintiuno,veintiun 22:veintidos 23:veintitres 24:veinticuatro 25:veinticinco 26:veintiseis "
    "27:veintisiete 28:veintiocho 29:veintinueve"
)
_TENS = (
    "20:twenty,veinte 30:thirty,treinta 40:forty,fourty,cuarenta 50:fifty,cincuenta 60:sixty,sesenta "
    "70:seventy,setenta 80:eighty,ochenta 90:ninety,noventa"
)
_MAGNITUDES = words(
    "hundred hundreds thousand thousands million millions cien ciento doscientos doscientas trescientos trescientas "
    "cuatrocientos cuatrocientas quinientos quinientas seiscientos seiscientas setecientos setecientas ochocientos "
    "ochocientas novecientos novecientas mil millon millones"
)
_HUNDREDS = {
    "cien": "100", "ciento": "1", "doscientos": "2", "trescientos": "3", "cuatrocientos": "4", "quinientos": "5",
    "seiscientos": "6", "setecientos": "7", "ochocientos": "8", "novecientos": "9",
}  # fmt: skip
_MULTIPLIERS = {"double": 2, "triple": 3, "treble": 3, "doble": 2}
_SOFT = {"oh": "0", "o": "0", "to": "2", "too": "2", "for": "4", "ate": "8", "won": "1"}
"""What a recogniser writes for a spoken digit; a digit only between digits."""
_JOINTS = words("and y a")
_FILLERS = words(
    "um uh er erm hmm mmm eh ehm este ok okay then next again dash hyphen slash dot point comma space number numbers "
    "luego despues guion punto coma espacio barra numero menos"
)


def _table(text: str) -> dict[str, str]:
    return {
        word: value
        for entry in text.split()
        for value, words in [entry.split(":")]
        for word in words.split(",")
    }


_DIGIT = _table(_UNITS)
_TEEN = _table(_BELOW_HUNDRED)
_TEN = _table(_TENS)
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@dataclass(slots=True)
class Token:
    """A word of the text. `digits` is what it is worth inside a run of numbers."""

    start: int
    end: int
    word: str
    """Lower case, without accents."""
    digits: str = ""
    kind: str = "word"
    """`number`, `magnitude`, `soft` (a digit between digits), `joint`, `filler`, `multiplier`, `letter` or `word`."""

    @property
    def is_number(self) -> bool:
        return self.kind in ("number", "magnitude")


@dataclass(frozen=True, slots=True)
class Run:
    """Numbers in a row: tokens `first` to `last`."""

    first: int
    last: int
    digits: str
    numbers: int
    """Tokens in it that are numbers."""
    singles: int
    """Of these, said or written digit by digit."""
    has_magnitude: bool


def fold(text: str) -> str:
    """Lower case without accents; one character stays one character, so that offsets hold."""
    if text.isascii():
        return text.lower()
    return "".join(_fold_character(character) for character in text)


def _fold_character(character: str) -> str:
    base = unicodedata.normalize("NFKD", character.lower())[:1]
    return base if base else character


def read(text: str) -> list[Token]:
    """The words of the text, numbers recognised. Offsets are into `text`."""
    folded = fold(text)
    return [_classify(match.start(), match.end(), match.group()) for match in _WORD.finditer(folded)]


def _classify(start: int, end: int, word: str) -> Token:
    if word[0].isdigit() or any(character.isdigit() for character in word):
        return _written(start, end, word)
    if len(word) == 1 and word not in "oay":
        return Token(start, end, word, kind="letter")
    if digits := _DIGIT.get(word) or _TEEN.get(word) or _TEN.get(word):
        return Token(start, end, word, digits, "number")
    if word in _MAGNITUDES:
        return Token(start, end, word, _HUNDREDS.get(word, ""), "magnitude")
    if word in _MULTIPLIERS:
        return Token(start, end, word, kind="multiplier")
    if word in _SOFT:
        return Token(start, end, word, _SOFT[word], "soft")
    if word in _JOINTS:
        return Token(start, end, word, kind="joint")
    return Token(start, end, word, kind="filler" if word in _FILLERS else "word")


def _written(start: int, end: int, word: str) -> Token:
    digits = "".join(str(unicodedata.digit(c, 0)) for c in word if c.isdigit())
    letters = len(word) - len(digits)
    is_number = letters == 0 or len(digits) >= 3 or (len(digits) >= 2 and len(word) >= 5)
    return Token(start, end, word, digits if is_number else "", "number" if is_number else "word")


def find_runs(tokens: Sequence[Token], *, loosely: bool = False) -> list[Run]:
    """Maximal rows of numbers. `loosely`: linking words join whatever stands on both sides of them."""
    runs = []
    position = 0
    while position < len(tokens):
        if not _can_begin(tokens, position):
            position += 1
            continue
        last = _extend(tokens, position, loosely)
        runs.append(_run(tokens, position, last))
        position = last + 1
    return runs


def _can_begin(tokens: Sequence[Token], position: int) -> bool:
    token = tokens[position]
    if token.is_number:
        return True
    if token.kind != "multiplier" and token.word != "oh":
        return False
    following = tokens[position + 1 : position + 4]
    return any(
        follows.is_number and all(before.word == "oh" for before in following[:place])
        for place, follows in enumerate(following)
    )


def _extend(tokens: Sequence[Token], first: int, loosely: bool) -> int:
    last = first
    position = first + 1
    gap = 0
    while position < len(tokens) and gap <= 3:
        token = tokens[position]
        if token.is_number and (gap == 0 or _joins(tokens, last, position, loosely)):
            last, gap = position, 0
        elif token.kind in ("filler", "joint", "soft", "multiplier") or (token.kind == "letter" and loosely):
            if token.word == "oh" and gap == 0 and tokens[last].is_number:
                last = position
            else:
                gap += 1
        else:
            break
        position += 1
    return last


def _joins(tokens: Sequence[Token], left: int, right: int, loosely: bool) -> bool:
    between = tokens[left + 1 : right]
    if loosely or all(token.kind in ("filler", "multiplier") for token in between):
        return True
    if len(tokens[left].digits) <= 1 and len(tokens[right].digits) <= 1:
        return True
    # "cuarenta y dos", "two hundred and five": one number in several words.
    return all(token.kind == "joint" for token in between) and (
        tokens[left].word in _TEN or tokens[left].kind == "magnitude"
    )


def _run(tokens: Sequence[Token], first: int, last: int) -> Run:
    digits: list[str] = []
    numbers = singles = 0
    times = 1
    for position in range(first, last + 1):
        token = tokens[position]
        if token.kind == "multiplier":
            times = _MULTIPLIERS[token.word]
            continue
        if not token.digits and token.kind != "magnitude":
            continue
        numbers += token.is_number
        singles += len(token.digits) == 1 and token.kind != "magnitude"
        digits.append(_worth(tokens, position, last) * times)
        times = 1
    magnitude = any(token.kind == "magnitude" for token in tokens[first : last + 1])
    return Run(first, last, "".join(digits), numbers, singles, magnitude)


def _worth(tokens: Sequence[Token], position: int, last: int) -> str:
    """`forty` before `two` is worth 4, alone 40; `y` may stand between."""
    token = tokens[position]
    if token.word not in _TEN:
        return token.digits
    follows = position + 1
    if follows <= last and tokens[follows].word == "y":
        follows += 1
    if follows <= last and tokens[follows].word in _DIGIT and tokens[follows].digits != "0":
        return token.digits[0]
    return token.digits
