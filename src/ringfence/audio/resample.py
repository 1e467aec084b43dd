"""From the line's 8 kHz mu-law to the PCM that speech engines want, without making anyone wait.

One windowed-sinc filter of `TAPS` samples for each output phase (a half-band filter for 16 kHz, a third-band one
for 24 kHz): the first phase hands the samples through untouched, the others interpolate between them. Flat within
0.05 dB to 3.4 kHz, images at least 50 dB down, and 1.5 ms late, at either rate; the tests measure all three.

The filters run in `_filters`, in C, where a compiler was found at the installation, and otherwise as small matrix
products. Coefficients are multiples of 1/1024, so that sums of products with 14-bit samples are exact in single
precision up to 65,536; what lies above is cut to 32,767 anyway. Hence the same audio gives the same bytes whoever
filters it, and however it was cut into pieces.
"""

import math
import struct
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ringfence.audio.g711 import SILENCE, decode_mulaw, loudest

LINE_RATE_HZ = 8_000  # ITU-T G.711
RATES_HZ = (8_000, 16_000, 24_000)
TAPS = 24
DELAY_MS = TAPS / 2 / LINE_RATE_HZ * 1_000
"""How far the filters lag behind; nothing is held back beyond that."""

_KAISER_BETA = 5.5  # Balances ripple and image rejection for 24 taps between 3.4 and 4.6 kHz.
_UNIT = 1_024
_BLOCK = 20  # samples a row of the matrix; a quarter slower at half or double of it
_PIECE = 8_000  # samples worked on at once: bounds the memory for long recordings
_PCM = np.dtype("<i2")
_FLOAT = np.dtype(np.float32)
_TOP = np.float32(32_767)
_BOTTOM = np.float32(-32_768)

Filters = Callable[[bytes], bytes]
"""From `TAPS - 1` samples that came before and the new ones to so many times the new ones."""


class MulawToPcm:
    """A stream of mu-law in, a stream of 16-bit little-endian PCM out: one object for each party."""

    __slots__ = ("_filters", "_history", "rate_hz")

    def __init__(self, rate_hz: int, filters: Callable[[int], Filters] | None = None) -> None:
        """`rate_hz` is one of `RATES_HZ`; ValueError for any other. The filters are the quickest there are."""
        if rate_hz not in RATES_HZ:
            raise ValueError(f"no way from {LINE_RATE_HZ} Hz to {rate_hz} Hz; there is {RATES_HZ}")
        self.rate_hz = rate_hz
        factor = rate_hz // LINE_RATE_HZ
        self._filters = (filters or quickest)(factor) if factor > 1 else None
        self._history = SILENCE * (TAPS - 1)

    def feed(self, mulaw: bytes) -> bytes:
        """The PCM for these samples: `len(mulaw) * rate_hz / 8000` samples, `DELAY_MS` late (at once at 8 kHz)."""
        if self._filters is None:
            return decode_mulaw(mulaw)
        if len(mulaw) <= _PIECE:
            return self._upsample(mulaw, self._filters)
        return b"".join(
            self._upsample(mulaw[start : start + _PIECE], self._filters)
            for start in range(0, len(mulaw), _PIECE)
        )

    def flush(self) -> bytes:
        """What the filters still hold (`DELAY_MS` of sound), followed by a clean state."""
        tail = b"" if self._filters is None else self._upsample(SILENCE * (TAPS // 2), self._filters)
        self._history = SILENCE * (TAPS - 1)
        return tail

    def _upsample(self, mulaw: bytes, filters: Filters) -> bytes:
        codes = self._history + mulaw
        self._history = codes[len(mulaw) :]
        return filters(decode_mulaw(codes))


def by_matrix(factor: int) -> Filters:
    return partial(_multiply, _MATRICES[factor], factor)


def _multiply(matrix: NDArray[np.float32], factor: int, pcm: bytes) -> bytes:
    samples = len(pcm) // 2 - (TAPS - 1)
    if over := samples % _BLOCK:
        pcm += bytes(2 * (_BLOCK - over))
    # Each row sees its own samples and those before them that the filters reach back to; rows overlap.
    rows = np.ndarray((-(-samples // _BLOCK), _ROW), _PCM, pcm, 0, (2 * _BLOCK, 2)).astype(_FLOAT)
    sound = rows @ matrix
    np.rint(sound, out=sound)
    if loudest(pcm) > _MAY_OVERSHOOT:
        np.clip(sound, _BOTTOM, _TOP, out=sound)
    made = sound.astype(_PCM).tobytes()
    return made[: 2 * samples * factor] if over else made


_ROW = _BLOCK + TAPS - 1


def _taps(factor: int, phase: int) -> list[int]:
    """Windowed sinc through the point `phase / factor` of the way from one sample to the next, oldest first."""
    centre = TAPS / 2 - 1 + phase / factor
    raw = [_sinc(k - centre) * _kaiser((k - centre) / (TAPS / 2)) for k in range(TAPS)]
    whole = [round(tap / sum(raw) * _UNIT) for tap in raw]
    whole[whole.index(max(whole))] += _UNIT - sum(whole)  # exactly no gain for a steady tone of 0 Hz
    return whole


def _sinc(x: float) -> float:
    return math.sin(math.pi * x) / (math.pi * x) if x else 1.0


def _kaiser(x: float) -> float:
    return float(np.i0(_KAISER_BETA * math.sqrt(max(0.0, 1 - x * x))) / np.i0(_KAISER_BETA))


def _matrix(factor: int) -> NDArray[np.float32]:
    """Row of input samples -> row of output samples, phases already side by side."""
    matrix = np.zeros((_ROW, _BLOCK * factor), _FLOAT)
    for phase in range(factor):
        taps = np.array(_taps(factor, phase), _FLOAT) / _UNIT
        for sample in range(_BLOCK):
            matrix[sample : sample + TAPS, sample * factor + phase] = taps
    return matrix


_MATRICES = {factor: _matrix(factor) for factor in (2, 3)}
_MAY_OVERSHOOT = int(_TOP / max(np.abs(matrix).sum(axis=0).max() for matrix in _MATRICES.values()))
"""Up to this sample value no sum can leave 16 bits, whatever the signs."""


quickest = by_matrix
try:
    from ringfence.audio import _filters
except ImportError:
    IS_NATIVE = False
else:
    IS_NATIVE = True

    def in_c(factor: int) -> Filters:
        # The samples of the line pass untouched; only the phases between them have coefficients.
        taps = [tap for phase in range(1, factor) for tap in _taps(factor, phase)]
        return partial(_filters.interpolate, struct.pack(f"<{len(taps)}h", *taps))

    quickest = in_c
