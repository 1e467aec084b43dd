"""Values to rows and back: the only place that knows how a call is spelled in columns."""

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from ringfence.contracts import Cipher
from ringfence.model.assessment import Assessment, Indicator, RiskLevel
from ringfence.model.calls import Attestation, Call, CallId, CallSid, CallStatus, Direction, Party
from ringfence.model.history import CallSummary, Feedback, Timing
from ringfence.model.speech import Gap, Utterance

CALLER = "calls.caller_number"
CALLED = "calls.called_number"
NUMBER_INDEX = "phone_number"
"""One context for every indexed number, so that a number is found in whatever column it stands."""

Values = dict[str, Any]


def fold(text: str) -> str:
    """The text without case and accents, for searching: both databases then find the same."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def storable(text: str) -> str:
    """The text without what PostgreSQL's text cannot hold: NUL and halves of surrogate pairs."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def call_values(call: Call, cipher: Cipher) -> Values:
    return {
        "id": call.id,
        "sid": call.sid,
        "caller_number_sealed": cipher.seal(call.caller_number.encode(), CALLER),
        "caller_number_index": cipher.index(call.caller_number, NUMBER_INDEX),
        "called_number_sealed": cipher.seal(call.called_number.encode(), CALLED),
        "called_number_index": cipher.index(call.called_number, NUMBER_INDEX),
        "language": call.language,
        "direction": call.direction.value,
        "attestation": call.attestation.value,
        "status": call.status.value,
        "started_at": call.started_at,
        "ended_at": call.ended_at,
        "level": 0,
        "score": 0.0,
        "last_words": "",
        "utterances": 0,
        "feedback": None,
        "facts": "{}",
    }


def call_from_row(row: Row[Any], cipher: Cipher) -> Call:
    return Call(
        id=CallId(row.id),
        sid=CallSid(row.sid),
        caller_number=cipher.open(row.caller_number_sealed, CALLER).decode(),
        called_number=cipher.open(row.called_number_sealed, CALLED).decode(),
        language=row.language,
        started_at=row.started_at,
        status=CallStatus(row.status),
        direction=Direction(row.direction),
        attestation=Attestation(row.attestation),
        ended_at=row.ended_at,
    )


def summary_from_row(row: Row[Any], cipher: Cipher) -> CallSummary:
    return CallSummary(
        call=call_from_row(row, cipher),
        level=RiskLevel(row.level),
        score=row.score,
        last_words=row.last_words,
        utterances=row.utterances,
        feedback=row.feedback,
    )


def utterance_values(call_id: CallId, utterance: Utterance, at: datetime) -> Values:
    return {
        "call_id": call_id,
        "index": utterance.index,
        "party": utterance.party.value,
        "text": storable(utterance.text),
        "folded": fold(storable(utterance.text)),
        "start_ms": utterance.start_ms,
        "end_ms": utterance.end_ms,
        "engine": utterance.engine,
        "confidence": utterance.confidence,
        "stored_at": at,
    }


def utterance_from_row(row: Row[Any]) -> tuple[Utterance, datetime]:
    """The utterance, and when it was stored."""
    index: int = row._mapping["index"]  # a row is a tuple, whose own `index` is a method
    utterance = Utterance(
        index=index,
        party=Party(row.party),
        text=row.text,
        start_ms=row.start_ms,
        end_ms=row.end_ms,
        engine=row.engine,
        confidence=row.confidence,
    )
    return utterance, row.stored_at


def assessment_values(call_id: CallId, assessment: Assessment) -> Values:
    return {
        "call_id": call_id,
        "revision": assessment.revision,
        "utterance": assessment.utterance,
        "level": int(assessment.level),
        "score": assessment.score,
        "uncertain": assessment.uncertain,
        "indicators": _json([asdict(indicator) for indicator in assessment.indicators]),
        "text": storable(assessment.text),
        "detector": assessment.detector,
        "source": storable(assessment.source),
        "made_at": assessment.made_at,
        "final": assessment.final,
        "notes": _json(assessment.notes),
    }


def assessment_from_row(row: Row[Any]) -> Assessment:
    return Assessment(
        revision=row.revision,
        utterance=row.utterance,
        level=RiskLevel(row.level),
        score=row.score,
        uncertain=row.uncertain,
        indicators=tuple(
            Indicator(**{**indicator, "party": Party(indicator["party"])})
            for indicator in json.loads(row.indicators)
        ),
        text=row.text,
        detector=row.detector,
        source=row.source,
        made_at=row.made_at,
        final=row.final,
        notes=tuple(json.loads(row.notes)),
    )


def gap_values(call_id: CallId, gap: Gap) -> Values:
    return {
        "call_id": call_id,
        "start_ms": gap.start_ms,
        "end_ms": gap.end_ms,
        "reason": storable(gap.reason),
        "party": gap.party.value if gap.party else None,
    }


def gap_from_row(row: Row[Any]) -> Gap:
    return Gap(row.start_ms, row.end_ms, row.reason, Party(row.party) if row.party else None)


def timing_values(call_id: CallId, timing: Timing) -> Values:
    return {
        "call_id": call_id,
        "step": timing.step,
        "utterance": timing.utterance,
        "elapsed_ms": timing.elapsed_ms,
    }


def timing_from_row(row: Row[Any]) -> Timing:
    return Timing(row.step, row.utterance, row.elapsed_ms)


def feedback_values(call_id: CallId, feedback: Feedback) -> Values:
    return {
        "call_id": call_id,
        "label": feedback.label,
        "given_by": feedback.by,
        "given_at": feedback.at,
    }


def feedback_from_row(row: Row[Any]) -> Feedback:
    return Feedback(row.label, row.given_by, row.given_at)


def facts_text(facts: Mapping[str, object]) -> str:
    return _json(dict(facts))


def facts_from_text(text: str) -> dict[str, object]:
    facts: dict[str, object] = json.loads(text)
    return facts


def _json(value: Sequence[object] | Mapping[str, object]) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"), default=str)
