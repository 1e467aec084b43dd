"""G.711 mu-law, the sound of a telephone line: one byte a sample, 8,000 a second (ITU-T G.711, table 2)."""

import warnings

with warnings.catch_warnings():
    # Before Python 3.13 this is the standard library's module, which warns of its departure; from 3.13 on the
    # package audioop-lts brings the same name.
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop

SILENCE = b"\xff"
"""One sample of nothing: positive zero."""


def decode_mulaw(mulaw: bytes) -> bytes:
    """PCM, 16 bit, little-endian, at the same rate. G.711's 14-bit values stand in the upper bits."""
    return _little_endian(audioop.ulaw2lin(mulaw, 2))


def encode_mulaw(pcm: bytes) -> bytes:
    """The nearest mu-law byte for each 16-bit little-endian sample. Raises ValueError for half a sample."""
    if len(pcm) % 2:
        raise ValueError("16-bit PCM has an even number of bytes")
    return bytes(audioop.lin2ulaw(_little_endian(pcm), 2))


def loudest(pcm: bytes) -> int:
    """The largest absolute sample of 16-bit little-endian PCM; 0 for none."""
    return int(audioop.max(_little_endian(pcm), 2))


def _little_endian(pcm: bytes) -> bytes:
    """From the machine's byte order, or back to it."""
    return pcm if _IS_LITTLE else audioop.byteswap(pcm, 2)


_IS_LITTLE = audioop.ulaw2lin(b"\x80", 2) == (32124).to_bytes(2, "little")
