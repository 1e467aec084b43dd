"""Is somebody speaking in this piece of audio?"""

from collections.abc import Callable
from typing import Any

from ringfence.audio.g711 import decode_mulaw

FRAME_MS = 20
FRAME_BYTES = 160
QUIET_BELOW = 200
"""Sample magnitude (of 32,767, -44 dBFS). Line noise stays under it, a quiet talker's peaks do not."""
VAD_MODE = 2
"""WebRTC's detector knows 0 (lets much through) to 3; 2 drops line noise and keeps soft word ends."""


def _loudness_table() -> bytes:
    """For each mu-law byte 1 when its sample is louder than QUIET_BELOW, else 0 (ITU-T G.711)."""
    table = bytearray(256)
    for byte in range(256):
        code = ~byte & 0xFF
        magnitude = (((code & 0x0F) << 3) + 0x84 << (code >> 4 & 7)) - 0x84
        table[byte] = magnitude > QUIET_BELOW
    return bytes(table)


_LOUD = _loudness_table()


def has_sound(mulaw: bytes) -> bool:
    """Whether more than a click of it is louder than line noise. About a microsecond for 100 ms."""
    return mulaw.translate(_LOUD).count(1) > len(mulaw) // 80


def speech_judge() -> Callable[[bytes], bool]:
    """A fresh judge of 20 ms mu-law frames of one party, in order: loud enough, and like speech.

    WebRTC's voice activity detector as it comes with pocketsphinx, behind an energy gate."""
    from pocketsphinx import Vad

    vad: Any = Vad(mode=VAD_MODE, sample_rate=8000, frame_length=FRAME_MS / 1000)
    if vad.frame_bytes != 2 * FRAME_BYTES:
        raise RuntimeError("the voice activity detector wants another frame length")

    def is_speech(frame: bytes) -> bool:
        return has_sound(frame) and bool(vad.is_speech(decode_mulaw(frame)))

    return is_speech
