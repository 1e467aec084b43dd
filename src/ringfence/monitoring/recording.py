"""A call's audio while it lasts: written away encrypted where that is wanted, held for the review where there is one."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from ringfence.contracts import Clock
from ringfence.model.calls import CallId, Party
from ringfence.model.media import AudioReceived
from ringfence.telephony.audio_store import AudioChunk, AudioChunker

log = logging.getLogger(__name__)

REVIEW_BYTES = 8_000 * 3_600
"""A party's audio held for the review at most: one hour of mu-law at 8 kHz."""
HOLE_BYTES = 800
"""A hole shorter than a tenth of a second is jitter."""


MOST_WAITING = 240
"""Pieces that wait for an archive which fails or hangs: two minutes of both parties, 2 MB. Then the oldest go."""
RETRY_S = 2.0
CLOSE_WITHIN_S = 10.0
"""At the end of a call the archive is waited for so long."""


class AudioArchive(Protocol):
    """Where kept audio goes; `telephony.audio_store.AudioStore` is one."""

    async def append_chunks(self, call_id: CallId, chunks: Sequence[AudioChunk], at: datetime) -> None: ...


class Recording:
    """Feeds are synchronous; writing happens in one task of its own and never delays a frame."""

    def __init__(
        self, call_id: CallId, clock: Clock, *, archive: AudioArchive | None, hold_for_review: bool
    ) -> None:
        self._call_id = call_id
        self._clock = clock
        self._archive = archive
        self._hold = hold_for_review
        self._chunker = AudioChunker()
        self._held: dict[Party, bytearray] = {}
        self._waiting: list[AudioChunk] = []
        self._writing: asyncio.Task[None] | None = None
        self._given_up = False

    def feed(self, event: AudioReceived, base_ms: int) -> None:
        """One frame; `base_ms` is where its stream began in the call."""
        start_ms = base_ms + event.timestamp_ms
        if self._hold:
            self._hold_frame(event.party, start_ms, event.mulaw)
        if self._archive is not None:
            self._write_soon(self._archive, self._chunker.add(event.party, start_ms, event.mulaw))

    def held(self) -> dict[Party, bytes]:
        """What the review hears: a party's mu-law from the start of the call, silence in the holes."""
        return {party: bytes(audio) for party, audio in self._held.items()}

    async def close(self) -> None:
        """Write what is left; what cannot be written soon is given up."""
        if self._archive is not None:
            self._write_soon(self._archive, self._chunker.flush())
        if (writing := self._writing) is None:
            return
        await asyncio.wait({writing}, timeout=CLOSE_WITHIN_S)
        if not writing.done():
            self._given_up = True
            writing.cancel()
            log.error("a call's audio could not be kept to its end", extra={"call_id": self._call_id})

    def _hold_frame(self, party: Party, start_ms: int, mulaw: bytes) -> None:
        audio = self._held.setdefault(party, bytearray())
        hole = start_ms * 8 - len(audio)
        if len(audio) + max(hole, 0) + len(mulaw) > REVIEW_BYTES:
            return
        if hole > HOLE_BYTES:
            audio.extend(b"\xff" * hole)  # Mu-law silence.
        audio.extend(mulaw)

    def _write_soon(self, archive: AudioArchive, chunks: Sequence[AudioChunk]) -> None:
        self._waiting.extend(chunks)
        del self._waiting[:-MOST_WAITING]
        if self._waiting and self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write(archive))

    async def _write(self, archive: AudioArchive) -> None:
        """Losing the recording must not lose the call: whatever fails is tried again, nothing is raised."""
        has_failed = False
        try:
            while self._waiting and not self._given_up:
                chunks, self._waiting = self._waiting, []
                try:
                    await archive.append_chunks(self._call_id, chunks, self._clock.now())
                except Exception:
                    if not has_failed:
                        log.exception("audio could not be kept", extra={"call_id": self._call_id})
                    has_failed = True
                    self._waiting = [*chunks, *self._waiting][-MOST_WAITING:]
                    if not self._given_up:
                        await asyncio.sleep(RETRY_S)
        finally:
            self._writing = None
