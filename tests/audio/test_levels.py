import math

import pytest

from ringfence.audio import levels
from ringfence.audio.g711 import encode_mulaw

pytestmark = pytest.mark.unit


def tone(amplitude: int) -> bytes:
    wave = (round(amplitude * math.sin(2 * math.pi * 400 * n / 8_000)) for n in range(800))
    return encode_mulaw(b"".join(value.to_bytes(2, "little", signed=True) for value in wave))


def test_a_square_wave_at_full_scale_is_zero_dbov() -> None:
    assert levels.level_dbov(b"\x80\x00" * 80) == pytest.approx(0.0, abs=0.01)


def test_a_full_sine_is_three_decibels_lower() -> None:
    assert levels.level_dbov(tone(32_000)) == pytest.approx(-3.04, abs=0.1)


def test_half_the_amplitude_is_six_decibels_less() -> None:
    assert levels.level_dbov(tone(16_000)) - levels.level_dbov(tone(8_000)) == pytest.approx(6.02, abs=0.1)


@pytest.mark.parametrize("mulaw", [b"", b"\xff" * 160], ids=["nothing", "zeros"])
def test_silence_has_no_level(mulaw: bytes) -> None:
    assert levels.level_dbov(mulaw) == -math.inf
    assert levels.is_quiet(mulaw)
    assert levels.peak(mulaw) == 0


def test_speech_level_is_not_quiet() -> None:
    assert not levels.is_quiet(tone(2_000))
    assert levels.peak(tone(2_000)) == pytest.approx(2_000, rel=0.05)
