"""What those who look on are told of a call: the monitor messages of the public contract.

Pure: values in, JSON-ready dicts out. Topics on the bus: one a call, and one for all calls together.
"""

from collections.abc import Sequence
from typing import Any

from ringfence.model.assessment import Assessment, RiskLevel
from ringfence.model.calls import Call, CallSid
from ringfence.model.speech import Gap, Utterance

ALL_CALLS = "calls"
"""Topic of the console's live list: every message below, with its `call_sid`."""

Message = dict[str, Any]


def topic(call_sid: CallSid) -> str:
    """Topic of one call's monitors."""
    return f"call:{call_sid}"


def call_line(
    call: Call, last_words: str = "", assessment: Assessment | None = None, *, is_protected: bool = True
) -> Message:
    """One call in a list of live calls (`active-calls`, the console)."""
    return {
        "call_sid": call.sid,
        "recording_id": call.id,
        "caller_number": call.caller_number,
        "called_number": call.called_number,
        "current_risk_level": (assessment.level if assessment else RiskLevel.LOW).word,
        "score": assessment.score_percent if assessment else 0,
        "indicators": _labels(assessment),
        "is_protected": is_protected,
        "started_at": call.started_at.isoformat(),
        "status": call.status.value,
        "language": call.language,
        "attestation": call.attestation.value,
        "last_words": last_words,
    }


def call_started(call: Call) -> Message:
    return {"type": "call.started", "call": call_line(call), "call_sid": call.sid}


def call_state(
    call: Call,
    level: RiskLevel,
    transcript: Sequence[Utterance],
    assessment: Assessment | None,
    *,
    is_protected: bool = True,
) -> Message:
    """The state so far, for a monitor that connects."""
    return {
        "type": "call.state",
        "call_sid": call.sid,
        "caller_number": call.caller_number,
        "recording_id": call.id,
        "current_risk_level": level.word,
        "transcript": [_turn(utterance) for utterance in transcript],
        "started_at": call.started_at.isoformat(),
        "status": call.status.value,
        "language": call.language,
        "is_protected": is_protected,
        "assessment": analysis_complete(call.sid, assessment) if assessment else None,
    }


def transcript_update(call_sid: CallSid, utterance: Utterance) -> Message:
    return {"type": "transcript.update", "call_sid": call_sid, **_turn(utterance)}


def transcript_partial(call_sid: CallSid, role: str, text: str) -> Message:
    """Words still being spoken; replaced by the next one of the same role. Never kept."""
    return {"type": "transcript.partial", "call_sid": call_sid, "role": role, "text": text}


def analysis_complete(call_sid: CallSid, assessment: Assessment) -> Message:
    return {
        "type": "analysis.complete",
        "call_sid": call_sid,
        "risk_level": assessment.level.word,
        "indicators": _labels(assessment),
        "text": assessment.text,
        "is_danger": assessment.level.is_danger,
        "score": assessment.score_percent,
        "final": assessment.final,
        "uncertain": assessment.uncertain,
        "evidence": [
            {
                "code": indicator.code,
                "label": indicator.label,
                "text": indicator.words,
                "index": indicator.utterance,
                "why": indicator.why,
            }
            for indicator in assessment.indicators
        ],
        "detector": assessment.detector,
        "source": assessment.source,
        "revision": assessment.revision,
        "index": assessment.utterance,
        "notes": list(assessment.notes),
        "made_at": assessment.made_at.isoformat(),
    }


def protection_changed(call_sid: CallSid, *, paused: bool, reason: str) -> Message:
    """Listening stopped or came back; the person and whoever looks on are told."""
    return {
        "type": "protection.paused" if paused else "protection.resumed",
        "call_sid": call_sid,
        "reason": reason,
    }


def gap_noted(call_sid: CallSid, gap: Gap) -> Message:
    return {
        "type": "call.gap",
        "call_sid": call_sid,
        "start_ms": gap.start_ms,
        "end_ms": gap.end_ms,
        "reason": gap.reason,
    }


def call_ended(call: Call) -> Message:
    """Nobody speaks any more; the last judgement follows, and then `call.stopped`."""
    return {"type": "call.ended", "call_sid": call.sid, "recording_id": call.id}


def call_stopped(call: Call) -> Message:
    return {
        "type": "call.stopped",
        "call_sid": call.sid,
        "recording_id": call.id,
        "status": call.status.value,
        "ended_at": call.ended_at.isoformat() if call.ended_at else None,
    }


def _labels(assessment: Assessment | None) -> list[str]:
    """Each tactic once, in the order in which they were first found."""
    return list(dict.fromkeys(each.label for each in assessment.indicators)) if assessment else []


def _turn(utterance: Utterance) -> Message:
    return {
        "role": utterance.party.role,
        "text": utterance.text,
        "index": utterance.index,
        "start_ms": utterance.start_ms,
        "end_ms": utterance.end_ms,
    }
