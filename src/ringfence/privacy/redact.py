"""Takes secrets out of what was said before anything is kept, shown or sent. Pure.

Card numbers, security codes, one-time codes, PINs, passwords, account numbers, national ids and telephone
numbers become placeholders such as `[card number]`: written or spoken, in English and Spanish, also when they
come a few digits at a time over several turns. Amounts of money, times, dates and small counts stay, as they
carry the sense of a conversation. In doubt it masks.
"""

import re
from collections.abc import Sequence

from ringfence.model.calls import Party
from ringfence.privacy.spoken_digits import Run, Token, find_runs, fold, read, words

PLACEHOLDERS = {
    "card": "[card number]",
    "cvv": "[security code]",
    "code": "[code]",
    "pin": "[pin]",
    "password": "[password]",
    "account": "[account number]",
    "id": "[national id]",
    "phone": "[phone number]",
    "digits": "[digits]",
}
"""Kind of secret -> what stands in its place."""

WATCHFUL_TURNS = 12
"""So many turns after a secret was named or masked, bare numbers of two digits are taken for parts of one."""

_TOPICS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("cvv", r"\bcv[vc]2?\b|\bc v [vc]\b|(?:numbers?|digits?) on the back|three digits|tres (?:digitos|numeros)"
                r"|codigo de seguridad|card security code"),
        ("pin", r"\bpins?\b|\bp i n\b|\bnip\b"),
        ("password", r"\bpass ?(?:word|phrase)s?\b|\bcontrasenas?\b|\bpalabra clave\b"),
        ("id", r"social security|\bssn\b|national id|\brut\b|\bdni\b|\bnie\b|cedula|\bcurp\b|\brfc\b|\bcui[tl]\b"
               r"|passport|pasaporte|licen[cs]e number|\bcarnet\b|(?:numero de )?identi(?:dad|ficacion)"),
        ("card", r"card numbers?|numbers? (?:on|of|from) (?:the|your|my) card|(?:credit|debit) card|expir(?:y|ation|es)"
                 r"|\btarjetas?\b|vencimiento|caducidad"),
        ("account", r"account numbers?|routing|\biban\b|\bclabe\b|\bcbu\b|sort code|numero de (?:la )?cuenta"),
        ("code", r"(?<!zip )(?<!area )(?<!post )(?<!postal )(?<!promo )\b(?:pass)?codes?\b|\botp\b|\btokens?\b"
                 r"|\bcodigos?\b(?! postal)|\bclaves?\b|\bdigits?\b|\bdigitos?\b|coordenadas|verification number"),
        ("phone", r"(?:call|reach|phone|ring|contact) (?:me|us|him|her|them)?\s?(?:back )?(?:at|on)\b|(?:phone|mobile|cell) number"
                  r"|call ?back number|telefono|celular|llam\w+ al\b|my number is|mi numero es"),
    )
)  # fmt: skip
_MEASURES = words(
    "dollar dollars buck bucks pound pounds euro euros peso pesos sol soles cent cents centavos dolar dolares quid grand "
    "lucas rupees percent minute minutes hour hours day days week weeks month months year years oclock am pm times people "
    "kids children miles kilometers kilometres degrees kilos meters metres minutos minuto hora horas dia dias semana "
    "semanas mes meses ano anos veces personas hijos kilometros metros grados cuotas inches feet "
    "digit digits digito digitos numeros"
)
_MONEY = words(
    "dollar dollars buck bucks pound pounds euro euros peso pesos sol soles dolar dolares quid lucas rupees"
)
_MONTHS = words(
    "january february march april may june july august september october november december enero febrero marzo abril "
    "mayo junio julio agosto septiembre setiembre octubre noviembre diciembre"
)
_YEAR_CUES = words("in since of year from until by en desde de del ano hasta para")
_KEYPAD_CUES = words("press option extension oprima marque presione pulse opcion digite")
_GLUE = words(
    "its it is the thats that yes yeah okay so first second third fourth last comes a and i have me let see ready right "
    "sure here code number pin card starts with ends es el la los las si bueno ya ver primero segundo tercero ultimo "
    "son aqui tengo mi my your su listo entonces vale claro dice says yep mhm uno momento code codigo clave digits "
    "digitos numeros tarjeta un the it's that's was fue followed by seguido por"
)
_CURRENCY = r"(?:[$€£¥]|\b(?:us|usd|eur|clp|mxn|ars|cop)\s?)\s?\d[\d.,]{0,12}\d|[$€£¥]\s?\d"
_CLOCK = r"\b(?:[01]?\d|2[0-3]):[0-5]\d(?!\d|:)"
_DATE = (
    r"(?<![\d./-])(?:0?[1-9]|[12]\d|3[01])([/.-])(?:0?[1-9]|[12]\d|3[01])\1(?:(?:19|20)\d\d|\d\d)(?![./-]?\d)"
)
_KEPT = re.compile(f"{_CURRENCY}|{_CLOCK}|{_DATE}")
_KEPT_WATCHFUL = re.compile(_CURRENCY)
_CURP = re.compile(r"\b[a-z]{4}\d{6}[hmx][a-z]{5}[a-z0-9]\d\b")
_PASSWORD_SAID = re.compile(
    r"\b(?:pass ?word|pass ?phrase|contrasena|palabra clave)(?: for \w+)? (?:is|es|was|era)(?: going to be)?[:,]?\s+"
)
_REPLY_WORDS = words(
    "yes no why what who how okay yeah sure si que por quien como cual claro bueno hello hola i"
)


