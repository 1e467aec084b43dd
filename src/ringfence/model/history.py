"""A call as it is kept, and how kept calls are looked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ringfence.model.assessment import Assessment, RiskLevel
from ringfence.model.calls import Call, CallStatus
from ringfence.model.speech import Gap, Utterance


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a person said of a call afterwards: `scam` or `benign`."""

    label: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Timing:
    """How long one step of a call took, such as `utterance_end_to_shown` (milliseconds)."""

    step: str
    utterance: int
    elapsed_ms: float


@dataclass(frozen=True, slots=True)
class CallRecord:
    """Everything that is kept about one call."""

    call: Call
    transcript: tuple[tuple[Utterance, datetime], ...]
    """Utterances in order, each with the instant it was stored."""
    assessments: tuple[Assessment, ...]
    gaps: tuple[Gap, ...] = ()
    timings: tuple[Timing, ...] = ()
    feedback: tuple[Feedback, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)
    """Counters and engines, written at the end of the call."""
    has_audio: bool = False

    @property
    def level(self) -> RiskLevel:
        """The verdict's level once there is one, else the latest assessment's."""
        return self.assessments[-1].level if self.assessments else RiskLevel.LOW


@dataclass(frozen=True, slots=True)
class CallSummary:
    """One line of the history."""

    call: Call
    level: RiskLevel
    score: float
    last_words: str
    utterances: int
    feedback: str | None = None


@dataclass(frozen=True, slots=True)
class CallQuery:
    """What to look for; None and empty do not restrict."""

    since: datetime | None = None
    until: datetime | None = None
    number: str | None = None
    """Caller's or called number, exact, E.164."""
    min_level: RiskLevel | None = None
    status: CallStatus | None = None
    text: str = ""
    """Words that stand in the transcript, case ignored."""
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class CallPage:
    """Newest first."""

    calls: tuple[CallSummary, ...]
    next_cursor: str | None
