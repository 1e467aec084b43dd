"""The little language of the rule packs, and the packs themselves as data."""

import tomllib
from collections import Counter
from importlib import resources
from typing import Any

import pytest

from ringfence.detection.detector import load_detector
from ringfence.detection.rulepack import (
    CONTEXTS,
    STRENGTHS,
    PackError,
    RulePack,
    expand,
    read_pack,
    read_rule,
    read_tactics,
)
from ringfence.detection.weighing import GROUP_CAPS
from ringfence.privacy.redact import PLACEHOLDERS

pytestmark = pytest.mark.unit

FOLDER = resources.files("ringfence.detection") / "rulepacks"
MOST_READINGS = 3_000
"""Of one part of a phrase; more cost memory without finding more."""


def document(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


TACTICS = read_tactics(document("tactics"))
PACKS = {name: read_pack(document(name), TACTICS) for name in ("en", "es")}


@pytest.mark.parametrize(
    ("phrase", "readings"),
    [
        ("a code", ["a code"]),
        ("(a|the|) code(s|)", ["a codes", "a code", "the codes", "the code", "codes", "code"]),
        ("<colour> (card|(big|small) gift)", ["red card", "red big gift", "red small gift"]),
        ("(only|)", ["only"]),
    ],
)
def test_a_phrase_is_read_in_every_way(phrase: str, readings: list[str]) -> None:
    assert expand(phrase, {"colour": ["red"]}) == readings


@pytest.mark.parametrize("phrase", ["(a", "a)", "<nothing>", "(a|(b)"])
def test_a_phrase_that_cannot_be_read_is_refused(phrase: str) -> None:
    with pytest.raises(PackError):
        expand(phrase, {})


def test_a_phrase_is_cut_at_its_gaps() -> None:
    rule = read_rule("t", 1.0, "read . me .. the ... code", {})
    assert rule.parts == (("read",), ("me",), ("the",), ("code",))
    assert rule.gaps == (1, 4, 9)


@pytest.mark.parametrize("phrase", [".. code", "read .. .. me", ""])
def test_a_gap_stands_between_words(phrase: str) -> None:
    with pytest.raises(PackError):
        read_rule("t", 1.0, phrase, {})


def test_a_pack_without_words_for_a_tactic_is_refused() -> None:
    pack = document("en")
    pack["tactic"] = [entry for entry in pack["tactic"] if entry["code"] != "secrecy"]
    with pytest.raises(PackError, match="secrecy"):
        read_pack(pack, TACTICS)


def test_an_unknown_tactic_and_an_unknown_key_are_refused() -> None:
    stray = {"code": "sorcery", "label": "x", "why": "y", "phrases": []}
    with pytest.raises(PackError, match="sorcery"):
        read_pack({**document("en"), "tactic": [stray]}, TACTICS)
    with pytest.raises(PackError, match="phrase"):
        read_pack({**document("en"), "tactic": [{**stray, "code": "threat", "phrase": []}]}, TACTICS)


def test_a_tactic_is_named_once_and_its_speaker_is_known() -> None:
    entry = {"code": "a", "group": "ask", "weight": 1.0}
    with pytest.raises(PackError, match="twice"):
        read_tactics({"tactic": [entry, entry]})
    with pytest.raises(PackError, match="by"):
        read_tactics({"tactic": [{**entry, "by": "everybody"}]})


def test_every_tactic_belongs_to_a_group_that_is_weighed() -> None:
    assert {tactic.group for tactic in TACTICS.values()} <= set(GROUP_CAPS)


def test_demands_that_no_honest_caller_makes_outweigh_those_that_some_do() -> None:
    hard = [tactic.weight for tactic in TACTICS.values() if tactic.hard]
    soft = [tactic.weight for tactic in TACTICS.values() if tactic.group == "soft_ask"]
    assert min(hard) > max(soft)


@pytest.fixture(params=PACKS)
def pack(request: pytest.FixtureRequest) -> RulePack:
    return PACKS[request.param]


def test_every_tactic_has_a_label_and_one_sentence_that_says_why(pack: RulePack) -> None:
    assert set(pack.wordings) == set(TACTICS)
    for code, wording in pack.wordings.items():
        assert 3 <= len(wording.label) <= 50, code
        assert wording.why.endswith((".", "?")), code
        assert 20 <= len(wording.why) <= 140, code


def test_no_two_tactics_share_a_label(pack: RulePack) -> None:
    labels = Counter(wording.label for wording in pack.wordings.values())
    assert [label for label, count in labels.items() if count > 1] == []


def test_every_tactic_but_the_computed_one_has_phrases(pack: RulePack) -> None:
    assert set(TACTICS) - {rule.tactic for rule in pack.rules} == {"disclosure"}


def test_no_phrase_is_written_twice_under_one_tactic(pack: RulePack) -> None:
    written = Counter((rule.tactic, rule.source) for rule in pack.rules)
    assert [entry for entry, count in written.items() if count > 1] == []


def test_no_part_of_a_phrase_has_too_many_readings(pack: RulePack) -> None:
    assert [rule.source for rule in pack.rules if max(map(len, rule.parts)) > MOST_READINGS] == []


def test_no_phrase_of_one_word_weighs_fully_but_names_of_things(pack: RulePack) -> None:
    """A single everyday word would fire on every call."""
    everyday = pack.function_words | pack.numbers
    lonely = [
        (rule.tactic, text)
        for rule in pack.rules
        if len(rule.parts) == 1
        for text in rule.parts[0]
        if " " not in text and text in everyday
    ]
    assert lonely == []


def test_every_word_list_of_a_pack_is_used(pack: RulePack) -> None:
    source = document(pack.language)
    written = str([*source["tactic"], *source["context"].values(), *source["words"].values()])
    assert [name for name in source["words"] if f"<{name}>" not in written] == []


def test_every_context_is_given(pack: RulePack) -> None:
    assert set(pack.context) == set(CONTEXTS)
    assert all(pack.context.values())


def test_a_denial_that_is_strong_begins_with_or_holds_a_negation(pack: RulePack) -> None:
    assert len(pack.context["strong_negations"]) > 5


def test_placeholders_in_phrases_are_those_that_the_redactor_leaves() -> None:
    level = load_detector().book.normaliser.level_phrase
    left = {level(placeholder).strip() for placeholder in PLACEHOLDERS.values()}
    for pack in PACKS.values():
        used = {
            word
            for rule in pack.rules
            for part in rule.parts
            for text in part
            for word in text.split()
            if word.startswith("#") and word != "#n"
        }
        assert used <= left


def test_strengths_are_ordered() -> None:
    assert STRENGTHS["strong"] > STRENGTHS["phrases"] > STRENGTHS["weak"]


def test_both_packs_fit_into_one_automaton_of_reasonable_size() -> None:
    assert 10_000 < load_detector().book.phrase_count < 120_000
