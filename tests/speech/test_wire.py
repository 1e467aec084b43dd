import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.speech.wire import HEADER, MAX_PAYLOAD, FrameReader, Heard, Kind, frame

pytestmark = pytest.mark.unit

FRAMES = st.lists(
    st.tuples(st.sampled_from(Kind), st.integers(0, 2**32 - 1), st.binary(max_size=50)), max_size=10
)


@given(FRAMES, st.integers(1, 40))
def test_frames_arrive_as_they_were_sent_however_they_are_cut(
    frames: list[tuple[Kind, int, bytes]], piece: int
) -> None:
    sent = b"".join(frame(*one) for one in frames)
    reader = FrameReader()
    got = [one for start in range(0, len(sent), piece) for one in reader.feed(sent[start : start + piece])]
    assert got == frames


@pytest.mark.parametrize(
    "nonsense", [HEADER.pack(0, 99, 1), HEADER.pack(MAX_PAYLOAD + 1, Kind.AUDIO, 1)], ids=["kind", "length"]
)
def test_bytes_that_are_no_frames_are_refused(nonsense: bytes) -> None:
    with pytest.raises(ValueError, match=r"frame too long|not a valid Kind"):
        list(FrameReader().feed(nonsense))


def test_what_was_heard_survives_the_pipe() -> None:
    heard = [Heard("buenos días", 100, 900), Heard("hello", 0, 1, is_final=False, confidence=0.5)]
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(heard), type=list[Heard]) == heard
