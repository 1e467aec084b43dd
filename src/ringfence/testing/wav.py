"""Recordings in, telephone audio out: a small WAV reader.

Reads PCM of 8, 16, 24 or 32 bits, 32-bit float and G.711 mu-law, mono or stereo, at any rate, and gives mu-law
at 8 kHz: what a carrier sends. Formats after the RIFF WAVE description by Microsoft and IBM (1991) and its
extensible form (2001).
"""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ringfence.audio.g711 import decode_mulaw, encode_mulaw

TELEPHONE_HZ = 8_000
PASS_HZ = 3_400  # upper edge of the telephone channel, ITU-T G.712
PCM, FLOAT, MULAW, EXTENSIBLE = 1, 3, 7, 0xFFFE  # wFormatTag
_TAPS_EACH_SIDE = 32
_BLOCK = 16_384

Samples = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Recording:
    """One or two channels of mu-law at 8 kHz, equally long."""

    channels: tuple[bytes, ...]

    @property
    def duration_ms(self) -> int:
        return len(self.channels[0]) // 8


def read_wav(path: Path) -> Recording:
    """Raises ValueError that says what is wrong with the file, OSError when it cannot be read."""
    try:
        return parse_wav(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None


def parse_wav(data: bytes) -> Recording:
    """Raises ValueError."""
    chunks = _chunks(data)
    if "fmt " not in chunks or "data" not in chunks:
        raise ValueError("a WAV file without a format or without audio")
    header = chunks["fmt "]
    if len(header) < 16:
        raise ValueError("a WAV file whose format cannot be read")
    tag, count, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", header)
    if tag == EXTENSIBLE and len(header) >= 26:
        tag = struct.unpack_from("<H", header, 24)[0]
    if count not in (1, 2):
        raise ValueError(f"{count} channels; one or two are understood")
    if not 4_000 <= rate_hz <= 192_000:
        raise ValueError(f"a rate of {rate_hz} Hz; 4,000 to 192,000 are understood")
    audio = chunks["data"]
    width = count * (bits // 8)
    audio = audio[: len(audio) - len(audio) % width] if width else b""
    if not audio:
        raise ValueError("a WAV file with no audio in it")
    if tag == MULAW and bits == 8 and rate_hz == TELEPHONE_HZ:
        return Recording(tuple(audio[side::count] for side in range(count)))
    samples = _samples(audio, tag, bits)
    return Recording(tuple(to_mulaw(samples[side::count], rate_hz) for side in range(count)))


def write_wav(path: Path, mulaw: bytes) -> None:
    """One channel of mu-law at 8 kHz, as format 7."""
    header = struct.pack("<HHIIHHH", MULAW, 1, TELEPHONE_HZ, TELEPHONE_HZ, 1, 8, 0)
    fact = struct.pack("<I", len(mulaw))
    padded = mulaw + b"\x00" * (len(mulaw) % 2)
    body = b"".join(
        name + struct.pack("<I", size) + content
        for name, size, content in (
            (b"fmt ", len(header), header),
            (b"fact", 4, fact),
            (b"data", len(mulaw), padded),
        )
    )
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body)


def to_mulaw(samples: Samples, rate_hz: int) -> bytes:
    """Samples of -32768..32767 at any rate, as mu-law at 8 kHz."""
    telephone = resample(samples, rate_hz, TELEPHONE_HZ)
    return encode_mulaw(np.clip(np.rint(telephone), -32_768, 32_767).astype("<i2").tobytes())


def resample(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """Windowed-sinc resampling of a whole recording (not for streams); keeps what both rates can carry."""
    if from_hz == to_hz:
        return samples
    edge = min(0.5, 0.5 * min(from_hz, to_hz) / from_hz, PASS_HZ / from_hz if to_hz == TELEPHONE_HZ else 0.5)
    half = int(_TAPS_EACH_SIDE * max(1.0, from_hz / to_hz))
    taps = np.arange(-half, half + 1)
    padded = np.pad(samples, (half, half + 1))
    count = len(samples) * to_hz // from_hz
    blocks = []
    for first in range(0, count, _BLOCK):
        position = np.arange(first, min(count, first + _BLOCK)) * (from_hz / to_hz)
        nearest = np.floor(position).astype(np.int64)
        offset = (position - nearest)[:, None] - taps[None, :]
        weight = 2 * edge * np.sinc(2 * edge * offset) * np.cos(np.pi / 2 * offset / (half + 1)) ** 2
        blocks.append(np.einsum("ij,ij->i", weight, padded[nearest[:, None] + taps[None, :] + half]))
    return np.concatenate(blocks) if blocks else np.zeros(0)


def _samples(audio: bytes, tag: int, bits: int) -> Samples:
    if tag == MULAW and bits == 8:
        return np.frombuffer(decode_mulaw(audio), "<i2").astype(np.float64)
    if tag == PCM and bits == 8:
        return (np.frombuffer(audio, np.uint8).astype(np.float64) - 128) * 256
    if tag == PCM and bits == 16:
        return np.frombuffer(audio, "<i2").astype(np.float64)
    if tag == PCM and bits == 24:
        triples = np.frombuffer(audio, np.uint8).reshape(-1, 3).astype(np.int32)
        whole = triples[:, 0] << 8 | triples[:, 1] << 16 | triples[:, 2] << 24
        return whole.astype(np.float64) / 65_536
    if tag == PCM and bits == 32:
        return np.frombuffer(audio, "<i4").astype(np.float64) / 65_536
    if tag == FLOAT and bits == 32:
        floats = np.frombuffer(audio, "<f4").astype(np.float64)
        return np.nan_to_num(floats, posinf=1.0, neginf=-1.0) * 32_767
    raise ValueError(f"format {tag} with {bits} bits is not understood; PCM, float and mu-law are")


def _chunks(data: bytes) -> dict[str, bytes]:
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError("not a WAV file")
    chunks: dict[str, bytes] = {}
    at = 12
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        chunks.setdefault(name.decode("latin-1"), data[at + 8 : at + 8 + size])
        at += 8 + size + size % 2
    return chunks
