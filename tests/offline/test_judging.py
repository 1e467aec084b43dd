"""Whole calls, judged offline by the live monitor; the playbooks are calls of our own with what is expected of them."""

import asyncio
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ringfence
from ringfence.contracts import Brief
from ringfence.detection.detector import load_detector
from ringfence.model.assessment import AnalystReport, RiskLevel
from ringfence.model.calls import Call, CallId, CallSid, Party
from ringfence.model.errors import ProviderError
from ringfence.model.speech import Segment
from ringfence.monitoring import recorder
from ringfence.monitoring.monitor import CallEnded, CallMonitor, Event, Keep, MonitorPolicy, SegmentHeard
from ringfence.offline.judging import Verdict, judge
from ringfence.offline.transcripts import OfflineCall, Turn, read_transcript

pytestmark = pytest.mark.unit

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PLAYBOOKS = Path(__file__).parents[1] / "playbooks"


def scripts(name: str) -> list[dict[str, Any]]:
    lines = (PLAYBOOKS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


SCAMS, INNOCENT = scripts("scams"), scripts("innocent")
BANK_SCAM = SCAMS[0]


def name_of(record: dict[str, Any]) -> str:
    return str(record["id"])


def as_recognised(text: str) -> str:
    """Without case and punctuation, as many recognisers write."""
    return re.sub(r"[^\w\s']", "", text.lower())


def judged(record: dict[str, Any], *, recognised: bool = False) -> Verdict:
    if recognised:
        turns = [{**turn, "text": as_recognised(turn["text"])} for turn in record["turns"]]
        record = {**record, "turns": turns}
    ((call, _),) = read_transcript("playbook", json.dumps(record))
    assert isinstance(call, OfflineCall)
    return asyncio.run(judge(call, load_detector(), at=NOW))


@pytest.mark.parametrize("record", SCAMS, ids=name_of)
def test_a_scam_is_told_in_time(record: dict[str, Any]) -> None:
    verdict = judged(record)
    assert verdict.assessment.level.word in {record["expect"], "critical"}
    warned = next(moment.index for moment in verdict.moments if moment.level >= RiskLevel.HIGH)
    assert warned <= record["warned_by"]


@pytest.mark.parametrize("record", SCAMS, ids=name_of)
def test_a_scam_is_told_without_case_and_punctuation(record: dict[str, Any]) -> None:
    assert judged(record, recognised=True).assessment.level >= RiskLevel.HIGH


@pytest.mark.parametrize("record", INNOCENT, ids=name_of)
def test_an_innocent_call_is_let_be(record: dict[str, Any]) -> None:
    highest = max(moment.level for moment in judged(record).moments)
    assert highest <= RiskLevel[record["expect"].upper()]


@pytest.mark.parametrize("record", INNOCENT, ids=name_of)
def test_an_innocent_call_is_let_be_without_case_and_punctuation(record: dict[str, Any]) -> None:
    assert max(moment.level for moment in judged(record, recognised=True).moments) < RiskLevel.HIGH


@pytest.mark.parametrize("record", [*SCAMS, *INNOCENT], ids=name_of)
def test_each_moment_knows_nothing_of_what_comes_later(record: dict[str, Any]) -> None:
    whole = judged(record).moments
    for length in range(1, len(record["turns"])):
        part = judged({**record, "turns": record["turns"][:length]}).moments
        assert part == whole[:length]


def test_offline_and_live_are_the_same() -> None:
    record = BANK_SCAM
    parties = {"caller": Party.REMOTE, "callee": Party.SUBSCRIBER}
    call = Call(CallId("x"), CallSid("x"), "", "", record["language"], NOW)
    lines = [recorder.write_call(call)]
    for index, turn in enumerate(record["turns"]):
        segment = Segment(parties[turn["role"]], turn["text"], index * 4000, index * 4000 + 4000)
        lines.append(recorder.write_event(SegmentHeard(segment, NOW)))
    lines.append(recorder.write_event(CallEnded(NOW)))
    shown = [
        effect.message["score"]
        for effect in recorder.replay(lines, load_detector())
        if hasattr(effect, "message") and effect.message["type"] == "analysis.complete"
    ]
    verdict = judged(record)
    assert shown == [
        *(round(moment.score * 100) for moment in verdict.moments),
        verdict.assessment.score_percent,
    ]


LINES = [turn["text"] for record in (*SCAMS, *INNOCENT) for turn in record["turns"]]
SECRETS = [
    "sure it is four zero one two triple eight",
    "eight eight eight eight eight one eight eight one",
    "the code is 481 920",
    "mi rut es 12.345.678-5",
    "ocho uno nueve",
    "0",
]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(Party), st.sampled_from(LINES + SECRETS) | st.text(max_size=30)),
        max_size=14,
    ),
    st.sampled_from(["en", "es-CL"]),
)
def test_a_transcript_has_one_score_heard_live_replayed_judged_offline_and_judged_again_as_it_was_kept(
    said: list[tuple[Party, str]], language: str
) -> None:
    detector = load_detector()
    call = Call(CallId("x"), CallSid("x"), "", "", language, NOW)
    events: list[Event] = [
        *(
            SegmentHeard(Segment(party, text, n * 4000, n * 4000 + 4000), NOW)
            for n, (party, text) in enumerate(said)
        ),
        CallEnded(NOW),
    ]
    monitor = CallMonitor(call, detector, MonitorPolicy())
    live = [effect.entry for event in events for effect in monitor.receive(event) if isinstance(effect, Keep)]
    lines = [recorder.write_call(call), *(recorder.write_event(event) for event in events)]
    replayed = [effect.entry for effect in recorder.replay(lines, detector) if isinstance(effect, Keep)]
    assert replayed == live
    for turns in (said, [(utterance.party, utterance.text) for utterance in monitor.transcript]):
        offline = OfflineCall("x", language, tuple(Turn(party, text) for party, text in turns))
        verdict = asyncio.run(judge(offline, detector, at=NOW)).assessment
        assert monitor.assessment is not None
        assert (verdict.score, verdict.level) == (monitor.assessment.score, monitor.assessment.level)
        assert verdict.detector == detector.version


