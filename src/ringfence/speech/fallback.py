"""Engines in order of preference: when one fails, at once or in mid-call, the next one goes on.

Audio that has not become words yet is kept for a while and played to the next engine, so that a change of
engines usually costs nothing but time. What was lost nevertheless is told as it is.
"""

import asyncio
import contextlib
import dataclasses
import logging
from collections.abc import AsyncIterator, Sequence

from ringfence.contracts import Listening, SpeechEngine, SpeechStream
from ringfence.model.errors import ProviderError
from ringfence.model.speech import AudioDropped, EngineSwitched, Segment, SpeechEvent
from ringfence.speech.voice import has_sound

log = logging.getLogger(__name__)

OPEN_LIMIT_S = 20.0
"""Longest wait for an engine to take a call; a local one may be loading its model."""
BYTES_PER_MS = 8
KEPT_BYTES = 30_000 * BYTES_PER_MS
"""Audio kept for the next engine, a call's party: 30 s, 240 kB at most."""
KEPT_QUIET_BYTES = 500 * BYTES_PER_MS
"""Of a pause so much is kept: the beginning of the next word may be soft."""
DRAIN_LIMIT_S = 15.0
"""How long an engine that has failed may hold up its successor while letting go."""


AGAIN_AFTER_S = (0.0, 1.0, 4.0)
"""Pauses before the last engine there is, having failed of something that may pass, is tried again in a call."""


class FallbackEngine:
    """Satisfies `contracts.SpeechEngine`. Opening never fails: what goes wrong is told in the stream's events."""

    def __init__(self, engines: Sequence[SpeechEngine]) -> None:
        """The first that understands a call's language is tried first; the others in order; those that do not
        understand it are left out. Owns the engines: closing this closes them."""
        self._engines = tuple(engines)
        self.name = ",".join(engine.name for engine in engines)

    @property
    def engines(self) -> tuple[SpeechEngine, ...]:
        return self._engines

    def understands(self, language: str) -> bool:
        return any(engine.understands(language) for engine in self._engines)

    async def open(self, listening: Listening) -> SpeechStream:
        able = [engine for engine in self._engines if engine.understands(listening.language)]
        return FallbackStream(able, listening)

    async def warm(self) -> None:
        """Let the first engine that can prepare itself do so; a failure shows at the first call."""
        for engine in self._engines:
            warm = getattr(engine, "warm", None)
            if warm is not None:
                try:
                    await warm()
                except ProviderError as error:
                    log.warning(
                        "speech engine is not ready", extra={"provider": engine.name, "reason": str(error)}
                    )
                    continue
                return

    async def aclose(self) -> None:
        await asyncio.gather(*(engine.aclose() for engine in self._engines))


