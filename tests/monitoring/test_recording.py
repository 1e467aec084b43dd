import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from ringfence.model.calls import CallId, Party
from ringfence.model.media import AudioReceived
from ringfence.monitoring.recording import Recording
from ringfence.telephony.audio_store import AudioChunk
from ringfence.testing import ManualClock

pytestmark = pytest.mark.unit

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Archive:
    def __init__(self) -> None:
        self.chunks: list[tuple[Party, int, int]] = []

    async def append_chunks(self, call_id: CallId, chunks: Sequence[AudioChunk], at: datetime) -> None:
        self.chunks += [(chunk.party, chunk.start_ms, len(chunk.mulaw)) for chunk in chunks]


class BrokenArchive(Archive):
    async def append_chunks(self, call_id: CallId, chunks: Sequence[AudioChunk], at: datetime) -> None:
        raise OSError("disk full")


def frames(party: Party, start_ms: int, count: int) -> list[AudioReceived]:
    return [AudioReceived(party, b"\x7f" * 160, start_ms + 20 * n) for n in range(count)]


def record(events: list[AudioReceived], archive: Archive | None, *, hold: bool = False) -> Recording:
    async def run() -> Recording:
        recording = Recording(CallId("c"), ManualClock(NOW), archive=archive, hold_for_review=hold)
        for event in events:
            recording.feed(event, 0)
        await recording.close()
        return recording

    return asyncio.run(run())


def test_audio_is_written_by_the_second_and_the_rest_at_the_end() -> None:
    archive = Archive()
    record(frames(Party.REMOTE, 0, 120), archive)
    assert archive.chunks == [(Party.REMOTE, 0, 8000), (Party.REMOTE, 1000, 8000), (Party.REMOTE, 2000, 3200)]


def test_a_chunk_after_a_hole_says_where_it_begins() -> None:
    archive = Archive()
    record([*frames(Party.REMOTE, 0, 10), *frames(Party.REMOTE, 5000, 10)], archive)
    assert archive.chunks == [(Party.REMOTE, 0, 1600), (Party.REMOTE, 5000, 1600)]


def test_parties_are_kept_apart() -> None:
    archive = Archive()
    record([*frames(Party.REMOTE, 0, 5), *frames(Party.SUBSCRIBER, 0, 5)], archive)
    assert sorted(archive.chunks) == [(Party.REMOTE, 0, 800), (Party.SUBSCRIBER, 0, 800)]


def test_an_archive_that_fails_does_not_disturb_the_call() -> None:
    record(frames(Party.REMOTE, 0, 120), BrokenArchive())


def test_the_review_hears_silence_where_there_was_a_hole() -> None:
    recording = record([*frames(Party.REMOTE, 0, 1), *frames(Party.REMOTE, 1000, 1)], None, hold=True)
    held = recording.held()[Party.REMOTE]
    assert len(held) == 8 * 1020
    assert set(held[160:8000]) == {0xFF}
