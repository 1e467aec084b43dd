"""How loud a piece of mu-law is. Levels are in dBov: 0 is the loudest square wave the line can carry."""

import math
import warnings

from ringfence.audio.g711 import decode_mulaw, loudest

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # see `g711`
    import audioop

FULL_SCALE = 32_124  # the largest mu-law value as 16-bit PCM (ITU-T G.711, table 2a)
QUIET_DBOV = -50.0
"""Below this a line carries its own noise and no speech near the microphone."""


def rms(mulaw: bytes) -> int:
    """Root mean square in 16-bit PCM units; 0 for no samples."""
    return int(audioop.rms(decode_mulaw(mulaw), 2))


def peak(mulaw: bytes) -> int:
    """The largest absolute sample in 16-bit PCM units; 0 for no samples."""
    return loudest(decode_mulaw(mulaw))


def level_dbov(mulaw: bytes) -> float:
    """Mean level in dBov, 0 or less; minus infinity for silence."""
    value = rms(mulaw)
    return 20 * math.log10(value / FULL_SCALE) if value else -math.inf


def is_quiet(mulaw: bytes, below_dbov: float = QUIET_DBOV) -> bool:
    """Whether nobody can be speaking here."""
    return level_dbov(mulaw) < below_dbov
