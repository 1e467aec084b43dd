"""Kept audio: what goes in sealed comes out as a file that browsers play."""

import asyncio
import io
import os
import struct
import wave
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text, update

from ringfence.audio.g711 import decode_mulaw, encode_mulaw
from ringfence.contracts import Database
from ringfence.model.calls import Call, CallId, CallSid, CallStatus, Party
from ringfence.privacy.cipher import CipherKeys, FieldCipher
from ringfence.telephony.audio_store import AudioChunk, AudioChunker, AudioStore, stereo_wav
from ringfence.telephony.store import CallStore
from ringfence.telephony.tables import audio_chunks
from ringfence.testing.databases import OpenDatabase

pytestmark = pytest.mark.db

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CALL = Call(CallId("call-1"), CallSid("CA1"), "+15550100", "+15550101", "en", AT)
LOUD = encode_mulaw(struct.pack("<h", 8000))

Play = Callable[[Callable[[AudioStore, CallStore, Database], Awaitable[None]]], None]


@pytest.fixture
def play(open_test_database: OpenDatabase) -> Play:
    """Runs a scenario with an empty store of audio and one call."""

    def run(scenario: Callable[[AudioStore, CallStore, Database], Awaitable[None]]) -> None:
        async def with_store() -> None:
            cipher = FieldCipher(CipherKeys({1: os.urandom(32)}, os.urandom(32)))
            async with open_test_database() as database:
                calls = CallStore(database, cipher)
                await calls.open_call(CALL)
                await scenario(AudioStore(database, cipher), calls, database)

        asyncio.run(with_store())

    return run


def channels(wav: bytes) -> tuple[tuple[int, ...], tuple[int, ...]]:
    with wave.open(io.BytesIO(wav)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 8000)
        samples = struct.unpack(f"<{file.getnframes() * 2}h", file.readframes(file.getnframes()))
    return samples[::2], samples[1::2]


def test_a_call_plays_with_the_caller_left_and_silence_in_the_holes(play: Play) -> None:
    async def scenario(audio: AudioStore, calls: CallStore, _: Database) -> None:
        await audio.append(CALL.id, Party.SUBSCRIBER, 3, LOUD * 8, AT)
        await audio.append(CALL.id, Party.REMOTE, 1, LOUD * 8, AT)
        wav = await audio.wav(CALL.id)
        assert wav is not None
        left, right = channels(wav)
        (loud,) = struct.unpack("<h", decode_mulaw(LOUD))
        assert left == (0,) * 8 + (loud,) * 8 + (0,) * 16
        assert right == (0,) * 24 + (loud,) * 8
        record = await calls.record(CALL.sid)
        assert record is not None
        assert record.has_audio

    play(scenario)


def test_a_call_without_audio_has_no_file(play: Play) -> None:
    async def scenario(audio: AudioStore, calls: CallStore, _: Database) -> None:
        assert await audio.wav(CALL.id) is None
        record = await calls.record(CALL.sid)
        assert record is not None
        assert not record.has_audio

    play(scenario)


def test_what_is_kept_is_sealed(play: Play) -> None:
    async def scenario(audio: AudioStore, _: CallStore, database: Database) -> None:
        spoken = os.urandom(8000)
        await audio.append(CALL.id, Party.REMOTE, 0, spoken, AT)
        async with database.reading() as connection:
            kept = bytes((await connection.execute(text("SELECT sealed FROM audio_chunks"))).scalar_one())
        assert spoken[:16] not in kept

    play(scenario)


def test_a_piece_moved_to_another_place_does_not_open(play: Play) -> None:
    async def scenario(audio: AudioStore, _: CallStore, database: Database) -> None:
        await audio.append(CALL.id, Party.REMOTE, 0, LOUD * 8, AT)
        async with database.transaction() as connection:
            await connection.execute(update(audio_chunks).values(party="subscriber"))
        with pytest.raises(ValueError, match="sealed"):
            await audio.wav(CALL.id)

    play(scenario)


def test_pieces_out_of_all_proportion_are_not_kept(play: Play) -> None:
    async def scenario(audio: AudioStore, _: CallStore, __: Database) -> None:
        for start_ms in (-1, 10**9, 10**15):
            await audio.append(CALL.id, Party.REMOTE, start_ms, LOUD, AT)
        assert await audio.wav(CALL.id) is None

    play(scenario)


def test_audio_is_erased_when_its_term_is_over(play: Play) -> None:
    async def scenario(audio: AudioStore, calls: CallStore, _: Database) -> None:
        await audio.append(CALL.id, Party.REMOTE, 0, LOUD * 8, AT)
        await audio.append(CALL.id, Party.REMOTE, 1000, LOUD * 8, AT + timedelta(days=1))
        assert await audio.erase_before(AT + timedelta(hours=1)) == 1
        assert await audio.erase_before(AT + timedelta(hours=1)) == 0
        assert await audio.wav(CALL.id) is not None
        await calls.set_status(CALL.id, CallStatus.ENDED, AT)
        assert await calls.erase_before(AT + timedelta(days=1)) == 1
        assert await audio.wav(CALL.id) is None

    play(scenario)


def test_frames_are_gathered_into_seconds_of_each_party() -> None:
    chunker = AudioChunker()
    done = [
        chunk
        for number in range(75)
        for party in Party
        for chunk in chunker.add(party, number * 20, bytes([number]) * 160)
    ]
    assert [(chunk.party, chunk.start_ms, len(chunk.mulaw)) for chunk in done] == [
        (Party.REMOTE, 0, 8000),
        (Party.SUBSCRIBER, 0, 8000),
    ]
    assert [(chunk.start_ms, len(chunk.mulaw)) for chunk in chunker.flush()] == [(1000, 4000), (1000, 4000)]
    assert chunker.flush() == ()


def test_a_hole_in_time_begins_a_new_piece() -> None:
    chunker = AudioChunker()
    assert chunker.add(Party.REMOTE, 0, LOUD * 160) == ()
    assert chunker.add(Party.REMOTE, 500, LOUD * 160) == (AudioChunk(Party.REMOTE, 0, LOUD * 160),)
    assert chunker.flush() == (AudioChunk(Party.REMOTE, 500, LOUD * 160),)


@given(st.lists(st.tuples(st.integers(0, 2000), st.binary(max_size=400)), max_size=30))
def test_no_byte_is_lost_in_gathering(frames: list[tuple[int, bytes]]) -> None:
    chunker = AudioChunker(chunk_ms=100)
    chunks = [chunk for at_ms, mulaw in frames for chunk in chunker.add(Party.REMOTE, at_ms, mulaw)]
    chunks += chunker.flush()
    assert b"".join(chunk.mulaw for chunk in chunks) == b"".join(mulaw for _, mulaw in frames)


def test_a_file_without_pieces_is_empty() -> None:
    assert channels(stereo_wav([])) == ((), ())