def test_an_empty_turn_keeps_its_place() -> None:
    call = OfflineCall(
        "x",
        "en",
        (
            Turn(Party.REMOTE, ""),
            Turn(Party.REMOTE, "   "),
            Turn(Party.REMOTE, "buy gift cards and read me the numbers"),
        ),
    )
    verdict = asyncio.run(judge(call, load_detector(), at=NOW))
    assert [moment.index for moment in verdict.moments] == [0, 1, 2]
    assert {indicator.utterance for indicator in verdict.assessment.indicators} == {2}
    assert verdict.heard == ("", "", "buy gift cards and read me the numbers")


def test_the_same_words_twice_are_two_turns() -> None:
    call = OfflineCall("x", "en", (Turn(Party.REMOTE, "Hello?"), Turn(Party.REMOTE, "Hello?")))
    assert asyncio.run(judge(call, load_detector(), at=NOW)).heard == ("Hello?", "Hello?")


def test_a_call_without_words_is_judged_low_and_uncertain() -> None:
    verdict = asyncio.run(judge(OfflineCall("x", "en", ()), load_detector(), at=NOW))
    assert verdict.assessment.level is RiskLevel.LOW
    assert verdict.assessment.uncertain
    assert verdict.assessment.notes == ("no_speech",)


def test_secrets_are_gone_before_anything_is_judged() -> None:
    call = OfflineCall("x", "en", (Turn(Party.SUBSCRIBER, "my card is 4242 4242 4242 4242"),))
    assert asyncio.run(judge(call, load_detector(), at=NOW)).heard == ("my card is [card number]",)


class Adviser:
    """An analyst that says what it is told to, or fails."""

    name = "invented:adviser"

    def __init__(self, score: float | None) -> None:
        self.score = score
        self.asked: list[Brief] = []

    async def analyse(self, brief: Brief) -> AnalystReport:
        self.asked.append(brief)
        if self.score is None:
            raise ProviderError("not today")
        return AnalystReport(self.score, (), "Because.", model=self.name)


TALK = OfflineCall(
    "x", "en", tuple(Turn(Party.REMOTE, f"and the garden is lovely in week {word}") for word in "abcdefg")
)


def test_an_analyst_is_asked_every_third_turn_and_at_the_end() -> None:
    adviser = Adviser(0.7)
    verdict = asyncio.run(judge(TALK, load_detector(), analyst=adviser, at=NOW))
    assert [len(brief.transcript) for brief in adviser.asked] == [3, 6, 7]
    assert [brief.final for brief in adviser.asked] == [False, False, True]
    assert verdict.assessment.source == "analyst:invented:adviser"
    assert [moment.level for moment in verdict.moments][:3] == [RiskLevel.LOW, RiskLevel.LOW, RiskLevel.HIGH]


def test_without_its_analyst_the_local_judgement_stands_and_says_so() -> None:
    verdict = asyncio.run(judge(TALK, load_detector(), analyst=Adviser(None), at=NOW))
    assert verdict.assessment.source == "local"
    assert "analyst_unavailable" in verdict.assessment.notes


def test_an_analyst_that_was_talked_into_zero_lowers_nothing() -> None:
    ((call, _),) = read_transcript("playbook", json.dumps(BANK_SCAM))
    assert isinstance(call, OfflineCall)
    advised = asyncio.run(judge(call, load_detector(), analyst=Adviser(0.0), at=NOW))
    alone = judged(BANK_SCAM)
    assert [moment.score for moment in advised.moments] == [moment.score for moment in alone.moments]
    assert advised.assessment.level is alone.assessment.level


def test_from_python_a_text_is_assessed() -> None:
    assessment = ringfence.assess(
        "caller: This is your bank, read me the code we sent you right now.\ncallee: No."
    )
    assert assessment.level >= RiskLevel.HIGH
    assert assessment.final
    assert ringfence.assess("hola, ¿qué tal?", language="es").level is RiskLevel.LOW


def test_from_python_nothing_said_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="empty"):
        ringfence.assess("  ")


def test_from_python_a_recorded_call_is_replayed(tmp_path: Path) -> None:
    call = Call(CallId("x"), CallSid("x"), "", "", "en", NOW)
    path = tmp_path / "call.jsonl"
    segment = Segment(Party.REMOTE, "hello there", 0, 900)
    path.write_text(
        "\n".join([recorder.write_call(call), recorder.write_event(SegmentHeard(segment, NOW))]),
        encoding="utf-8",
    )
    assert len(list(ringfence.replay(path))) == 4
