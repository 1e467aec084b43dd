"""Finds the tactics of telephone fraud in one utterance, by the rule packs of all languages at once. Pure.

Every phrase of every pack is in one Aho–Corasick automaton, so an utterance costs the same however many
phrases there are. Phrases with gaps are put together from the parts that were found. Then the surroundings are
looked at: what is denied ("the bank never asks for your code") or told of others ("my friend got a call that…")
counts for little or nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ahocorasick_rs import AhoCorasick

from ringfence.detection.normalise import Normalised, Normaliser
from ringfence.detection.rulepack import CONTEXTS, RulePack, Tactic
from ringfence.model.calls import Party

NEGATION_REACH = 5
"""Words after a "not" that it denies."""
STRONG_NEGATION_REACH = 14
REPORTED_REACH = 25
REPORTED_SHARE = 0.1
"""What is left of a tactic's weight when it is told of somebody else."""
OTHER_SIDE_SHARE = 0.25
"""What is left when the other side says it: a question back, a repetition."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A tactic in an utterance."""

    code: str
    strength: float
    """1 is the tactic's full weight."""
    words: str
    """As they stand in the utterance."""
    start: int
    """Where the words begin in the utterance's text."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What one utterance showed."""

    hits: tuple[Hit, ...]
    words: int
    function_words: Mapping[str, int]
    """Language -> how many of its small words there were."""
    placeholders: tuple[str, ...]
    """Secrets that were removed from it: `card`, `code`, `digits`, …"""
    is_reported: bool
    """It tells of what happened to somebody else."""
    is_answering: bool
    """It is how one answers a telephone, as against calling with an errand."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A set of phrases; `rules` are those that end with it."""

    rules: tuple[int, ...]
    context: int
    """Index into CONTEXTS, or -1."""


@dataclass(frozen=True, slots=True)
class _Compiled:
    tactic: str
    strength: float
    parts: tuple[int, ...]
    gaps: tuple[int, ...]


_Found = list[tuple[int, int]]
"""First and last word of each place where a part was found."""
_NEGATION, _STRONG_NEGATION, _BREAK, _REPORTED, _ANSWERING = range(len(CONTEXTS))


