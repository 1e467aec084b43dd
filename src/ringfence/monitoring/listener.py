"""One party's audio on its way into the speech engine, and what comes back."""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from ringfence.contracts import Listening, SpeechEngine, SpeechStream
from ringfence.model.errors import ProviderError
from ringfence.model.media import AudioReceived
from ringfence.model.speech import EngineSwitched, Segment, SpeechEvent
from ringfence.speech.leg_stream import LegStream

log = logging.getLogger(__name__)

EARLY_BYTES = 8 * 10_000
"""Audio kept while an engine opens: ten seconds of mu-law at 8 kHz."""


class LegListener:
    """Opens a stream of the engine, feeds it, and tells every speech event to `hear`.

    Frames may come before the engine is open; they wait here. `base_ms` is added to what the engine says, for
    a stream that began later than the call.
    """

    def __init__(
        self, engine: SpeechEngine, listening: Listening, base_ms: int, hear: Callable[[SpeechEvent], None]
    ) -> None:
        self._engine = engine
        self._listening = listening
        self._base_ms = base_ms
        self._hear = hear
        self._early: deque[AudioReceived] = deque()
        self._early_bytes = 0
        self._leg: LegStream | None = None
        self._stream: SpeechStream | None = None
        self._finishing = False
        self._is_broken = False

    def feed(self, event: AudioReceived) -> None:
        """Synchronous and cheap: called for every frame. Never raises."""
        if self._is_broken:
            return
        if self._leg is not None:
            try:
                self._leg.feed(event)
            except Exception as error:  # It promised not to; the other party is still to be heard.
                self._is_broken = True
                log.exception("speech engine refused audio", extra={"provider": self._engine.name})
                self._tell_failure(type(error).__name__)
            return
        self._early.append(event)
        self._early_bytes += len(event.mulaw)
        while self._early_bytes > EARLY_BYTES:
            self._early_bytes -= len(self._early.popleft().mulaw)

    async def run(self) -> None:
        """Listen until the stream ends. A failure is told as an event; nothing escapes but cancellation."""
        try:
            self._stream = await self._engine.open(self._listening)
            self._leg = LegStream(self._stream, self._listening.party)
            while self._early:
                self._leg.feed(self._early.popleft())
            if self._finishing:
                await self._leg.finish()
            async for event in self._leg.events():
                self._hear(self._shifted(event))
        except ProviderError as error:
            self._tell_failure(str(error))
        except Exception as error:  # An engine's bug must not end the call; the type names it in the log.
            log.exception("speech engine failed unexpectedly", extra={"provider": self._engine.name})
            self._tell_failure(type(error).__name__)
        finally:
            self._early.clear()
            if self._stream is not None:
                await self._stream.aclose()

    async def finish(self) -> None:
        """No more audio: `run` ends when the engine has said what is left."""
        self._finishing = True
        if self._leg is not None:
            await self._leg.finish()

    def _shifted(self, event: SpeechEvent) -> SpeechEvent:
        if not self._base_ms:
            return event
        if isinstance(event, Segment):
            return replace(
                event, start_ms=event.start_ms + self._base_ms, end_ms=event.end_ms + self._base_ms
            )
        if isinstance(event, EngineSwitched):
            return replace(
                event,
                gap_start_ms=event.gap_start_ms + self._base_ms,
                gap_end_ms=event.gap_end_ms + self._base_ms,
            )
        return replace(event, start_ms=event.start_ms + self._base_ms)

    def _tell_failure(self, reason: str) -> None:
        at_ms = self._base_ms + (self._leg.elapsed_ms if self._leg else 0)
        party = self._listening.party
        self._hear(EngineSwitched(party, self._engine.name, "", reason, at_ms, at_ms))
