"""What the doors say, as types: every response of the API and every message of its sockets.

These are the source of `/openapi.json` and, through it, of the types in the console. The dicts that travel
on the bus are made by `monitoring.messages`; the classes below describe them and a test holds the two
together. Fields may be added, never renamed or dropped.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ringfence.access.roles import Role

RiskWord = Literal["low", "medium", "high", "critical"]
RoleOfSpeaker = Literal["user", "callee"]
StatusWord = Literal["ringing", "live", "ended", "interrupted"]
AttestationWord = Literal["A", "B", "C", "failed", "absent"]
FeedbackLabel = Literal["scam", "benign"]
Percent = Annotated[int, Field(ge=0, le=100)]


class Answer(BaseModel):
    """Base of everything below: what is not declared is not said."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_serialization_defaults_required=True)


class Problem(BaseModel):
    """An error, as RFC 9457 says (`application/problem+json`)."""

    type: str = "about:blank"
    title: str
    """The status in words."""
    status: int
    detail: str
    """What went wrong and what helps, for a person."""
    errors: list["FieldProblem"] | None = None
    """Which parts of the request were wrong; only with status 422."""


class FieldProblem(BaseModel):
    where: str
    """Such as `body.label` or `query.limit`."""
    problem: str


# --- who is asking ---------------------------------------------------------------------------------


class Me(Answer):
    name: str
    role: Role


class LinkSignIn(Answer):
    token: str = Field(min_length=1, max_length=200)
    """From a sign-in link; works once."""


class KeySignIn(Answer):
    key: str = Field(min_length=1, max_length=200)


# --- calls now -------------------------------------------------------------------------------------


class CallLine(Answer):
    """A call in the list of live ones."""

    call_sid: str
    recording_id: str
    caller_number: str
    called_number: str
    current_risk_level: RiskWord
    score: Percent
    indicators: list[str]
    is_protected: bool
    started_at: datetime
    status: StatusWord
    language: str
    attestation: AttestationWord
    last_words: str


class ActiveCalls(Answer):
    calls: list[CallLine]


class TwilioHealth(Answer):
    status: Literal["ok"]
    twilio_configured: bool
    active_calls: int


# --- calls kept ------------------------------------------------------------------------------------


class CallSummary(Answer):
    """A call in the history."""

    call_sid: str
    recording_id: str
    caller_number: str
    called_number: str
    status: StatusWord
    risk_level: RiskWord
    score: Percent
    language: str
    attestation: AttestationWord
    started_at: datetime
    ended_at: datetime | None
    last_words: str
    utterances: int
    feedback: FeedbackLabel | None


class Calls(Answer):
    calls: list[CallSummary]
    """Newest first."""
    next_cursor: str | None
    """Give it back as `cursor` for the page after this one; null when this was the last."""


class Turn(Answer):
    """One utterance as it was kept."""

    role: RoleOfSpeaker
    text: str
    at: datetime
    """When it was kept, a moment after it was heard."""
    index: int
    start_ms: int
    end_ms: int
    engine: str
    confidence: float | None


class Leg(Answer):
    """One party's side of the call."""

    party: Literal["remote", "subscriber"]
    number: str
    call_sid: str | None
    """The carrier's id of that side, where it is known."""


class GapLine(Answer):
    """A stretch of the call that was not heard."""

    start_ms: int
    end_ms: int
    reason: str
    role: RoleOfSpeaker | None
    """Null when neither side was heard."""


class TimingLine(Answer):
    step: str
    utterance: int
    elapsed_ms: float


class FeedbackLine(Answer):
    label: FeedbackLabel
    by: str
    at: datetime


class GiveFeedback(Answer):
    label: FeedbackLabel


class AlertLine(Answer):
    """A warning that went to somebody."""

    alert_id: str
    risk_level: RiskWord
    issued_at: datetime


FactValue = str | int | float | bool | None | list[str]


class CallDetail(Answer):
    """Everything known about one call."""

    call_sid: str
    recording_id: str
    caller_number: str
    called_number: str
    status: StatusWord
    risk_level: RiskWord
    score: Percent
    language: str
    direction: Literal["inbound", "outbound"]
    attestation: AttestationWord
    started_at: datetime
    ended_at: datetime | None
    legs: list[Leg]
    transcript: list[Turn]
    assessments: list["AnalysisComplete"]
    """Oldest first; the last one with `final` set is the verdict."""
    alerts: list[AlertLine]
    gaps: list[GapLine]
    timings: list[TimingLine]
    facts: dict[str, object]
    """Counters and engines, written when the call ended."""
    feedback: list[FeedbackLine]
    detector: str
    """Version of the detector that made the last assessment; empty before the first."""
    has_audio: bool


# --- looking after it ------------------------------------------------------------------------------


