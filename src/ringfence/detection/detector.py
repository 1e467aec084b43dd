"""The local detector: judges a call utterance by utterance, with no network, at the same cost at any length.

    judge = load_detector().begin("en")
    judgement = judge.hear(utterance)

Pure but for `load_detector`, which reads the rule packs of the package, once.
"""

import hashlib
import tomllib
from collections import deque
from collections.abc import Iterable
from functools import cache
from importlib import resources

from ringfence.detection.rulepack import read_pack, read_tactics
from ringfence.detection.rules import Heard, RuleBook
from ringfence.detection.weighing import CaseFile, probability
from ringfence.model.assessment import Indicator, Judgement
from ringfence.model.calls import Party
from ringfence.model.speech import Utterance

KEPT_PER_TACTIC = 5
"""Indicators kept of one tactic: the first and the latest ones."""
TELLING_SHARE = 0.35
"""A hit weaker than this share of its tactic is weighed but not shown."""
FEW_WORDS = 12
"""Fewer than this from both sides together say too little."""
UNCLEAR_SCORES = (0.30, 0.60)
OPENING_WORDS = 8
"""Whoever says so much before the other side has said as much has called for a reason of their own."""
FADING = 0.9
"""How much of the count of a language's small words is kept from utterance to utterance."""
ASKED_FOR_TURNS = 8
"""A secret that is read out so many utterances after it was asked for is a disclosure."""
_SECRET_ASKS = ("asks_code", "asks_pin", "asks_password", "asks_card")
_ANSWERS = {
    "asks_code": ("code", "digits", "pin", "security"),
    "asks_pin": ("pin", "digits", "code"),
    "asks_password": ("password", "code", "digits"),
    "asks_card": ("card", "security", "digits", "code"),
    "pays_gift_card": ("digits", "code", "card", "pin"),
}
"""Demand -> the placeholders by which it is met."""
_FALLBACK_LANGUAGE = "en"


class Detector:
    """Compiled rules; begins a judge for each call. Safe to share."""

    def __init__(self, book: RuleBook, version: str) -> None:
        self.version = version
        """Names the rules and their state; kept with every assessment."""
        self.book = book

    def begin(self, language: str) -> "CallJudge":
        """`language`: BCP-47 tag of the line; what is really spoken is found out by listening."""
        return CallJudge(self.book, language)


