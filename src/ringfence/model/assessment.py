"""Evidence, the adviser's report, and our judgement of a call."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from ringfence.model.calls import Party


class RiskLevel(IntEnum):
    LOW = 0
    MEDIUM = 1
    HIGH = 2
    CRITICAL = 3

    @property
    def word(self) -> str:
        """The level as it is written outside: `low`, `medium`, `high`, `critical`."""
        return self.name.lower()

    @property
    def is_danger(self) -> bool:
        return self >= RiskLevel.MEDIUM


@dataclass(frozen=True, slots=True)
class Indicator:
    """One piece of evidence: a tactic, and the words that showed it."""

    code: str
    """Stable name of the tactic, such as `asks_code`; the same in every language."""
    label: str
    """Its name in the call's language."""
    utterance: int
    """Index of the utterance that showed it."""
    words: str
    """The words themselves, as they stand in the utterance."""
    weight: float
    party: Party = Party.REMOTE
    why: str = ""
    """One sentence in the call's language for the person who reads it: why this counts."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the local detector holds of a call after its latest utterance."""

    score: float
    """Calibrated probability of fraud, 0..1."""
    indicators: tuple[Indicator, ...]
    """All found so far, oldest first."""
    uncertain: bool
    """Too little, or contradictory, to say."""
    language: str
    """The language the call is really held in, as far as heard: `en`, `es`, …"""
    disclosure: bool = False
    """The protected side has begun to give away what was asked for."""


@dataclass(frozen=True, slots=True)
class AnalystReport:
    """What an LLM adviser answered, already validated and clamped."""

    score: float
    """0..1."""
    indicators: tuple[tuple[str, str], ...]
    """Pairs of a short label in the call's language and the quoted words."""
    explanation: str
    scam_type: str = ""
    suggested_action: str = ""
    model: str = ""
    cost_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class Assessment:
    """Our current judgement of a call; the last one, with `final` set, is its verdict."""

    revision: int
    """From 1, rising within the call."""
    utterance: int
    """Index of the last utterance heard when it was made; -1 when nothing had been said."""
    level: RiskLevel
    score: float
    """0..1; shown as 0–100."""
    uncertain: bool
    indicators: tuple[Indicator, ...]
    text: str
    """For a person, in the call's language."""
    detector: str
    """Name and version of the detector that made it."""
    source: str
    """`local`, or `analyst:<model>` when an analyst's report is part of it."""
    made_at: datetime
    final: bool = False
    notes: tuple[str, ...] = ()
    """What limits it, as static codes: `analyst_unavailable`, `audio_dropped`, `no_speech`."""

    @property
    def score_percent(self) -> int:
        return round(self.score * 100)
