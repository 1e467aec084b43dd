"""A call's audio while it lasts: written away encrypted where that is wanted, held for the review where there is one."""

import asyncio
import logging
from datetime import datetime
from typing import Protocol

from ringfence.contracts import Clock
from ringfence.model.calls import CallId, Party
from ringfence.model.media import AudioReceived

log = logging.getLogger(__name__)

CHUNK_BYTES = 8_000
"""One second of mu-law at 8 kHz."""
REVIEW_BYTES = 8_000 * 3_600
"""A party's audio held for the review at most: one hour."""


class AudioArchive(Protocol):
    """Where kept audio goes; `telephony.audio_store.AudioStore` is one."""

    async def append(
        self, call_id: CallId, party: Party, start_ms: int, mulaw: bytes, at: datetime
    ) -> None: ...


class Recording:
    """Feeds are synchronous; writing happens in one task of its own and never delays a frame."""

    def __init__(
        self, call_id: CallId, clock: Clock, *, archive: AudioArchive | None, hold_for_review: bool
    ) -> None:
        self._call_id = call_id
        self._clock = clock
        self._archive = archive
        self._hold = hold_for_review
        self._open: dict[Party, tuple[int, bytearray]] = {}
        self._held: dict[Party, bytearray] = {}
        self._waiting: list[tuple[Party, int, bytes]] = []
        self._writing: asyncio.Task[None] | None = None

    def feed(self, event: AudioReceived, base_ms: int) -> None:
        if self._hold:
            self._hold_frame(event, base_ms)
        if self._archive is None:
            return
        start_ms = base_ms + event.timestamp_ms
        chunk = self._open.get(event.party)
        if chunk is not None and abs(chunk[0] + len(chunk[1]) // 8 - start_ms) > 500:
            self._cut(event.party)  # A hole in the audio: the next chunk says where it really begins.
            chunk = None
        if chunk is None:
            chunk = self._open[event.party] = (start_ms, bytearray())
        chunk[1].extend(event.mulaw)
        if len(chunk[1]) >= CHUNK_BYTES:
            self._cut(event.party)

    def held(self) -> dict[Party, bytes]:
        """What the review hears: a party's mu-law from the start of the call, silence in the holes."""
        return {party: bytes(audio) for party, audio in self._held.items()}

    async def close(self) -> None:
        """Write what is left."""
        for party in tuple(self._open):
            self._cut(party)
        while self._writing is not None:
            await self._writing

    def _hold_frame(self, event: AudioReceived, base_ms: int) -> None:
        audio = self._held.setdefault(event.party, bytearray())
        hole = (base_ms + event.timestamp_ms) * 8 - len(audio)
        if len(audio) + max(hole, 0) + len(event.mulaw) > REVIEW_BYTES:
            return
        if hole > 800:
            audio.extend(b"\xff" * hole)  # Mu-law silence.
        audio.extend(event.mulaw)

    def _cut(self, party: Party) -> None:
        start_ms, audio = self._open.pop(party)
        self._waiting.append((party, start_ms, bytes(audio)))
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        assert self._archive is not None
        try:
            while self._waiting:
                party, start_ms, mulaw = self._waiting.pop(0)
                await self._archive.append(self._call_id, party, start_ms, mulaw, self._clock.now())
        except Exception:  # Losing the recording must not lose the call.
            log.exception("audio could not be kept", extra={"call_id": self._call_id})
            self._waiting.clear()
        finally:
            self._writing = None
