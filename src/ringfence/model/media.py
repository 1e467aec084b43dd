"""What a media socket tells us, free of any carrier's spelling."""

from collections.abc import Mapping
from dataclasses import dataclass

from ringfence.model.calls import CallSid, Party


@dataclass(frozen=True, slots=True)
class StreamStarted:
    """The first word of a stream: which call it is, and the parameters we gave the carrier for it."""

    stream_sid: str
    call_sid: CallSid
    parties: tuple[Party, ...]
    """Whom we shall hear on it."""
    parameters: Mapping[str, str]


@dataclass(slots=True)
class AudioReceived:
    """A piece of one party's speech: G.711 mu-law, 8 kHz, mono, usually 160 bytes (20 ms).

    Nobody changes one. It is not frozen because that triples the cost of making it, and every frame is one.
    """

    party: Party
    mulaw: bytes
    timestamp_ms: int
    """Since the start of the stream, by the carrier's clock."""


@dataclass(frozen=True, slots=True)
class KeypadPressed:
    party: Party
    digit: str


@dataclass(frozen=True, slots=True)
class MarkReached:
    name: str


@dataclass(frozen=True, slots=True)
class StreamStopped:
    call_sid: CallSid


MediaEvent = StreamStarted | AudioReceived | KeypadPressed | MarkReached | StreamStopped


@dataclass(slots=True)
class MediaCounters:
    """What a media socket did not bring. Grows while the stream lives."""

    lost_chunks: int = 0
    """Numbers skipped by the carrier's sequence."""
    late_chunks: int = 0
    """Chunks that came after a later one of the same party."""
    bad_messages: int = 0
