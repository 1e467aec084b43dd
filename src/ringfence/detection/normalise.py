"""What was said, levelled for matching: case, accents, apostrophes, fillers, spellings and numbers. Pure.

The same is done to the phrases of the rule packs, so that both meet however a recogniser wrote the words.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

NUMBER = "#n"
"""What stands for one or more numbers in a row, written or spoken."""

_TOKEN = re.compile(r"\[[a-z ]+\]|#\w+|[^\W_]+(?:['’`´][^\W_]+)*")
_STOPS = frozenset(".?!;…")
_CACHE_LIMIT = 20_000


@dataclass(frozen=True, slots=True)
class Normalised:
    """Levelled words, each with where it stood in the original text."""

    text: str
    """Words with one space between, before and after."""
    offsets: tuple[int, ...]
    """Where in `text` each word begins."""
    spans: tuple[tuple[int, int], ...]
    """Where in the original text each word stood."""
    stops: tuple[int, ...]
    """Words after which a sentence ends, where the recogniser writes sentences."""

    def word_at(self, offset: int) -> int:
        """Index of the word that holds or follows the space at this place in `text`."""
        return bisect_right(self.offsets, offset) - 1

    def quote(self, original: str, first: int, last: int) -> str:
        """The original words from `first` to `last`."""
        return original[self.spans[first][0] : self.spans[last][1]]


class Normaliser:
    """Holds the vocabulary of all languages; remembers the words it has met."""

    def __init__(self, spellings: Mapping[str, str], numbers: Iterable[str], fillers: Iterable[str]) -> None:
        self._spellings = dict(spellings)
        self._numbers = frozenset(numbers)
        self._fillers = frozenset(fillers)
        self._known: dict[str, str] = {}

    def level(self, text: str) -> Normalised:
        known = self._known
        words: list[str] = []
        offsets: list[int] = []
        spans: list[tuple[int, int]] = []
        stops: list[int] = []
        behind = 0
        place = 1
        previous = ""
        for match in _TOKEN.finditer(text):
            raw = match.group()
            if behind and text[behind] in _STOPS:
                stops.append(len(spans) - 1)
            behind = match.end()
            word = known.get(raw)
            if word is None:
                word = self._learn(raw)
            if not word or word == previous:
                if word and spans:
                    spans[-1] = (spans[-1][0], match.end())
                continue
            previous = word
            words.append(word)
            if " " in word:
                # One word of the text became several: they share its place.
                for part in word.split(" "):
                    offsets.append(place)
                    spans.append(match.span())
                    place += len(part) + 1
            else:
                offsets.append(place)
                spans.append(match.span())
                place += len(word) + 1
        return Normalised(f" {' '.join(words)} ", tuple(offsets), tuple(spans), tuple(stops))

    def level_phrase(self, phrase: str) -> str:
        """A phrase of a rule pack, as it will stand in levelled speech."""
        return self.level(phrase).text

    def _learn(self, raw: str) -> str:
        word = self._level_word(raw)
        if len(self._known) < _CACHE_LIMIT:
            self._known[raw] = word
        return word

    def _level_word(self, raw: str) -> str:
        if raw[0] == "[":
            return "#" + raw[1:-1].split(" ", maxsplit=1)[0]
        if raw[0] == "#":
            return raw
        folded = unicodedata.normalize("NFKD", raw.lower())
        word = "".join(character for character in folded if character.isalnum())
        if not word or word in self._fillers:
            return ""
        if word in self._numbers or (word[0].isdigit() and sum(map(str.isdigit, word)) * 2 >= len(word)):
            return NUMBER
        return self._spellings.get(word, word)
