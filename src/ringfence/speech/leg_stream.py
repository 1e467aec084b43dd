"""One party's audio on its way into an engine: batched, and without holes in its timeline."""

import bisect
import dataclasses
from collections.abc import AsyncIterator

from ringfence.contracts import SpeechStream
from ringfence.model.calls import Party
from ringfence.model.media import AudioReceived
from ringfence.model.speech import AudioDropped, EngineSwitched, SpeechEvent

BYTES_PER_MS = 8  # G.711: 8,000 one-byte samples a second
BATCH_MS = 100
"""Audio is handed over in pieces of this length: a fifth of the calls of one a frame."""
MAX_FILL_MS = 10_000
"""A longer hole is jumped over: an engine need not listen to minutes of nothing."""
JITTER_MS = 10
"""Carriers count time in whole frames; less than half of one is rounding."""
RESTART_MS = 5_000
"""A timestamp that falls back further than this is a new count, not a late frame."""
SILENCE = b"\xff"  # mu-law for zero


class LegStream:
    """Feeds an engine's stream and keeps its offsets true to the carrier's clock.

    A hole up to `MAX_FILL_MS` is filled with silence; over a longer one the offsets that come back through
    `events()` are moved. Frames that come after a later one of the same party are left out."""

    def __init__(self, stream: SpeechStream, party: Party) -> None:
        self._stream = stream
        self._party = party
        self._batch: list[bytes] = []
        self._pushed = 0  # bytes of the party's timeline as the engine counts it, batch included
        self._flush_at = BATCH_MS * BYTES_PER_MS  # the value of `_pushed` that fills the batch
        self._shift_from: list[int] = [0]  # engine's offsets (ms) from which…
        self._shift_by: list[int] = [0]  # …so much is added to reach the carrier's clock
        self._last_timestamp_ms = -1

    @property
    def elapsed_ms(self) -> int:
        """Where the party's audio stands, by the carrier's clock."""
        return self._pushed // BYTES_PER_MS + self._shift_by[-1]

    def feed(self, event: AudioReceived) -> None:
        """Hand over one frame. Never blocks, never raises; called for every frame of a call."""
        timestamp_ms, mulaw = event.timestamp_ms, event.mulaw
        late_by_ms = self._last_timestamp_ms - timestamp_ms
        if 0 <= late_by_ms < RESTART_MS:
            return
        self._last_timestamp_ms = timestamp_ms
        ahead_ms = timestamp_ms - self._pushed // BYTES_PER_MS - self._shift_by[-1]
        if ahead_ms > JITTER_MS:
            self._fill(ahead_ms)
        elif late_by_ms >= RESTART_MS:
            self._shift(ahead_ms)
        self._batch.append(mulaw)
        self._pushed += len(mulaw)
        if self._pushed >= self._flush_at:
            self._flush()

    async def finish(self) -> None:
        """No more audio will come."""
        self._flush()
        await self._stream.finish()

    async def events(self) -> AsyncIterator[SpeechEvent]:
        """The engine's events on the carrier's clock. Iterate once. Raises ProviderError."""
        async for event in self._stream.events():
            yield self._placed(event)

    async def aclose(self) -> None:
        await self._stream.aclose()

    def _fill(self, missing_ms: int) -> None:
        filled_ms = min(missing_ms, MAX_FILL_MS)
        silence = SILENCE * (filled_ms * BYTES_PER_MS)
        self._flush()
        self._stream.push(silence)
        self._pushed += len(silence)
        self._flush_at += len(silence)
        if missing_ms > filled_ms:
            self._shift(missing_ms - filled_ms)

    def _shift(self, by_ms: int) -> None:
        self._shift_from.append(self._pushed // BYTES_PER_MS)
        self._shift_by.append(self._shift_by[-1] + by_ms)

    def _flush(self) -> None:
        if self._batch:
            self._stream.push(b"".join(self._batch))
            self._batch.clear()
        self._flush_at = self._pushed + BATCH_MS * BYTES_PER_MS

    def _placed(self, event: SpeechEvent) -> SpeechEvent:
        if len(self._shift_by) == 1:
            return event
        if isinstance(event, EngineSwitched):
            return dataclasses.replace(
                event, gap_start_ms=self._at(event.gap_start_ms), gap_end_ms=self._at(event.gap_end_ms)
            )
        if isinstance(event, AudioDropped):
            return dataclasses.replace(event, start_ms=self._at(event.start_ms))
        return dataclasses.replace(event, start_ms=self._at(event.start_ms), end_ms=self._at(event.end_ms))

    def _at(self, engine_ms: int) -> int:
        return engine_ms + self._shift_by[bisect.bisect_right(self._shift_from, engine_ms) - 1]