class RuleBook:
    """The packs, compiled. Shared by all calls; holds no state of any."""

    def __init__(self, packs: Sequence[RulePack], tactics: Mapping[str, Tactic]) -> None:
        self.packs = {pack.language: pack for pack in packs}
        self.tactics = dict(tactics)
        self.normaliser = Normaliser(
            spellings={wrong: right for pack in packs for wrong, right in pack.spellings.items()},
            numbers={word for pack in packs for word in pack.numbers},
            fillers={word for pack in packs for word in pack.fillers},
        )
        self._function_words = {pack.language: pack.function_words for pack in packs}
        part_ids: dict[tuple[str, ...], int] = {}
        phrase_parts: dict[str, list[int]] = {}
        self._rules: list[_Compiled] = []
        endings: dict[int, list[int]] = {}
        for pack in packs:
            for rule in pack.rules:
                ids = tuple(self._part(part, part_ids, phrase_parts) for part in rule.parts)
                endings.setdefault(ids[-1], []).append(len(self._rules))
                self._rules.append(_Compiled(rule.tactic, rule.strength, ids, rule.gaps))
        contexts = {
            self._part(tuple(pack.context[key]), part_ids, phrase_parts): place
            for pack in packs
            for place, key in enumerate(CONTEXTS)
        }
        self._parts = [
            _Part(tuple(endings.get(part, ())), contexts.get(part, -1)) for part in range(len(part_ids))
        ]
        phrases = list(phrase_parts)
        self._parts_of_phrase = [tuple(phrase_parts[phrase]) for phrase in phrases]
        self._automaton = AhoCorasick(phrases, store_patterns=False)

    def _part(
        self,
        texts: tuple[str, ...],
        part_ids: dict[tuple[str, ...], int],
        phrase_parts: dict[str, list[int]],
    ) -> int:
        known = part_ids.get(texts)
        if known is not None:
            return known
        part = part_ids[texts] = len(part_ids)
        for text in texts:
            phrase = self.normaliser.level_phrase(text)
            of_phrase = phrase_parts.setdefault(phrase, [])
            if part not in of_phrase and phrase.strip():
                of_phrase.append(part)
        return part

    @property
    def phrase_count(self) -> int:
        return len(self._parts_of_phrase)

    def read(self, text: str, party: Party) -> Heard:
        """What the utterance shows. The same text and party always give the same."""
        levelled = self.normaliser.level(text)
        words = levelled.text.split()
        found = self._find_parts(levelled)
        by_context = self._contexts(found)
        hits = self._hits(text, levelled, found, by_context, party) if found else ()
        return Heard(
            hits=hits,
            words=len(words),
            function_words={
                language: sum(word in small for word in words)
                for language, small in self._function_words.items()
            },
            placeholders=tuple(word[1:] for word in words if word[0] == "#" and word != "#n"),
            is_reported=bool(by_context[_REPORTED]),
            is_answering=bool(by_context[_ANSWERING]),
        )

    def _find_parts(self, levelled: Normalised) -> dict[int, _Found]:
        found: dict[int, _Found] = {}
        offsets = levelled.offsets
        if not offsets:
            return found
        last_word = {offset: word for word, offset in enumerate(offsets)}
        for phrase, start, end in self._automaton.find_matches_as_indexes(levelled.text, overlapping=True):
            first = last_word[start + 1]
            last = last_word[end] - 1 if end in last_word else len(offsets) - 1
            for part in self._parts_of_phrase[phrase]:
                found.setdefault(part, []).append((first, last))
        return found

    def _contexts(self, found: Mapping[int, _Found]) -> list[_Found]:
        by_context: list[_Found] = [[] for _ in CONTEXTS]
        for part, places in found.items():
            context = self._parts[part].context
            if context >= 0:
                by_context[context].extend(places)
        return by_context

    def _hits(
        self,
        text: str,
        levelled: Normalised,
        found: Mapping[int, _Found],
        by_context: Sequence[_Found],
        party: Party,
    ) -> tuple[Hit, ...]:
        best: dict[str, tuple[float, int, int]] = {}
        for part in found:
            for number in self._parts[part].rules:
                rule = self._rules[number]
                tactic = self.tactics[rule.tactic]
                if tactic.by == "protected" and party is not Party.SUBSCRIBER:
                    continue
                for first, last in _chains(rule, found):
                    strength = rule.strength * _share(tactic, first, last, by_context, levelled.stops)
                    if tactic.by == "caller" and party is Party.SUBSCRIBER:
                        strength *= OTHER_SIDE_SHARE
                    if strength <= 0:
                        continue
                    known = best.get(rule.tactic)
                    if known is None or (strength, last - first) > (known[0], known[2] - known[1]):
                        best[rule.tactic] = (strength, first, last)
        return tuple(
            Hit(code, strength, levelled.quote(text, first, last), levelled.spans[first][0])
            for code, (strength, first, last) in sorted(best.items(), key=lambda item: item[1][1])
        )


def _chains(rule: _Compiled, found: Mapping[int, _Found]) -> Iterable[tuple[int, int]]:
    """Every place where the rule's parts stand in order, none too far from the one before."""
    if len(rule.parts) == 1:
        return found[rule.parts[0]]
    # From the last part backwards: (first word so far, last word of the whole).
    reach = found[rule.parts[-1]]
    for place in range(len(rule.parts) - 2, -1, -1):
        earlier = found.get(rule.parts[place])
        if not earlier:
            return ()
        gap = rule.gaps[place]
        reach = [
            (start, end)
            for first, end in reach
            for start, before in earlier
            if before < first <= before + 1 + gap
        ]
        if not reach:
            return ()
    return reach


def _share(
    tactic: Tactic, first: int, last: int, by_context: Sequence[_Found], stops: Sequence[int]
) -> float:
    """How much of a tactic is left where it stands: 0 when denied, little when told of others."""
    if tactic.negatable and _is_denied(first, by_context, stops):
        return 0.0
    for start, end in by_context[_REPORTED]:
        if start <= first and first - end <= REPORTED_REACH and not (start >= first and end <= last):
            return REPORTED_SHARE
    return 1.0


def _is_denied(first: int, by_context: Sequence[_Found], stops: Sequence[int]) -> bool:
    """Whether a negation before the word reaches it: not too far off, in the same sentence and clause."""
    for context, reach in ((_STRONG_NEGATION, STRONG_NEGATION_REACH), (_NEGATION, NEGATION_REACH)):
        for start, end in by_context[context]:
            if not (start < first and first - end <= reach):
                continue
            broken = any(end < place <= first for place, _ in by_context[_BREAK])
            if not broken and not any(end <= stop < first for stop in stops):
                return True
    return False
