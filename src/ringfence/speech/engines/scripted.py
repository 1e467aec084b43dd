"""Says the words of a known script in time with the audio it is given.

Serves demonstrations of calls that no installed engine understands, and tests. It recognises nothing: it looks
up the caller's number, and tells a line when the audio has reached the line's end.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

from ringfence.contracts import Listening, SpeechStream
from ringfence.model.errors import ProviderError
from ringfence.model.speech import Segment, SpeechEvent
from ringfence.speech.options import EngineReport, ScriptedLine, SpeechChoice

NAME = "scripted"
BYTES_PER_MS = 8
SPOKEN_AFTER_MS = 600
"""After a line's end so much more audio must come, as with an engine that waits for a pause."""


def create(choice: SpeechChoice) -> "ScriptedEngine":
    return ScriptedEngine(choice.scripts)


def report(choice: SpeechChoice) -> EngineReport:
    known = len(choice.scripts)
    why = f"knows the words of {known} calls" if known else "has no scripts; the demonstration brings some"
    return EngineReport(NAME, bool(known), why, quality="tells known words, recognises none")


class ScriptedEngine:
    """Satisfies `contracts.SpeechEngine`. The catalogue maps a caller's number to what is said on its call."""

    name = NAME

    def __init__(self, catalogue: Mapping[str, Sequence[ScriptedLine]]) -> None:
        self._catalogue = catalogue

    def understands(self, language: str) -> bool:
        return bool(self._catalogue)

    async def open(self, listening: Listening) -> SpeechStream:
        lines = self._catalogue.get(listening.caller_number)
        if lines is None:
            raise ProviderError("there is no script for this caller")
        mine = sorted((line for line in lines if line.party is listening.party), key=lambda line: line.end_ms)
        return ScriptedStream(mine)

    async def aclose(self) -> None:
        """There is nothing to let go of."""


class ScriptedStream:
    """Satisfies `contracts.SpeechStream`."""

    def __init__(self, lines: Sequence[ScriptedLine]) -> None:
        self._lines = list(lines)
        self._audio_bytes = 0
        self._interim_words = 0
        self._queue: asyncio.Queue[SpeechEvent | None] = asyncio.Queue()
        self._finished = False

    def push(self, mulaw: bytes) -> None:
        if self._finished:
            return
        self._audio_bytes += len(mulaw)
        self._tell_until(self._audio_bytes // BYTES_PER_MS)

    async def finish(self) -> None:
        """Lines whose audio was pushed to their end are told; the call ended before the others."""
        if not self._finished:
            self._finished = True
            self._tell_until(self._audio_bytes // BYTES_PER_MS + SPOKEN_AFTER_MS)
            self._queue.put_nowait(None)

    async def events(self) -> AsyncIterator[SpeechEvent]:
        while (event := await self._queue.get()) is not None:
            yield event

    async def aclose(self) -> None:
        if not self._finished:
            self._finished = True
            self._queue.put_nowait(None)

    def _tell_until(self, heard_ms: int) -> None:
        while self._lines and self._lines[0].end_ms + SPOKEN_AFTER_MS <= heard_ms:
            line = self._lines.pop(0)
            self._interim_words = 0
            self._tell(line, line.text, line.end_ms, is_final=True)
        if self._lines and not self._finished:
            self._tell_beginning(self._lines[0], heard_ms)

    def _tell_beginning(self, line: ScriptedLine, heard_ms: int) -> None:
        words = line.text.split()
        share = (heard_ms - line.start_ms) / max(1, line.end_ms - line.start_ms)
        count = int(len(words) * min(share, 1.0))
        if count > self._interim_words:
            self._interim_words = count
            self._tell(line, " ".join(words[:count]), min(heard_ms, line.end_ms), is_final=False)

    def _tell(self, line: ScriptedLine, text: str, end_ms: int, *, is_final: bool) -> None:
        confidence = 1.0 if is_final else None
        self._queue.put_nowait(Segment(line.party, text, line.start_ms, end_ms, is_final, confidence, NAME))