class FallbackStream:
    """Satisfies `contracts.SpeechStream`. Audio may be pushed before the first engine is open."""

    def __init__(self, engines: Sequence[SpeechEngine], listening: Listening) -> None:
        self._engines = engines
        self._listening = listening
        self._inner: SpeechStream | None = None
        self._kept = _KeptAudio()
        self._deaf_from: int | None = None  # byte from which no engine is left
        self._finished = asyncio.Event()
        self._queue: asyncio.Queue[SpeechEvent | None] = asyncio.Queue()
        self._task = asyncio.get_running_loop().create_task(self._run())

    def push(self, mulaw: bytes) -> None:
        if self._finished.is_set():
            return
        if self._deaf_from is not None:
            self._kept.pass_over(len(mulaw))
            return
        self._kept.add(mulaw)
        if self._inner is not None:
            self._inner.push(mulaw)

    async def finish(self) -> None:
        if not self._finished.is_set():
            self._finished.set()
            if self._inner is not None:
                await self._inner.finish()

    async def events(self) -> AsyncIterator[SpeechEvent]:
        """Never raises ProviderError: an engine that fails is an event here."""
        while (event := await self._queue.get()) is not None:
            yield event

    async def aclose(self) -> None:
        self._finished.set()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._queue.put_nowait(None)  # a task that had not begun leaves no end behind

    async def _run(self) -> None:
        failed: list[tuple[str, str]] = []  # engines since the last one that worked, and why they did not
        try:
            for place, engine in enumerate(self._engines, start=1):
                pauses_s = AGAIN_AFTER_S if place == len(self._engines) else ()
                if await self._hear_again_and_again(engine, pauses_s, failed):
                    return
            await self._go_deaf(failed)
        finally:
            self._queue.put_nowait(None)

    async def _hear_again_and_again(
        self, engine: SpeechEngine, pauses_s: Sequence[float], failed: list[tuple[str, str]]
    ) -> bool:
        """Whether this engine heard to the end, at the first try or at one after these pauses."""
        for pause_s in (*pauses_s, None):
            error = await self._hear_with(engine, failed)
            if error is None:
                return True
            log.warning(
                "speech engine failed",
                extra={
                    "provider": engine.name,
                    "call_sid": self._listening.call_sid,
                    "reason": str(error),
                },
            )
            failed.append((engine.name, str(error)))
            if pause_s is None or not error.retryable:
                break
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._finished.wait()
        return False

    async def _hear_with(self, engine: SpeechEngine, failed: list[tuple[str, str]]) -> ProviderError | None:
        """Why this engine stopped hearing; None when it heard to the end."""
        try:
            async with asyncio.timeout(OPEN_LIMIT_S):
                stream = await engine.open(self._listening)
        except ProviderError as error:
            return error
        except TimeoutError:
            return ProviderError(f"{engine.name} did not take the call within {OPEN_LIMIT_S:.0f} s")
        try:
            if failed:
                self._tell_switch(failed, engine.name)
                failed.clear()
            start_ms = self._kept.start_byte // BYTES_PER_MS
            if audio := self._kept.audio():
                stream.push(audio)
            self._inner = stream
            if self._finished.is_set():
                await stream.finish()
            async for event in stream.events():
                self._tell(event, start_ms)
            if self._finished.is_set():
                return None
            return ProviderError(f"{engine.name} ended before the call", retryable=True)
        except ProviderError as error:
            return error
        finally:
            self._inner = None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_LIMIT_S):
                    await stream.aclose()

    def _tell(self, event: SpeechEvent, start_ms: int) -> None:
        """Pass on an engine's event; its offsets count from the audio it was given first."""
        if isinstance(event, Segment):
            event = dataclasses.replace(
                event, start_ms=event.start_ms + start_ms, end_ms=event.end_ms + start_ms
            )
            if event.is_final:
                self._kept.heard_until(event.end_ms * BYTES_PER_MS)
        elif isinstance(event, AudioDropped):
            event = dataclasses.replace(event, start_ms=event.start_ms + start_ms)
        self._queue.put_nowait(event)

    def _tell_switch(self, failed: Sequence[tuple[str, str]], next_engine: str) -> None:
        lost_from, lost_to = self._kept.take_lost()
        self._queue.put_nowait(
            EngineSwitched(
                self._listening.party,
                failed[0][0],
                next_engine,
                "; ".join(reason for _, reason in failed),
                lost_from // BYTES_PER_MS,
                lost_to // BYTES_PER_MS,
            )
        )

    async def _go_deaf(self, failed: list[tuple[str, str]]) -> None:
        """Nothing is left: say so, swallow what comes, and tell at the end how much it was."""
        self._deaf_from = self._kept.end_byte
        if not failed:
            failed = [("", f"no engine understands '{self._listening.language}'")]
        self._kept.give_up()
        self._tell_switch(failed, "")
        await self._finished.wait()
        start_ms = self._deaf_from // BYTES_PER_MS
        if swallowed_ms := self._kept.end_byte // BYTES_PER_MS - start_ms:
            self._queue.put_nowait(AudioDropped(self._listening.party, start_ms, swallowed_ms))


class _KeptAudio:
    """The audio since the last final segment, as far as it is kept; knows what was lost of it. Offsets in bytes."""

    def __init__(self) -> None:
        self._audio = bytearray()
        self.end_byte = 0
        self._has_voice = False
        self._lost_from: int | None = None
        self._lost_to = 0

    @property
    def start_byte(self) -> int:
        return self.end_byte - len(self._audio)

    def audio(self) -> bytes:
        return bytes(self._audio)

    def add(self, mulaw: bytes) -> None:
        self._audio += mulaw
        self.end_byte += len(mulaw)
        self._has_voice = self._has_voice or has_sound(mulaw)
        surplus = len(self._audio) - (KEPT_BYTES if self._has_voice else KEPT_QUIET_BYTES)
        if surplus > 0:
            if self._has_voice and has_sound(bytes(self._audio[:surplus])):
                self._lose(self.start_byte, self.start_byte + surplus)
            del self._audio[:surplus]

    def pass_over(self, length: int) -> None:
        self.end_byte += length

    def heard_until(self, byte: int) -> None:
        """An engine has made words of everything before this offset."""
        del self._audio[: max(0, min(len(self._audio), byte - self.start_byte))]
        self._has_voice = has_sound(bytes(self._audio))
        if self._lost_from is not None and self._lost_to <= byte:
            self._lost_from = None

    def give_up(self) -> None:
        """What is kept will not be heard by anyone."""
        if self._has_voice:
            self._lose(self.start_byte, self.end_byte)
        self._audio.clear()
        self._has_voice = False

    def take_lost(self) -> tuple[int, int]:
        """The stretch that no engine heard; empty, at the beginning of what is kept, when there is none."""
        lost = (
            (self.start_byte, self.start_byte)
            if self._lost_from is None
            else (self._lost_from, self._lost_to)
        )
        self._lost_from = None
        return lost

    def _lose(self, start: int, end: int) -> None:
        if self._lost_from is None:
            self._lost_from = start
        self._lost_to = end