class Redactor:
    """One a call: it remembers what was asked for, and who was in the middle of reading digits out."""

    def __init__(self) -> None:
        self._topic = ""
        self._topic_by: Party | None = None
        self._since_topic = WATCHFUL_TURNS + 1
        self._trailing: dict[Party, int] = {}

    def clean(self, party: Party, text: str) -> str:
        """The text of a completed turn without its secrets; text without secrets comes back as it is."""
        self._since_topic += 1
        folded = fold(text)
        asked_before = self._topic
        asked_by = self._topic_by
        self._note_topic(party, folded)
        text, folded, masked_words = self._mask_words(party, text, folded, asked_before, asked_by)
        cleaned, masked, trailing = self._mask_numbers(party, text, folded)
        self._trailing = {**self._trailing, party: trailing}
        if masked or masked_words:
            self._since_topic = 0
        return cleaned

    def peek(self, party: Party, text: str) -> str:
        """The same for words still being spoken: nothing is remembered."""
        state = (self._topic, self._topic_by, self._since_topic, self._trailing)
        try:
            return self.clean(party, text)
        finally:
            self._topic, self._topic_by, self._since_topic, self._trailing = state

    def _note_topic(self, party: Party, folded: str) -> None:
        found = max(
            (
                (match.end(), -order, kind)
                for order, (kind, pattern) in enumerate(_TOPICS)
                for match in pattern.finditer(folded)
            ),
            default=None,
        )
        if found is None:
            return
        self._topic, self._topic_by = found[2], party
        if self._topic != "phone":
            self._since_topic = 0

    def _mask_words(
        self, party: Party, text: str, folded: str, asked: str, asked_by: Party | None
    ) -> tuple[str, str, bool]:
        """Secrets that are not numbers: a password that is told, a CURP."""
        if said := _PASSWORD_SAID.search(folded):
            said_words = list(re.finditer(r"\S+", text[said.end() :]))[:5]
            if said_words:
                end = said.end() + said_words[-1].end()
                text = f"{text[: said.end()]}{PLACEHOLDERS['password']}{text[end:]}"
                return text, fold(text), True
        if asked == "password" and asked_by is not party and self._since_topic == 1:
            words_said = folded.replace("?", " ? ").split()
            if (
                1 <= len(words_said) <= 4
                and "?" not in words_said
                and words_said[0].strip(",.!¿") not in _REPLY_WORDS
            ):
                return PLACEHOLDERS["password"], PLACEHOLDERS["password"], True
        if _CURP.search(folded):
            for match in reversed(list(_CURP.finditer(folded))):
                text = f"{text[: match.start()]}{PLACEHOLDERS['id']}{text[match.end() :]}"
            return text, fold(text), True
        return text, folded, False

    def _mask_numbers(self, party: Party, text: str, folded: str) -> tuple[str, bool, int]:
        tokens = read(text)
        watchful = self._since_topic <= WATCHFUL_TURNS
        _set_aside(tokens, folded, _KEPT_WATCHFUL if watchful else _KEPT)
        runs = find_runs(tokens, loosely=watchful)
        if not runs:
            return text, False, 0
        only_digits = all(token.kind != "word" or token.word in _GLUE for token in tokens)
        continued = only_digits and self._trailing.get(party, 0) > 0
        bare = sum(len(run.digits) for run in runs if not _has_measure(tokens, run))
        masked = False
        for run in reversed(runs):
            if self._is_secret(
                tokens, run, watchful=watchful, only_digits=only_digits, continued=continued, bare=bare
            ):
                start, end = _span(tokens, run, swallow_letters=watchful or len(run.digits) >= 7)
                text = f"{text[:start]}{PLACEHOLDERS[self._kind(run, folded)]}{text[end:]}"
                masked = True
        last = runs[-1]
        at_end = only_digits or last.last >= len(tokens) - 1
        return text, masked, len(last.digits) if at_end else 0

    def _is_secret(
        self,
        tokens: Sequence[Token],
        run: Run,
        *,
        watchful: bool,
        only_digits: bool,
        continued: bool,
        bare: int,
    ) -> bool:
        length = len(run.digits)
        before = tokens[run.first - 1].word if run.first else ""
        if before in _KEYPAD_CUES and length <= 2 and run.numbers == 1:
            return False
        if _is_measure(tokens, run):
            return False
        if only_digits:
            asked = bool(self._topic)
            return asked or continued or length >= 3 or run.numbers >= 2 or run.has_magnitude
        if watchful:
            return length >= 2 or run.has_magnitude or bare >= 3
        if run.has_magnitude and run.singles <= 2 and length < 8:
            return False
        return length >= 4 and not _is_year(tokens, run)

    def _kind(self, run: Run, folded: str) -> str:
        if 13 <= len(run.digits) <= 19 and passes_luhn(run.digits):
            return "card"
        if self._topic and (self._topic == "phone" or self._since_topic <= WATCHFUL_TURNS):
            return self._topic
        if 8 <= len(run.digits) <= 9 and re.search(r"\d{1,2}\.\d{3}\.\d{3}-?[\dk]?", folded):
            return "id"
        return "digits"


