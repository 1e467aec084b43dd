"""Kept calls as the API shows them. Pure: values of `model.history` in, schemas out."""

from ringfence.model.calls import Call, Direction, Party
from ringfence.model.history import CallRecord
from ringfence.model.history import CallSummary as KeptSummary
from ringfence.monitoring import messages
from ringfence.web import schemas


def summary(kept: KeptSummary) -> schemas.CallSummary:
    return schemas.CallSummary.model_validate(
        {
            **_call(kept.call),
            "risk_level": kept.level.word,
            "score": round(kept.score * 100),
            "last_words": kept.last_words,
            "utterances": kept.utterances,
            "feedback": kept.feedback,
        }
    )


def detail(record: CallRecord) -> schemas.CallDetail:
    call = record.call
    latest = record.assessments[-1] if record.assessments else None
    return schemas.CallDetail.model_validate(
        {
            **_call(call),
            "direction": call.direction.value,
            "risk_level": record.level.word,
            "score": latest.score_percent if latest else 0,
            "legs": _legs(call),
            "transcript": [
                {
                    "role": utterance.party.role,
                    "text": utterance.text,
                    "at": at,
                    "index": utterance.index,
                    "start_ms": utterance.start_ms,
                    "end_ms": utterance.end_ms,
                    "engine": utterance.engine,
                    "confidence": utterance.confidence,
                }
                for utterance, at in record.transcript
            ],
            "assessments": [
                messages.analysis_complete(call.sid, assessment) for assessment in record.assessments
            ],
            "alerts": [],
            "gaps": [
                {
                    "start_ms": gap.start_ms,
                    "end_ms": gap.end_ms,
                    "reason": gap.reason,
                    "role": gap.party.role if gap.party else None,
                }
                for gap in record.gaps
            ],
            "timings": [
                {"step": timing.step, "utterance": timing.utterance, "elapsed_ms": timing.elapsed_ms}
                for timing in record.timings
            ],
            "facts": dict(record.facts),
            "feedback": [
                {"label": feedback.label, "by": feedback.by, "at": feedback.at}
                for feedback in record.feedback
            ],
            "detector": latest.detector if latest else "",
            "has_audio": record.has_audio,
        }
    )


def _call(call: Call) -> dict[str, object]:
    return {
        "call_sid": call.sid,
        "recording_id": call.id,
        "caller_number": call.caller_number,
        "called_number": call.called_number,
        "status": call.status.value,
        "language": call.language,
        "attestation": call.attestation.value,
        "started_at": call.started_at,
        "ended_at": call.ended_at,
    }


def _legs(call: Call) -> list[dict[str, object]]:
    """The carrier's id belongs to the leg that the call began with: the caller's."""
    caller = Party.REMOTE if call.direction is Direction.INBOUND else Party.SUBSCRIBER
    called = Party.SUBSCRIBER if caller is Party.REMOTE else Party.REMOTE
    return [
        {"party": caller.value, "number": call.caller_number, "call_sid": call.sid},
        {"party": called.value, "number": call.called_number, "call_sid": None},
    ]
