"""From sound to words: segments, utterances, and the holes between them."""

from dataclasses import dataclass

from ringfence.model.calls import Party

MS_PER_MULAW_BYTE = 1 / 8  # 8,000 one-byte samples a second (ITU-T G.711)


@dataclass(frozen=True, slots=True)
class Segment:
    """One result of a speech engine. An interim one is replaced by the next of the same party."""

    party: Party
    text: str
    start_ms: int
    end_ms: int
    """Offsets into the party's audio, from the start of the stream."""
    is_final: bool = True
    confidence: float | None = None
    engine: str = ""


@dataclass(frozen=True, slots=True)
class EngineSwitched:
    """An engine failed for one party and the next took over; `next_engine` is empty when none was left."""

    party: Party
    engine: str
    next_engine: str
    reason: str
    gap_start_ms: int
    gap_end_ms: int
    """The stretch of audio that no engine heard; empty (equal) when it was replayed to the next one."""


@dataclass(frozen=True, slots=True)
class AudioDropped:
    """Audio thrown away because an engine could not keep up."""

    party: Party
    start_ms: int
    duration_ms: int


SpeechEvent = Segment | EngineSwitched | AudioDropped


@dataclass(frozen=True, slots=True)
class Utterance:
    """One party's completed turn, as it was understood, with secrets removed."""

    index: int
    """Place in the transcript, from 0."""
    party: Party
    text: str
    start_ms: int
    end_ms: int
    """Offsets from the start of the stream."""
    engine: str = ""
    confidence: float | None = None


Transcript = tuple[Utterance, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of the call that was not heard, and why."""

    start_ms: int
    end_ms: int
    reason: str
    party: Party | None = None
    """None when both were not heard."""
