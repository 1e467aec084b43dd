"""A call's audio, kept only where that is switched on: sealed pieces of mu-law, about a second each.

Every piece is bound to its call, party and place, so pieces cannot be exchanged unnoticed.
"""

import asyncio
import io
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import delete, insert, select

from ringfence.audio.g711 import decode_mulaw
from ringfence.contracts import Cipher, Database
from ringfence.model.calls import CallId, Party
from ringfence.telephony.tables import audio_chunks

RATE_HZ = 8000  # ITU-T G.711
_SAMPLES_PER_MS = RATE_HZ // 1000
_CHANNELS = {Party.REMOTE: 0, Party.SUBSCRIBER: 1}
"""The caller is heard on the left, the protected person on the right."""

_JITTER_MS = 10
"""How far a frame's time may stray and still follow the one before: half a frame."""

_LONGEST_MS = 4 * 60 * 60 * 1000
"""Pieces that begin later than this are not kept: a call's file would outgrow the memory."""

_ERASED_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class AudioChunk:
    """A piece of one party's speech."""

    party: Party
    start_ms: int
    """Since the start of the stream."""
    mulaw: bytes


class AudioChunker:
    """Gathers frames into pieces worth a row each. Pure; one a call."""

    def __init__(self, chunk_ms: int = 1000) -> None:
        self._chunk_bytes = chunk_ms * _SAMPLES_PER_MS
        self._open: dict[Party, tuple[int, bytearray]] = {}

    def add(self, party: Party, timestamp_ms: int, mulaw: bytes) -> tuple[AudioChunk, ...]:
        """A frame in; the pieces that are full now, or that a hole in time has ended, out."""
        done: list[AudioChunk] = []
        start_ms, gathered = self._open.pop(party, (timestamp_ms, bytearray()))
        expected_ms = start_ms + len(gathered) // _SAMPLES_PER_MS
        if gathered and abs(timestamp_ms - expected_ms) > _JITTER_MS:
            done.append(AudioChunk(party, start_ms, bytes(gathered)))
            start_ms, gathered = timestamp_ms, bytearray()
        gathered += mulaw
        if len(gathered) >= self._chunk_bytes:
            done.append(AudioChunk(party, start_ms, bytes(gathered)))
        elif gathered:
            self._open[party] = (start_ms, gathered)
        return tuple(done)

    def flush(self) -> tuple[AudioChunk, ...]:
        """What has been gathered and is not full yet; at the end of the call."""
        left = tuple(
            AudioChunk(party, start_ms, bytes(gathered)) for party, (start_ms, gathered) in self._open.items()
        )
        self._open.clear()
        return left


class AudioStore:
    """See the module's docstring."""

    def __init__(self, db: Database, cipher: Cipher) -> None:
        self._db = db
        self._cipher = cipher

    async def append(self, call_id: CallId, party: Party, start_ms: int, mulaw: bytes, at: datetime) -> None:
        """Keep one piece of a kept call's audio; about a second is a good size."""
        await self.append_chunks(call_id, [AudioChunk(party, start_ms, mulaw)], at)

    async def append_chunks(self, call_id: CallId, chunks: Sequence[AudioChunk], at: datetime) -> None:
        """Keep several pieces in one transaction."""
        values = [
            {
                "call_id": call_id,
                "party": chunk.party.value,
                "start_ms": chunk.start_ms,
                "sealed": self._cipher.seal(
                    chunk.mulaw, chunk_context(call_id, chunk.party.value, chunk.start_ms)
                ),
                "stored_at": at,
            }
            for chunk in chunks
            if chunk.mulaw and 0 <= chunk.start_ms < _LONGEST_MS
        ]
        if values:
            async with self._db.transaction() as connection:
                await connection.execute(insert(audio_chunks), values)

    async def wav(self, call_id: CallId) -> bytes | None:
        """The whole call as a stereo WAV file (PCM, 16 bit, 8 kHz); silence where nothing was kept.

        None when no audio of the call is kept. Holds the whole file in memory: 1.9 MB a minute."""
        statement = (
            select(audio_chunks)
            .where(audio_chunks.c.call_id == call_id)
            .order_by(audio_chunks.c.start_ms, audio_chunks.c.id)
        )
        async with self._db.reading() as connection:
            found = (await connection.execute(statement)).all()
        if not found:
            return None
        sealed = [(Party(row.party), int(row.start_ms), bytes(row.sealed)) for row in found]
        return await asyncio.to_thread(self._mix, call_id, sealed)

    async def erase_before(self, instant: datetime) -> int:
        """Erase pieces kept before; how many."""
        some = select(audio_chunks.c.id).where(audio_chunks.c.stored_at < instant).limit(_ERASED_AT_ONCE)
        erased = 0
        while True:
            async with self._db.transaction() as connection:
                result = await connection.execute(delete(audio_chunks).where(audio_chunks.c.id.in_(some)))
            erased += result.rowcount
            if result.rowcount < _ERASED_AT_ONCE:
                return erased

    def _mix(self, call_id: CallId, sealed: Sequence[tuple[Party, int, bytes]]) -> bytes:
        chunks = [
            AudioChunk(
                party, start_ms, self._cipher.open(value, chunk_context(call_id, party.value, start_ms))
            )
            for party, start_ms, value in sealed
        ]
        return stereo_wav(chunks)


def chunk_context(call_id: str, party: str, start_ms: int) -> str:
    """To what a sealed piece is bound."""
    return f"audio_chunks.sealed:{call_id}:{party}:{start_ms}"


def stereo_wav(chunks: Sequence[AudioChunk]) -> bytes:
    """The pieces, each at its place, as a WAV file; where two overlap, the later one of the sequence counts."""
    placed = [(chunk, chunk.start_ms * _SAMPLES_PER_MS) for chunk in chunks]
    length = max((start + len(chunk.mulaw) for chunk, start in placed), default=0)
    samples = np.zeros((length, len(_CHANNELS)), dtype="<i2")
    for chunk, start in placed:
        samples[start : start + len(chunk.mulaw), _CHANNELS[chunk.party]] = np.frombuffer(
            decode_mulaw(chunk.mulaw), dtype="<i2"
        )
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(len(_CHANNELS))
        writer.setsampwidth(2)
        writer.setframerate(RATE_HZ)
        writer.writeframes(samples.tobytes())
    return file.getvalue()
