"""What is described and what is sent are the same: every message of the bus fits its schema, field by field."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter

from ringfence.model.assessment import Assessment, Indicator, RiskLevel
from ringfence.model.calls import Attestation, Call, CallId, CallSid, CallStatus, Party
from ringfence.model.speech import Gap, Utterance
from ringfence.monitoring import messages
from ringfence.web import schemas

pytestmark = pytest.mark.unit

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
CALL = Call(CallId("id-1"), CallSid("CA1"), "+15550111", "+15550100", "es-CL", NOW)
ENDED = Call(
    CallId("id-1"), CallSid("CA1"), "anonymous", "+15550100", "en", NOW, CallStatus.INTERRUPTED, ended_at=NOW
)
UTTERANCE = Utterance(0, Party.SUBSCRIBER, "¿Quién es?", 0, 900)
ASSESSMENT = Assessment(
    revision=1,
    utterance=0,
    level=RiskLevel.CRITICAL,
    score=1.0,
    uncertain=True,
    indicators=(Indicator("asks_code", "Pide un código", 0, "dígame el código", 2.5, why="Nadie lo pide."),),
    text="Nivel de riesgo: CRÍTICO",
    detector="rules 1",
    source="analyst:model",
    made_at=NOW,
    notes=("analyst_unavailable",),
)
SENT: list[messages.Message] = [
    messages.call_started(CALL),
    messages.call_state(CALL, RiskLevel.LOW, [], None),
    messages.call_state(ENDED, RiskLevel.HIGH, [UTTERANCE], ASSESSMENT),
    messages.transcript_update(CALL.sid, UTTERANCE),
    messages.transcript_partial(CALL.sid, "user", "so far"),
    messages.analysis_complete(CALL.sid, ASSESSMENT),
    messages.protection_changed(CALL.sid, paused=True, reason="stream_lost"),
    messages.protection_changed(CALL.sid, paused=False, reason=""),
    messages.gap_noted(CALL.sid, Gap(0, 10, "engine_failed")),
    messages.call_ended(CALL),
    messages.call_stopped(ENDED),
    messages.call_stopped(CALL),
]


@pytest.mark.parametrize("message", SENT, ids=[message["type"] for message in SENT])
def test_a_message_is_what_its_schema_says(message: messages.Message) -> None:
    kind: Any = schemas.MonitorMessage if message["type"] != "call.started" else schemas.LiveMessage
    described = TypeAdapter[Any](kind).validate_json(json.dumps(message), strict=False)
    assert set(described.model_dump()) == set(message)


def test_every_kind_of_message_that_is_made_is_described() -> None:
    makers = {name for name, made in vars(messages).items() if callable(made) and not name.startswith("_")}
    not_messages = {"topic", "call_line", "Message", "Any", "Sequence"}
    values = {"Assessment", "RiskLevel", "Call", "CallSid", "Gap", "Utterance"}
    assert makers - not_messages - values == {
        "call_started",
        "call_state",
        "transcript_update",
        "transcript_partial",
        "analysis_complete",
        "protection_changed",
        "gap_noted",
        "call_ended",
        "call_stopped",
    }


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (schemas.RiskWord, [level.word for level in RiskLevel]),
        (schemas.StatusWord, [status.value for status in CallStatus]),
        (schemas.AttestationWord, [attestation.value for attestation in Attestation]),
        (schemas.RoleOfSpeaker, [party.role for party in Party]),
    ],
    ids=["levels", "statuses", "attestations", "roles"],
)
def test_the_words_of_the_api_are_those_of_the_model(words: Any, values: list[str]) -> None:
    assert list(words.__args__) == values