class CallJudge:
    """Hears one call. Deterministic: the same utterances give the same judgements."""

    def __init__(self, book: RuleBook, language: str) -> None:
        self._book = book
        self._language = language.split("-", maxsplit=1)[0].lower() or _FALLBACK_LANGUAGE
        self._case = CaseFile(book.tactics)
        self._indicators: tuple[Indicator, ...] = ()
        self._small_words = dict.fromkeys(book.packs, 0.0)
        self._words = 0
        self._recognised = 0
        self._doubtful = 0
        self._heard = 0
        self._asked: deque[tuple[str, int]] = deque(maxlen=ASKED_FOR_TURNS)
        self._remote_words = 0
        self._own_errand = False
        self._disclosure = False

    def hear(self, utterance: Utterance) -> Judgement:
        """The judgement after this utterance; utterances come in order."""
        heard = self._book.read(utterance.text, utterance.party)
        self._count(heard, utterance)
        new = [
            self._indicator(hit.code, hit.words, utterance, hit.strength)
            for hit in heard.hits
            if self._weigh(hit.code, hit.strength, utterance)
        ]
        disclosed = self._find_disclosure(heard, utterance)
        if disclosed:
            new.append(self._indicator("disclosure", disclosed, utterance, 1.0))
        language = self._spoken_language()
        if language != self._language:
            self._language = language
            self._indicators = tuple(self._in_language(indicator) for indicator in self._indicators)
            new = [self._in_language(indicator) for indicator in new]
        if new:
            self._indicators = _bounded((*self._indicators, *new))
        score = probability(self._case.log_odds(utterance.index))
        return Judgement(
            score=score,
            indicators=self._indicators,
            uncertain=self._is_uncertain(score),
            language=self._language,
            disclosure=self._disclosure,
        )

    def _weigh(self, code: str, strength: float, utterance: Utterance) -> bool:
        """Add to the evidence; whether it is worth showing."""
        tactic = self._book.tactics[code]
        if tactic.group == "innocent":
            if code == "own_errand":
                self._own_errand = self._own_errand or self._heard <= 6
                if not self._own_errand:
                    return False
            self._case.add(code, strength, utterance.index)
            return False
        if self._own_errand and tactic.group in ("ask", "soft_ask", "claim") and code != "asks_code":
            # Who rings their bank is asked who they are.
            strength *= 0.4
        self._case.add(code, strength, utterance.index)
        if utterance.party is Party.REMOTE and code in _ANSWERS and strength >= TELLING_SHARE:
            self._asked.append((code, utterance.index))
        return strength >= TELLING_SHARE

    def _find_disclosure(self, heard: Heard, utterance: Utterance) -> str:
        """The placeholder by which the protected side meets a demand, or nothing."""
        if utterance.party is not Party.SUBSCRIBER or not heard.placeholders or heard.is_reported:
            return ""
        for code, asked_at in reversed(self._asked):
            if utterance.index - asked_at > ASKED_FOR_TURNS:
                break
            for placeholder in heard.placeholders:
                if placeholder in _ANSWERS[code]:
                    self._disclosure = True
                    expected = self._own_errand and code != "asks_code"
                    self._case.add("disclosure", 0.4 if expected else 1.0, utterance.index)
                    return _placeholder_text(utterance.text, placeholder)
        return ""

    def _count(self, heard: Heard, utterance: Utterance) -> None:
        self._heard += 1
        self._words += heard.words
        if utterance.party is Party.REMOTE:
            self._remote_words += heard.words
        elif heard.words >= OPENING_WORDS > self._remote_words and not heard.is_answering:
            self._own_errand = True
        self._recognised += max(heard.function_words.values(), default=0)
        if utterance.confidence is not None and utterance.confidence < 0.5:
            self._doubtful += 1
        for language, count in heard.function_words.items():
            self._small_words[language] = self._small_words[language] * FADING + count

    def _spoken_language(self) -> str:
        """The language whose small words are heard, once they clearly outnumber the others'."""
        best = max(self._small_words, key=lambda language: self._small_words[language])
        others = max(
            (count for language, count in self._small_words.items() if language != best), default=0.0
        )
        if self._small_words[best] >= 3 and self._small_words[best] > 1.5 * others:
            return best
        return self._language

    def _is_uncertain(self, score: float) -> bool:
        if self._words < FEW_WORDS and score < UNCLEAR_SCORES[0]:
            return True
        if self._words >= 20 and self._recognised < 0.08 * self._words:
            return True  # A language we do not know, or recognition gone astray.
        if self._doubtful * 2 > self._heard:
            return True
        return UNCLEAR_SCORES[0] <= score <= UNCLEAR_SCORES[1]

    def _indicator(self, code: str, words: str, utterance: Utterance, strength: float) -> Indicator:
        tactic = self._book.tactics[code]
        wording = self._book.packs[self._pack_language()].wordings[code]
        return Indicator(
            code=code,
            label=wording.label,
            utterance=utterance.index,
            words=words,
            weight=round(tactic.weight * strength, 3),
            party=utterance.party,
            why=wording.why,
        )

    def _in_language(self, indicator: Indicator) -> Indicator:
        wording = self._book.packs[self._pack_language()].wordings[indicator.code]
        return Indicator(
            code=indicator.code,
            label=wording.label,
            utterance=indicator.utterance,
            words=indicator.words,
            weight=indicator.weight,
            party=indicator.party,
            why=wording.why,
        )

    def _pack_language(self) -> str:
        return self._language if self._language in self._book.packs else _FALLBACK_LANGUAGE


def _bounded(indicators: tuple[Indicator, ...]) -> tuple[Indicator, ...]:
    """No more than a few of each tactic: the first, and the latest."""
    counts: dict[str, int] = {}
    for indicator in indicators:
        counts[indicator.code] = counts.get(indicator.code, 0) + 1
    if all(count <= KEPT_PER_TACTIC for count in counts.values()):
        return indicators
    seen: dict[str, int] = {}
    kept = []
    for indicator in indicators:
        place = seen[indicator.code] = seen.get(indicator.code, 0) + 1
        surplus = counts[indicator.code] - KEPT_PER_TACTIC
        if place == 1 or place > 1 + surplus:
            kept.append(indicator)
    return tuple(kept)


def _placeholder_text(text: str, placeholder: str) -> str:
    start = text.find(f"[{placeholder}")
    return text[start : text.index("]", start) + 1]


def build_detector(packs: Iterable[bytes], tactics: bytes) -> Detector:
    """A detector from the bytes of its TOML files. Raises PackError."""
    pack_bytes = tuple(packs)
    known = read_tactics(tomllib.loads(tactics.decode()))
    read = [read_pack(tomllib.loads(content.decode()), known) for content in pack_bytes]
    digest = hashlib.sha256(b"\0".join((tactics, *pack_bytes))).hexdigest()[:8]
    names = "+".join(f"{pack.language}{pack.version}" for pack in read)
    return Detector(RuleBook(read, known), f"rules-{names}-{digest}")


@cache
def load_detector() -> Detector:
    """The detector of this release; compiled at the first call (a quarter of a second), then shared."""
    folder = resources.files("ringfence.detection") / "rulepacks"
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".toml") and file.name != "tactics.toml"),
        key=lambda file: file.name,
    )
    return build_detector((file.read_bytes() for file in files), (folder / "tactics.toml").read_bytes())
