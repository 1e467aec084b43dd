from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.speech.turns import FRAME_BYTES, TurnAudio, TurnBegan, TurnCutter, TurnEnded, TurnEvent

pytestmark = pytest.mark.unit

VOICE, QUIET = b"\x10", b"\xff"


def is_speech(frame: bytes) -> bool:
    return frame.count(VOICE) * 2 > len(frame)


def voice(ms: int) -> bytes:
    return VOICE * (8 * ms)


def quiet(ms: int) -> bytes:
    return QUIET * (8 * ms)


def cut(*pieces: bytes) -> list[TurnEvent]:
    cutter = TurnCutter(is_speech)
    return [event for piece in pieces for event in cutter.feed(piece)] + cutter.flush()


def turns(events: list[TurnEvent]) -> list[tuple[int, int]]:
    """(start, end) of each turn in ms."""
    starts = [event.start_byte // 8 for event in events if isinstance(event, TurnBegan)]
    ends = [event.end_byte // 8 for event in events if isinstance(event, TurnEnded)]
    return list(zip(starts, ends, strict=True))


def test_a_turn_begins_before_the_voice_and_ends_with_it() -> None:
    ((start, end),) = turns(cut(quiet(2000), voice(1000), quiet(1000)))
    assert 1700 <= start <= 2000
    assert end == 3000


def test_a_pause_of_less_than_600_ms_does_not_end_a_turn() -> None:
    assert len(turns(cut(voice(1000), quiet(500), voice(1000), quiet(1000)))) == 1


def test_a_longer_pause_makes_two_turns() -> None:
    assert len(turns(cut(voice(1000), quiet(700), voice(1000), quiet(1000)))) == 2


def test_a_long_turn_is_cut_at_a_shorter_pause() -> None:
    assert len(turns(cut(voice(7000), quiet(450), voice(1000), quiet(1000)))) == 2


def test_a_turn_without_any_pause_is_cut_after_20_s() -> None:
    events = cut(voice(45_000), quiet(1000))
    found = turns(events)
    assert len(found) == 3
    assert all(end - start <= 20_000 for start, end in found)
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(found))


def test_a_click_is_no_turn() -> None:
    assert turns(cut(quiet(500), voice(40), quiet(1000))) == []


def test_the_voice_of_a_short_sound_is_told() -> None:
    (ended,) = [event for event in cut(quiet(500), voice(80), quiet(1000)) if isinstance(event, TurnEnded)]
    assert ended.voiced_ms == 80


def test_the_audio_of_a_turn_is_told_while_it_lasts() -> None:
    cutter = TurnCutter(is_speech)
    assert cutter.feed(quiet(1000)) == []
    first = cutter.feed(voice(200))
    assert [type(event) for event in first] == [TurnBegan, TurnAudio]
    (more,) = cutter.feed(voice(100))
    assert more == TurnAudio(voice(100))
    assert cutter.in_turn


def test_the_end_of_the_audio_ends_the_turn() -> None:
    ((start, end),) = turns(cut(quiet(500), voice(510)))
    assert start < 500
    assert 990 <= end <= 1010


def test_a_skip_ends_the_turn_and_moves_what_follows() -> None:
    cutter = TurnCutter(is_speech)
    events = cutter.feed(voice(1000)) + cutter.skip(8 * 5000) + cutter.feed(voice(1000)) + cutter.flush()
    first, second = turns(events)
    assert first == (0, 1000)
    assert 6000 <= second[0] <= 6060
    assert second[1] == 7000


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 900)), max_size=30), st.integers(1, 700))
def test_however_the_audio_is_cut_the_turns_are_the_same(spans: list[tuple[bool, int]], piece: int) -> None:
    audio = b"".join((voice if speaks else quiet)(ms) for speaks, ms in spans)
    whole = cut(audio)
    pieces = cut(*(audio[start : start + piece] for start in range(0, len(audio), piece)))
    assert turns(whole) == turns(pieces)

    def sound(events: list[TurnEvent]) -> bytes:
        return b"".join(event.mulaw for event in events if isinstance(event, TurnAudio))

    assert sound(whole) == sound(pieces)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 3000)), max_size=20))
def test_the_audio_of_a_turn_is_the_audio_at_its_place(spans: list[tuple[bool, int]]) -> None:
    audio = b"".join((voice if speaks else quiet)(ms) for speaks, ms in spans)
    start, told = 0, bytearray()
    for event in cut(audio):
        if isinstance(event, TurnBegan):
            start, told = event.start_byte, bytearray()
        elif isinstance(event, TurnAudio):
            told += event.mulaw
        else:
            assert audio[start : start + len(told)] == told
            assert start <= event.end_byte <= start + len(told)
            assert event.end_byte % FRAME_BYTES == 0 or event.end_byte <= len(audio)
