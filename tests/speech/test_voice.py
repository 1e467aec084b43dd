import math
import struct

import pytest

from ringfence.audio.g711 import encode_mulaw
from ringfence.speech.voice import FRAME_BYTES, QUIET_BELOW, has_sound, speech_judge

pytestmark = pytest.mark.unit


def tone(amplitude: int, ms: int = 200, frequency_hz: float = 440.0) -> bytes:
    samples = (amplitude * math.sin(2 * math.pi * frequency_hz * n / 8000) for n in range(8 * ms))
    return encode_mulaw(b"".join(struct.pack("<h", round(sample)) for sample in samples))


@pytest.mark.parametrize(
    "silence", [b"\xff" * 800, b"\x7f" * 800, tone(QUIET_BELOW // 2)], ids=["+0", "-0", "hum"]
)
def test_silence_and_line_noise_are_no_sound(silence: bytes) -> None:
    assert not has_sound(silence)


def test_anything_louder_is_sound() -> None:
    assert has_sound(tone(QUIET_BELOW * 3))


def test_a_single_click_is_no_sound() -> None:
    assert not has_sound(b"\xff" * 400 + b"\x00" + b"\xff" * 399)


def judged(mulaw: bytes) -> float:
    """Share of frames taken for speech."""
    judge = speech_judge()
    frames = [mulaw[start : start + FRAME_BYTES] for start in range(0, len(mulaw) - FRAME_BYTES, FRAME_BYTES)]
    return sum(judge(frame) for frame in frames) / len(frames)


def test_speech_is_taken_for_speech(six_numbers: bytes) -> None:
    spoken = six_numbers[8 * 400 : -8 * 500]  # without the pauses around it
    assert judged(spoken) > 0.8


def test_silence_is_not() -> None:
    assert judged(b"\xff" * 16_000) == 0