class AuditEntry(Answer):
    """Who looked at or changed what. Entries are never changed or removed."""

    number: int
    at: datetime
    who: str
    action: str
    subject: str
    hash: str
    """Chains the entry to the one before it."""


class Audit(Answer):
    entries: list[AuditEntry]
    """Oldest first."""
    next_after: int | None
    """Give it back as `after` for the entries that follow; null when there are none yet."""
    intact: bool | None
    """With `verify=true`: whether every entry still follows from the one before it."""


class Spread(Answer):
    count: int
    median: float
    p95: float


class FeedbackCounts(Answer):
    """How the judgement compares with what people said of the calls afterwards."""

    scam_caught: int
    scam_missed: int
    benign_alarmed: int
    benign_passed: int


class StatusCounts(Answer):
    ringing: int
    live: int
    ended: int
    interrupted: int


class LevelCounts(Answer):
    low: int
    medium: int
    high: int
    critical: int


class Stats(Answer):
    """Figures over all kept calls."""

    active_calls: int
    calls: int
    calls_by_status: StatusCounts
    calls_by_level: LevelCounts
    utterances: int
    feedback: FeedbackCounts
    timings_ms: dict[str, Spread]
    """By step of a call, over the latest ones; milliseconds."""
    detector: str


class Ready(Answer):
    status: Literal["ready"]


class Alive(Answer):
    status: Literal["ok"]
    version: str


# --- messages of the sockets -----------------------------------------------------------------------


class SpokenTurn(Answer):
    role: RoleOfSpeaker
    text: str
    index: int
    start_ms: int
    end_ms: int


class Evidence(Answer):
    """One sign of fraud, and the words that showed it."""

    code: str
    label: str
    text: str
    index: int
    """Place in the transcript."""
    why: str


class AnalysisComplete(Answer):
    type: Literal["analysis.complete"]
    call_sid: str
    risk_level: RiskWord
    indicators: list[str]
    text: str
    is_danger: bool
    score: Percent
    final: bool
    uncertain: bool
    """There is too little to say: the level tells how careful to be, not how sure it is."""
    evidence: list[Evidence]
    detector: str
    source: str
    revision: int
    index: int
    """Place in the transcript of the last utterance that was judged; -1 before the first."""
    notes: list[str]
    made_at: datetime


class CallState(Answer):
    """First message of a monitor: the state so far."""

    type: Literal["call.state"]
    call_sid: str
    caller_number: str
    recording_id: str
    current_risk_level: RiskWord
    transcript: list[SpokenTurn]
    started_at: datetime
    status: StatusWord
    language: str
    is_protected: bool
    assessment: AnalysisComplete | None


class TranscriptUpdate(SpokenTurn):
    type: Literal["transcript.update"]
    call_sid: str


class TranscriptPartial(Answer):
    """Words still being spoken; the next one of the same role takes its place."""

    type: Literal["transcript.partial"]
    call_sid: str
    role: RoleOfSpeaker
    text: str


class ProtectionChanged(Answer):
    type: Literal["protection.paused", "protection.resumed"]
    call_sid: str
    reason: str


class CallGap(Answer):
    type: Literal["call.gap"]
    call_sid: str
    start_ms: int
    end_ms: int
    reason: str


class CallEnded(Answer):
    """Both hung up; the last words and the verdict are still to come, then `call.stopped`."""

    type: Literal["call.ended"]
    call_sid: str
    recording_id: str


class CallStopped(Answer):
    """The record is closed; nothing comes after it."""

    type: Literal["call.stopped"]
    call_sid: str
    recording_id: str
    status: StatusWord
    ended_at: datetime | None


class CallStarted(Answer):
    type: Literal["call.started"]
    call: CallLine
    call_sid: str


class LiveState(Answer):
    """First message of the live list: the calls at this moment."""

    type: Literal["live.state"]
    calls: list[CallLine]


class Heartbeat(Answer):
    """The line is alive; nothing else happened."""

    type: Literal["heartbeat"]


MonitorMessage = Annotated[
    CallState
    | TranscriptUpdate
    | TranscriptPartial
    | AnalysisComplete
    | ProtectionChanged
    | CallGap
    | CallEnded
    | CallStopped
    | Heartbeat,
    Field(discriminator="type"),
]
"""What `WS /api/v1/twilio/monitor/{call_sid}` sends."""

LiveMessage = Annotated[
    LiveState
    | CallStarted
    | TranscriptUpdate
    | TranscriptPartial
    | AnalysisComplete
    | ProtectionChanged
    | CallGap
    | CallEnded
    | CallStopped
    | Heartbeat,
    Field(discriminator="type"),
]
"""What `WS /api/v1/live` sends."""

CallDetail.model_rebuild()
Problem.model_rebuild()
