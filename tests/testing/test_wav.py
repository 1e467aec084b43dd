import struct
import wave
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from ringfence.audio.g711 import decode_mulaw
from ringfence.testing.wav import parse_wav, read_wav, resample, write_wav

pytestmark = pytest.mark.unit


def tone(hz: float, rate_hz: int, seconds: float = 0.5, peak: float = 16_000) -> np.ndarray:
    return peak * np.sin(2 * np.pi * hz * np.arange(int(rate_hz * seconds)) / rate_hz)


def write_pcm(path: Path, channels: list[np.ndarray], rate_hz: int) -> Path:
    """By the standard library, whose opinion of the format counts."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(np.column_stack(channels).astype("<i2").tobytes())
    return path


def loudest_hz(mulaw: bytes) -> float:
    samples = np.frombuffer(decode_mulaw(mulaw), "<i2").astype(float)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * 8_000 / len(samples))


def loudness(mulaw: bytes) -> float:
    middle = np.frombuffer(decode_mulaw(mulaw), "<i2").astype(float)[400:-400]
    return float(np.sqrt(np.mean(middle**2)))


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000])
def test_a_tone_keeps_its_pitch_length_and_loudness_at_any_rate(tmp_path: Path, rate_hz: int) -> None:
    recording = read_wav(write_pcm(tmp_path / "tone.wav", [tone(1_000, rate_hz)], rate_hz))
    assert recording.duration_ms == pytest.approx(500, abs=1)
    assert loudest_hz(recording.channels[0]) == pytest.approx(1_000, abs=3)
    assert loudness(recording.channels[0]) == pytest.approx(16_000 / np.sqrt(2), rel=0.03)


def test_what_a_telephone_cannot_carry_does_not_fold_back(tmp_path: Path) -> None:
    recording = read_wav(write_pcm(tmp_path / "high.wav", [tone(5_000, 48_000)], 48_000))
    assert loudness(recording.channels[0]) < 16_000 / 100


def test_the_channels_of_a_stereo_file_stay_apart(tmp_path: Path) -> None:
    path = write_pcm(tmp_path / "stereo.wav", [tone(500, 16_000), tone(2_000, 16_000)], 16_000)
    left, right = read_wav(path).channels
    assert loudest_hz(left) == pytest.approx(500, abs=3)
    assert loudest_hz(right) == pytest.approx(2_000, abs=3)


@pytest.mark.parametrize("length", [0, 1, 160, 161])
def test_mulaw_is_written_and_read_byte_for_byte(tmp_path: Path, length: int) -> None:
    mulaw = bytes(range(256))[:length]
    write_wav(tmp_path / "mulaw.wav", mulaw)
    if length:
        assert read_wav(tmp_path / "mulaw.wav").channels == (mulaw,)
    else:
        with pytest.raises(ValueError, match="no audio"):
            read_wav(tmp_path / "mulaw.wav")


@pytest.mark.parametrize(
    ("tag", "bits", "pack"),
    [
        (1, 8, lambda x: (x / 256 + 128).astype(np.uint8).tobytes()),
        (1, 24, lambda x: b"".join(struct.pack("<i", int(v) << 8)[:3] for v in x)),
        (1, 32, lambda x: (x * 65_536).astype("<i4").tobytes()),
        (3, 32, lambda x: (x / 32_768).astype("<f4").tobytes()),
    ],
    ids=["8 bits", "24 bits", "32 bits", "float"],
)
def test_other_sample_formats_give_the_same_tone(tag: int, bits: int, pack: object) -> None:
    assert callable(pack)
    audio = pack(tone(700, 16_000))
    header = struct.pack("<HHIIHH", tag, 1, 16_000, 16_000 * bits // 8, bits // 8, bits)
    body = b"fmt " + struct.pack("<I", len(header)) + header + b"data" + struct.pack("<I", len(audio)) + audio
    recording = parse_wav(b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body)
    assert loudest_hz(recording.channels[0]) == pytest.approx(700, abs=3)
    assert loudness(recording.channels[0]) == pytest.approx(16_000 / np.sqrt(2), rel=0.03)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a WAV file"),
        (b"ID3\x04 some music", "not a WAV file"),
        (b"RIFF\x04\x00\x00\x00WAVE", "without a format"),
        (b"RIFF\x04\x00\x00\x00WAVEfmt \x02\x00\x00\x00\x01\x00data\x02\x00\x00\x00ab", "cannot be read"),
    ],
    ids=["empty", "music", "nothing in it", "short format"],
)
def test_what_is_no_recording_is_refused_in_words(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_wav(data)


def test_no_bytes_make_the_reader_fail_otherwise_than_in_words(tmp_path: Path) -> None:
    whole = write_pcm(tmp_path / "whole.wav", [tone(500, 8_000, 0.01)], 8_000).read_bytes()
    random = np.random.default_rng(7)
    for _ in range(300):
        damaged = bytearray(whole[: random.integers(0, len(whole))])
        for place in random.integers(0, 44, 3):
            if place < len(damaged):
                damaged[place] = random.integers(0, 256)
        with suppress(ValueError):
            assert parse_wav(bytes(damaged)).channels[0]


def test_resampling_to_the_same_rate_changes_nothing() -> None:
    samples = tone(500, 8_000)
    assert resample(samples, 8_000, 8_000) is samples
