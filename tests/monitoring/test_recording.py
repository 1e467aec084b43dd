import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from ringfence.model.calls import CallId, Party
from ringfence.model.media import AudioReceived
from ringfence.monitoring import recording as module
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
    """Fails so often, then works."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self.failures = failures

    async def append_chunks(self, call_id: CallId, chunks: Sequence[AudioChunk], at: datetime) -> None:
        self.failures -= 1
        if self.failures >= 0:
            raise OSError("disk full")
        await super().append_chunks(call_id, chunks, at)


class HangingArchive(Archive):
    async def append_chunks(self, call_id: CallId, chunks: Sequence[AudioChunk], at: datetime) -> None:
        self.chunks = [(chunk.party, chunk.start_ms, len(chunk.mulaw)) for chunk in chunks]
        await asyncio.Event().wait()


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


def test_an_archive_that_fails_for_a_while_gets_everything_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.001)
    archive = BrokenArchive(3)
    record(frames(Party.REMOTE, 0, 120), archive)
    assert [start_ms for _, start_ms, _ in archive.chunks] == [0, 1000, 2000]


@pytest.mark.parametrize("archive", [BrokenArchive(1_000_000), HangingArchive()], ids=["fails", "hangs"])
def test_an_archive_that_is_of_no_use_does_not_hold_up_the_end_of_the_call(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CLOSE_WITHIN_S", 0.05)
    record(frames(Party.REMOTE, 0, 120), archive)


def test_what_waits_for_an_archive_that_hangs_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 5)

    async def run() -> list[int]:
        recording = Recording(CallId("c"), ManualClock(NOW), archive=HangingArchive(), hold_for_review=False)
        for event in frames(Party.REMOTE, 0, 50 * 100):
            recording.feed(event, 0)
        return [chunk.start_ms for chunk in recording._waiting]

    assert asyncio.run(run()) == [95_000, 96_000, 97_000, 98_000, 99_000]


def test_the_review_hears_silence_where_there_was_a_hole() -> None:
    recording = record([*frames(Party.REMOTE, 0, 1), *frames(Party.REMOTE, 1000, 1)], None, hold=True)
    held = recording.held()[Party.REMOTE]
    assert len(held) == 8 * 1020
    assert set(held[160:8000]) == {0xFF}
