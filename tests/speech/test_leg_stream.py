import asyncio
from collections.abc import AsyncIterator

import pytest

from ringfence.model.calls import Party
from ringfence.model.media import AudioReceived
from ringfence.model.speech import AudioDropped, EngineSwitched, Segment, SpeechEvent
from ringfence.speech.leg_stream import MAX_FILL_MS, LegStream

pytestmark = pytest.mark.unit

FRAME = b"\x10" * 160


class Recorder:
    """An engine's stream that notes what it is given and tells what it is told to."""

    def __init__(self, *events: SpeechEvent) -> None:
        self.pieces: list[bytes] = []
        self.finished = False
        self._events = events

    @property
    def audio(self) -> bytes:
        return b"".join(self.pieces)

    def push(self, mulaw: bytes) -> None:
        assert not self.finished
        self.pieces.append(mulaw)

    async def finish(self) -> None:
        self.finished = True

    async def events(self) -> AsyncIterator[SpeechEvent]:
        for event in self._events:
            yield event

    async def aclose(self) -> None:
        self.finished = True


def feed(leg: LegStream, *timestamps_ms: int) -> None:
    for timestamp_ms in timestamps_ms:
        leg.feed(AudioReceived(Party.REMOTE, FRAME, timestamp_ms))


def test_frames_are_handed_over_in_pieces_of_100_ms() -> None:
    engine = Recorder()
    leg = LegStream(engine, Party.REMOTE)
    feed(leg, *range(0, 180, 20))
    assert [len(piece) for piece in engine.pieces] == [800]
    assert leg.elapsed_ms == 180


def test_the_end_hands_over_the_rest() -> None:
    engine = Recorder()
    leg = LegStream(engine, Party.REMOTE)
    feed(leg, 0, 20)
    asyncio.run(leg.finish())
    assert engine.audio == FRAME * 2
    assert engine.finished


def test_a_hole_is_filled_with_silence() -> None:
    engine = Recorder()
    leg = LegStream(engine, Party.REMOTE)
    feed(leg, 0, 60)
    asyncio.run(leg.finish())
    assert engine.audio == FRAME + b"\xff" * 320 + FRAME


def test_a_party_heard_late_begins_with_silence() -> None:
    engine = Recorder()
    leg = LegStream(engine, Party.REMOTE)
    feed(leg, 400)
    assert leg.elapsed_ms == 420


def test_a_frame_that_comes_too_late_is_left_out() -> None:
    engine = Recorder()
    leg = LegStream(engine, Party.REMOTE)
    feed(leg, 0, 40, 20, 60)
    asyncio.run(leg.finish())
    assert engine.audio == FRAME + b"\xff" * 160 + FRAME * 2


def test_rounded_timestamps_leave_no_marks() -> None:
    engine = Recorder()
    leg = LegStream(engine, Party.REMOTE)
    feed(leg, 3, 20, 43, 58)
    asyncio.run(leg.finish())
    assert engine.audio == FRAME * 4


def test_a_minute_without_audio_is_jumped_over_and_offsets_stay_true() -> None:
    segments = [Segment(Party.REMOTE, "before", 0, 20), Segment(Party.REMOTE, "after", 10_025, 10_040)]
    engine = Recorder(*segments)
    leg = LegStream(engine, Party.REMOTE)
    feed(leg, 0, 60_000)
    asyncio.run(leg.finish())
    assert len(engine.audio) == 160 + 8 * MAX_FILL_MS + 160
    assert leg.elapsed_ms == 60_020

    async def told() -> list[SpeechEvent]:
        return [event async for event in leg.events()]

    before, after = asyncio.run(told())
    assert isinstance(before, Segment)
    assert isinstance(after, Segment)
    assert (before.start_ms, before.end_ms) == (0, 20)
    assert (after.start_ms, after.end_ms) == (60_005, 60_020)


def test_gaps_are_moved_like_words() -> None:
    dropped = AudioDropped(Party.REMOTE, 10_020, 20)
    switched = EngineSwitched(Party.REMOTE, "a", "b", "", 0, 10_020)
    leg = LegStream(Recorder(dropped, switched), Party.REMOTE)
    feed(leg, 0, 60_000)

    async def told() -> list[SpeechEvent]:
        return [event async for event in leg.events()]

    moved, gap = asyncio.run(told())
    assert isinstance(moved, AudioDropped)
    assert isinstance(gap, EngineSwitched)
    assert moved.start_ms == 60_000
    assert (gap.gap_start_ms, gap.gap_end_ms) == (0, 60_000)


def test_a_count_that_starts_again_is_followed() -> None:
    engine = Recorder()
    leg = LegStream(engine, Party.REMOTE)
    feed(leg, 20_000, 20_020, 0, 20)
    asyncio.run(leg.finish())
    assert engine.audio.endswith(FRAME * 4)
    assert leg.elapsed_ms == 40


def test_letting_go_lets_go_of_the_engine() -> None:
    engine = Recorder()
    asyncio.run(LegStream(engine, Party.REMOTE).aclose())
    assert engine.finished
