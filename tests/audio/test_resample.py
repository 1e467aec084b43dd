"""Measures what the module promises, for each of its filters: pass band, images, delay, and that cutting changes nothing."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ringfence.audio import resample
from ringfence.audio.g711 import decode_mulaw, encode_mulaw
from ringfence.audio.resample import DELAY_MS, MulawToPcm, by_matrix, quickest

pytestmark = pytest.mark.unit

UPSAMPLED = [16_000, 24_000]
LINE_HZ = 8_000
AMPLITUDE = 12_000


@pytest.fixture(
    autouse=True, params=dict.fromkeys((by_matrix, quickest)), ids=lambda filters: filters.__name__
)
def filters(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resample, "quickest", request.param)


def tone(frequency_hz: float, seconds: float = 1.0) -> bytes:
    n = np.arange(round(LINE_HZ * seconds))
    return encode_mulaw(
        np.rint(AMPLITUDE * np.sin(2 * np.pi * frequency_hz * n / LINE_HZ)).astype("<i2").tobytes()
    )


def upsample(mulaw: bytes, rate_hz: int) -> NDArray[np.float64]:
    return np.frombuffer(MulawToPcm(rate_hz).feed(mulaw), "<i2").astype(np.float64)


def spectrum_db(signal: NDArray[np.float64], rate_hz: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Frequencies, and the amplitude there in dB of one unit. The start, where the filter fills, is left out."""
    settled = signal[rate_hz // 50 :]
    window = np.blackman(len(settled))
    amplitude = 2 * np.abs(np.fft.rfft(settled * window)) / window.sum()
    frequencies = np.fft.rfftfreq(len(settled), 1 / rate_hz)
    return frequencies.astype(np.float64), (20 * np.log10(amplitude + 1e-9)).astype(np.float64)


def peak_db(signal: NDArray[np.float64], rate_hz: int, frequency_hz: float) -> float:
    frequencies, level = spectrum_db(signal, rate_hz)
    return float(level[np.abs(frequencies - frequency_hz) < 20].max())


@pytest.mark.parametrize("rate_hz", UPSAMPLED)
@pytest.mark.parametrize("frequency_hz", [100, 300, 1_000, 2_000, 3_000, 3_400])
def test_speech_frequencies_keep_their_level(rate_hz: int, frequency_hz: int) -> None:
    mulaw = tone(frequency_hz)
    before = np.frombuffer(decode_mulaw(mulaw), "<i2").astype(np.float64)
    change_db = peak_db(upsample(mulaw, rate_hz), rate_hz, frequency_hz) - peak_db(
        before, LINE_HZ, frequency_hz
    )
    assert abs(change_db) < 0.05


@pytest.mark.parametrize("rate_hz", UPSAMPLED)
@pytest.mark.parametrize("frequency_hz", [300, 1_000, 2_000, 3_000, 3_400])
def test_images_above_the_line_are_fifty_decibels_down(rate_hz: int, frequency_hz: int) -> None:
    signal = upsample(tone(frequency_hz), rate_hz)
    wanted_db = peak_db(signal, rate_hz, frequency_hz)
    for image_hz in (LINE_HZ - frequency_hz, LINE_HZ + frequency_hz):
        if image_hz < rate_hz / 2:
            assert peak_db(signal, rate_hz, image_hz) < wanted_db - 50


@pytest.mark.parametrize("rate_hz", UPSAMPLED)
def test_a_click_comes_out_within_two_milliseconds(rate_hz: int) -> None:
    click_at = 400
    mulaw = b"\xff" * click_at + b"\x80" + b"\xff" * 399
    signal = upsample(mulaw, rate_hz)
    delay_ms = (int(np.abs(signal).argmax()) / rate_hz - click_at / LINE_HZ) * 1_000
    assert delay_ms == pytest.approx(DELAY_MS)
    assert DELAY_MS <= 2


@pytest.mark.parametrize("rate_hz", UPSAMPLED)
def test_nothing_is_held_back(rate_hz: int) -> None:
    stream = MulawToPcm(rate_hz)
    for size in (1, 7, 160, 161, 800, 0, 20_001):
        assert len(stream.feed(b"\xff" * size)) == 2 * size * rate_hz // LINE_HZ


def test_the_lines_own_rate_passes_without_delay() -> None:
    mulaw = bytes(range(256))
    stream = MulawToPcm(8_000)
    assert stream.feed(mulaw) == decode_mulaw(mulaw)
    assert stream.flush() == b""


@pytest.mark.parametrize("rate_hz", UPSAMPLED)
def test_line_samples_stand_untouched_among_the_new_ones(rate_hz: int) -> None:
    mulaw = tone(1_000, 0.1)
    stream = MulawToPcm(rate_hz)
    signal = np.frombuffer(stream.feed(mulaw) + stream.flush(), "<i2")
    late = round(DELAY_MS * LINE_HZ / 1_000)
    kept = signal[:: rate_hz // LINE_HZ][late:]
    assert kept.tobytes() == decode_mulaw(mulaw)


@settings(max_examples=60, deadline=None)
@given(
    mulaw=st.binary(min_size=1, max_size=3_000),
    cuts=st.lists(st.integers(0, 3_000), max_size=12),
    rate_hz=st.sampled_from(UPSAMPLED),
)
def test_any_cutting_gives_the_same_bytes(mulaw: bytes, cuts: list[int], rate_hz: int) -> None:
    whole, pieces = MulawToPcm(rate_hz), MulawToPcm(rate_hz)
    expected = whole.feed(mulaw) + whole.flush()
    edges = [0, *sorted(cut for cut in cuts if cut <= len(mulaw)), len(mulaw)]
    cut = b"".join(pieces.feed(mulaw[start:end]) for start, end in pairwise(edges))
    assert cut + pieces.flush() == expected


@pytest.mark.parametrize("rate_hz", UPSAMPLED)
def test_the_loudest_nonsense_is_cut_and_never_wraps(rate_hz: int) -> None:
    worst = np.where(np.random.default_rng(7).random(40_000) < 0.5, 0x80, 0x00).astype(np.uint8)
    pcm = np.frombuffer(decode_mulaw(worst.tobytes()), "<i2").astype(np.float64)
    response = upsample(b"\x80" + b"\xff" * 99, rate_hz) / 32_124  # of a single sample: the filter itself
    factor = rate_hz // LINE_HZ
    stuffed = np.zeros(len(pcm) * factor)
    stuffed[::factor] = pcm
    exact = np.convolve(stuffed, response)[: len(stuffed)]
    assert np.abs(exact).max() > 45_000
    assert np.abs(upsample(worst.tobytes(), rate_hz) - exact.clip(-32_768, 32_767)).max() < 15


def test_flush_leaves_a_clean_state() -> None:
    stream = MulawToPcm(16_000)
    first = stream.feed(tone(500, 0.05)) + stream.flush()
    assert stream.feed(tone(500, 0.05)) + stream.flush() == first


def test_long_recordings_pass_in_one_go() -> None:
    mulaw = tone(440, 3.0)
    stream = MulawToPcm(24_000)
    in_frames = b"".join(stream.feed(mulaw[i : i + 160]) for i in range(0, len(mulaw), 160))
    assert MulawToPcm(24_000).feed(mulaw) == in_frames


def test_other_rates_are_refused() -> None:
    with pytest.raises(ValueError, match="44100"):
        MulawToPcm(44_100)


def test_delay_is_what_the_taps_say() -> None:
    assert math.isclose(DELAY_MS, 1.5)


@settings(max_examples=300, deadline=None)
@given(mulaw=st.binary(max_size=2_000) | st.binary(max_size=60), rate_hz=st.sampled_from(UPSAMPLED))
def test_every_filter_gives_the_same_bytes(mulaw: bytes, rate_hz: int) -> None:
    one, other = MulawToPcm(rate_hz, by_matrix), MulawToPcm(rate_hz, quickest)
    assert one.feed(mulaw) + one.flush() == other.feed(mulaw) + other.flush()
