"""The pipe between the server and a process that recognises speech: framed bytes, nothing pickled (pure).

A frame is: length of the payload (4 bytes), kind (1), stream (4), payload. Little-endian.
"""

import struct
from collections.abc import Iterator
from enum import IntEnum

import msgspec

HEADER = struct.Struct("<IBI")
NUMBER = struct.Struct("<Q")
MAX_PAYLOAD = 1 << 24


class Kind(IntEnum):
    # to the worker
    OPEN = 1  # Opening
    AUDIO = 2  # mu-law
    SKIP = 3  # a number of bytes of audio that will not come
    FINISH = 4
    CLOSE = 5
    # from the worker
    READY = 11  # the model is loaded
    BROKEN = 12  # it cannot be; a sentence
    HEARD = 13  # a list of Heard
    TAKEN = 14  # audio bytes taken in so far, skipped ones included
    DONE = 15  # after FINISH, when all is told
    FAILED = 16  # this stream only; a sentence


class Opening(msgspec.Struct, array_like=True, frozen=True):
    language: str
    whole: bool
    """The audio is a whole recording: take time and care; nothing is wanted before its end."""


class Heard(msgspec.Struct, array_like=True, frozen=True):
    """A segment, in the words of the pipe. Offsets into the stream's audio."""

    text: str
    start_ms: int
    end_ms: int
    is_final: bool = True
    confidence: float | None = None


def frame(kind: Kind, stream: int = 0, payload: bytes = b"") -> bytes:
    return HEADER.pack(len(payload), kind, stream) + payload


class FrameReader:
    """Bytes in as they come, whole frames out."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[Kind, int, bytes]]:
        """Raises ValueError for bytes that are no frames."""
        self._buffer += data
        start = 0
        try:
            while len(self._buffer) - start >= HEADER.size:
                length, kind, stream = HEADER.unpack_from(self._buffer, start)
                if length > MAX_PAYLOAD:
                    raise ValueError("frame too long")
                end = start + HEADER.size + length
                if len(self._buffer) < end:
                    return
                payload = bytes(self._buffer[start + HEADER.size : end])
                start = end
                yield Kind(kind), stream, payload
        finally:
            del self._buffer[:start]
