from datetime import UTC, datetime

import pytest

from ringfence.model.assessment import Assessment, Indicator, RiskLevel
from ringfence.model.calls import Call, CallId, CallSid, Party
from ringfence.model.speech import Utterance
from ringfence.monitoring import messages

pytestmark = pytest.mark.unit

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
CALL = Call(CallId("id-1"), CallSid("CA1"), "+15550111", "+15550100", "es", NOW)
EVIDENCE = Indicator("asks_code", "Pide un código", 3, "el código", 2.0, why="El banco nunca lo pide.")
ASSESSMENT = Assessment(
    4, 3, RiskLevel.HIGH, 0.834, False, (EVIDENCE, EVIDENCE), "Nivel de Riesgo: ALTO", "local-1", "local", NOW
)


def test_an_analysis_has_the_fields_of_the_public_contract() -> None:
    message = messages.analysis_complete(CALL.sid, ASSESSMENT)
    assert {
        "type": "analysis.complete",
        "risk_level": "high",
        "indicators": ["Pide un código"],
        "text": "Nivel de Riesgo: ALTO",
        "is_danger": True,
        "score": 83,
        "final": False,
        "uncertain": False,
    }.items() <= message.items()
    assert message["evidence"][0] == {
        "code": "asks_code",
        "label": "Pide un código",
        "text": "el código",
        "index": 3,
        "why": "El banco nunca lo pide.",
    }


def test_a_late_monitor_gets_the_state_so_far() -> None:
    said = Utterance(0, Party.SUBSCRIBER, "¿Quién habla?", 0, 900)
    message = messages.call_state(CALL, RiskLevel.HIGH, [said], ASSESSMENT)
    assert {
        "type": "call.state",
        "call_sid": "CA1",
        "caller_number": "+15550111",
        "recording_id": "id-1",
        "current_risk_level": "high",
    }.items() <= message.items()
    assert message["transcript"] == [
        {"role": "callee", "text": "¿Quién habla?", "index": 0, "start_ms": 0, "end_ms": 900}
    ]


def test_a_transcript_update_names_the_role_of_who_speaks() -> None:
    message = messages.transcript_update(CALL.sid, Utterance(0, Party.REMOTE, "Hola", 0, 900))
    assert (message["type"], message["role"], message["text"]) == ("transcript.update", "user", "Hola")


def test_the_end_names_the_recording() -> None:
    message = messages.call_stopped(CALL)
    assert (message["type"], message["recording_id"]) == ("call.stopped", "id-1")


def test_every_call_has_a_topic_of_its_own() -> None:
    assert messages.topic(CallSid("CA1")) != messages.topic(CallSid("CA2"))


def test_a_line_of_the_list_says_what_was_found_and_whether_the_call_is_heard() -> None:
    line = messages.call_line(CALL, "el código", ASSESSMENT, is_protected=False)
    assert (line["current_risk_level"], line["score"], line["last_words"]) == ("high", 83, "el código")
    assert (line["indicators"], line["is_protected"]) == (["Pide un código"], False)
