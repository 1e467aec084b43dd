"""Reads rule packs: what a language calls each tactic, and the phrases that show it. Pure: TOML comes parsed.

The little language of the phrases: `(a|b|)` one of these or nothing, also inside words; `<name>` one of the
words of `[words]`; `.` up to one word between, `..` up to four, `...` up to nine.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

GAPS = {".": 1, "..": 4, "...": 9}
"""Sign in a phrase -> words that may stand in its place."""
STRENGTHS = {"strong": 1.5, "phrases": 1.0, "weak": 0.4}
"""Key in a pack -> share of the tactic's weight."""
CONTEXTS = ("negations", "strong_negations", "breaks", "reported", "answering")

_CLASS = re.compile(r"<(\w+)>")
_GAP = re.compile(r"\s(\.{1,3})(?=\s|$)")


class PackError(ValueError):
    """A rule pack says something that cannot be understood."""


@dataclass(frozen=True, slots=True)
class Tactic:
    """A move of the crime script, in no particular language."""

    code: str
    group: str
    weight: float
    """Log-odds."""
    by: str = "caller"
    """Whose words show it: `caller`, `protected` or `any`."""
    hard: bool = False
    """A demand that no honest caller makes."""
    negatable: bool = False


@dataclass(frozen=True, slots=True)
class Wording:
    """What a language calls a tactic."""

    label: str
    why: str


@dataclass(frozen=True, slots=True)
class Rule:
    """Parts in order, each a set of phrases, with at most `gaps[i]` words before part i + 1."""

    tactic: str
    strength: float
    parts: tuple[tuple[str, ...], ...]
    gaps: tuple[int, ...]
    source: str
    """As it is written in the pack."""


@dataclass(frozen=True, slots=True)
class RulePack:
    """One language's file."""

    language: str
    version: str
    name: str
    function_words: frozenset[str]
    numbers: frozenset[str]
    fillers: frozenset[str]
    spellings: Mapping[str, str]
    wordings: Mapping[str, Wording]
    rules: tuple[Rule, ...]
    context: Mapping[str, tuple[str, ...]]


def read_tactics(document: Mapping[str, Any]) -> dict[str, Tactic]:
    """Raises PackError."""
    tactics: dict[str, Tactic] = {}
    for entry in document["tactic"]:
        tactic = Tactic(**entry)
        if tactic.by not in ("caller", "protected", "any"):
            raise PackError(f"{tactic.code}: `by` is {tactic.by!r}")
        if tactic.code in tactics:
            raise PackError(f"{tactic.code} is there twice")
        tactics[tactic.code] = tactic
    return tactics


def read_pack(document: Mapping[str, Any], tactics: Mapping[str, Tactic]) -> RulePack:
    """Raises PackError that names the phrase."""
    words = {
        name: tuple(text for phrase in phrases for text in expand(phrase, {}))
        for name, phrases in document["words"].items()
    }
    wordings: dict[str, Wording] = {}
    rules: list[Rule] = []
    for entry in document["tactic"]:
        code = entry["code"]
        if code not in tactics:
            raise PackError(f"there is no tactic {code!r}")
        if code in wordings:
            raise PackError(f"{code} is there twice")
        if unknown := set(entry) - {"code", "label", "why", *STRENGTHS}:
            raise PackError(f"{code}: unknown keys {sorted(unknown)}")
        wordings[code] = Wording(entry["label"], entry["why"])
        for key, strength in STRENGTHS.items():
            rules.extend(read_rule(code, strength, phrase, words) for phrase in entry.get(key, ()))
    if missing := set(tactics) - set(wordings):
        raise PackError(f"{document['language']}: no words for {sorted(missing)}")
    return RulePack(
        language=document["language"],
        version=document["version"],
        name=document["name"],
        function_words=frozenset(document["function_words"].split()),
        numbers=frozenset(document["numbers"].split()),
        fillers=frozenset(document["fillers"].split()),
        spellings=dict(document.get("spellings", {})),
        wordings=wordings,
        rules=tuple(rules),
        context={
            key: tuple(text for phrase in document["context"][key] for text in expand(phrase, words))
            for key in CONTEXTS
        },
    )


def read_rule(tactic: str, strength: float, phrase: str, words: Mapping[str, Sequence[str]]) -> Rule:
    """Cut a phrase at its gaps and write out every part."""
    pieces = _GAP.split(f" {phrase.strip()}")
    if not pieces[-1].strip():
        pieces = pieces[:-2]
    parts = tuple(tuple(dict.fromkeys(expand(piece, words))) for piece in pieces[::2])
    if not parts or any(not part for part in parts):
        raise PackError(f"{tactic}: an empty part in {phrase!r}")
    return Rule(tactic, strength, parts, tuple(GAPS[sign] for sign in pieces[1::2]), phrase)


def expand(phrase: str, words: Mapping[str, Sequence[str]]) -> list[str]:
    """Every way to read a phrase without gaps. Raises PackError."""
    texts, rest = _alternatives(phrase, 0, words)
    if rest != len(phrase):
        raise PackError(f"a bracket too many in {phrase!r}")
    return [text for text in (" ".join(text.split()) for text in texts) if text]


def _alternatives(phrase: str, start: int, words: Mapping[str, Sequence[str]]) -> tuple[list[str], int]:
    """What stands from `start` to the closing bracket or the end; where that is."""
    found: list[str] = []
    factors: list[Sequence[str]] = []
    position = start
    while position < len(phrase):
        character = phrase[position]
        if character == "(":
            inner, position = _alternatives(phrase, position + 1, words)
            if position >= len(phrase):
                raise PackError(f"a bracket too few in {phrase!r}")
            factors.append(inner)
        elif character == ")":
            break
        elif character == "|":
            found.extend(_joined(factors))
            factors = []
        elif character == "<":
            match = _CLASS.match(phrase, position)
            if not match or match[1] not in words:
                raise PackError(f"no such words: {phrase[position : position + 20]!r}")
            factors.append(words[match[1]])
            position = match.end() - 1
        else:
            end = position
            while end < len(phrase) and phrase[end] not in "()|<":
                end += 1
            factors.append((phrase[position:end],))
            position = end - 1
        position += 1
    found.extend(_joined(factors))
    return found, position


def _joined(factors: Sequence[Sequence[str]]) -> Iterator[str]:
    return ("".join(choice) for choice in product(*factors))