def passes_luhn(digits: str) -> bool:
    """The check digit of payment cards (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _set_aside(tokens: Sequence[Token], folded: str, kept: re.Pattern[str]) -> None:
    """Amounts, times and dates, by their form, are no numbers here."""
    for match in kept.finditer(folded):
        if sum(character.isdigit() for character in match.group()) > 9:
            continue
        for token in tokens:
            if match.start() <= token.start and token.end <= match.end():
                token.kind, token.digits = "word", ""


def _has_measure(tokens: Sequence[Token], run: Run) -> bool:
    after = tokens[run.last + 1].word if run.last + 1 < len(tokens) else ""
    return after.replace("'", "").replace("’", "") in _MEASURES


def _is_measure(tokens: Sequence[Token], run: Run) -> bool:
    """An amount, a duration, a day of a month: one number, not digits read out."""
    spelled_out = run.singles >= 3 or (run.singles >= 2 and not run.has_magnitude)
    if spelled_out or len(run.digits) > 7:
        return False
    if _has_measure(tokens, run):
        after = tokens[run.last + 1].word
        return after in _MONEY or len(run.digits) <= 3 or run.has_magnitude
    near = {
        tokens[place].word for place in (run.first - 2, run.first - 1, run.last + 1, run.last + 2)
        if 0 <= place < len(tokens)
    }  # fmt: skip
    return len(run.digits) <= 2 and run.numbers <= 2 and bool(near & _MONTHS)


def _is_year(tokens: Sequence[Token], run: Run) -> bool:
    if len(run.digits) != 4 or run.digits[:2] not in ("19", "20") or run.singles > 1:
        return False
    before = tokens[run.first - 1].word if run.first else ""
    return before in _YEAR_CUES or before in _MONTHS


def _span(tokens: Sequence[Token], run: Run, *, swallow_letters: bool) -> tuple[int, int]:
    """Where the placeholder goes; check letters and prefixes beside the digits (`-K`, `G-`) go with them."""
    first, last = run.first, run.last
    if first and tokens[first - 1].kind == "multiplier":
        first -= 1
    if swallow_letters:
        while first and run.first - first < 2 and tokens[first - 1].kind == "letter":
            first -= 1
        edge = last + 1
        if edge < len(tokens) and tokens[edge].word in ("guion", "dash", "hyphen"):
            edge += 1
        if edge < len(tokens) and (tokens[edge].kind == "letter" or tokens[edge].word == "ka"):
            last = edge
    return tokens[first].start, tokens[last].end
