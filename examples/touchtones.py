"""A speech engine in one file: it hears the keys of a telephone and says which they were.

A caller who cannot speak can still press keys. Put this file into a package of your own, and tell Ringfence of it in
that package's `pyproject.toml`:

    [project.entry-points."ringfence.speech_engine"]
    touchtones = "your_package.touchtones"

Then `RINGFENCE_SPEECH_ENGINE=touchtones` chooses it. It needs nothing of Ringfence but its contracts.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import numpy as np

from ringfence.contracts import Listening, SpeechStream
from ringfence.model.speech import Segment, SpeechEvent

# Each key is two tones at once, one of its row and one of its column (ITU-T Q.23).
ROWS_HZ = (697, 770, 852, 941)
COLUMNS_HZ = (1209, 1336, 1477)
KEYS = ("123", "456", "789", "*0#")
BLOCK_BYTES = 320  # 40 ms of mu-law: the shortest a key may sound (ITU-T Q.24)
BYTES_PER_MS = 8
SHARE = 0.35
"""A tone counts when it carries so much of a block's energy."""


def create(choice: Any) -> "TouchtoneEngine":
    """`choice` is what the settings say about speech; this engine needs none of it."""
    return TouchtoneEngine()


class TouchtoneEngine:
    """Satisfies `ringfence.contracts.SpeechEngine`."""

    name = "touchtones"

    def understands(self, language: str) -> bool:
        return True  # A key is a key.

    async def open(self, listening: Listening) -> SpeechStream:
        return TouchtoneStream(listening)

    async def aclose(self) -> None:
        """Nothing is shared, so nothing is let go."""


class TouchtoneStream:
    """One party. Satisfies `ringfence.contracts.SpeechStream`."""

    def __init__(self, listening: Listening) -> None:
        self._party = listening.party
        self._pending = bytearray()
        self._heard_bytes = 0
        self._last_key = ""
        self._events: asyncio.Queue[SpeechEvent | None] = asyncio.Queue()
        self._is_over = False

    def push(self, mulaw: bytes) -> None:
        if self._is_over:
            return
        self._pending += mulaw
        while len(self._pending) >= BLOCK_BYTES:
            block = bytes(self._pending[:BLOCK_BYTES])
            del self._pending[:BLOCK_BYTES]
            self._heard_bytes += BLOCK_BYTES
            key = find_key(block)
            if key and key != self._last_key:
                end_ms = self._heard_bytes // BYTES_PER_MS
                start_ms = end_ms - BLOCK_BYTES // BYTES_PER_MS
                self._events.put_nowait(
                    Segment(self._party, f"key {key}", start_ms, end_ms, engine=TouchtoneEngine.name)
                )
            self._last_key = key

    async def finish(self) -> None:
        self._end()

    async def events(self) -> AsyncIterator[SpeechEvent]:
        while (event := await self._events.get()) is not None:
            yield event

    async def aclose(self) -> None:
        self._end()

    def _end(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._events.put_nowait(None)


def find_key(mulaw: bytes) -> str:
    """The key that sounds in a block of mu-law, or nothing."""
    samples = EXPANDED[np.frombuffer(mulaw, np.uint8)]
    energy = float(np.sum(samples**2))
    if energy < 1.0:
        return ""
    seconds = np.arange(len(samples)) / 8_000
    strengths = {
        hz: abs(complex(np.sum(samples * np.exp(-2j * np.pi * hz * seconds)))) ** 2
        * 2
        / (len(samples) * energy)
        for hz in (*ROWS_HZ, *COLUMNS_HZ)
    }
    row = max(ROWS_HZ, key=strengths.__getitem__)
    column = max(COLUMNS_HZ, key=strengths.__getitem__)
    if min(strengths[row], strengths[column]) < SHARE:
        return ""
    return KEYS[ROWS_HZ.index(row)][COLUMNS_HZ.index(column)]


def _expand(code: int) -> float:
    """One byte of mu-law as a sample between -1 and 1 (ITU-T G.711)."""
    code = ~code & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84 << (code >> 4 & 7)) - 0x84
    return (-magnitude if code & 0x80 else magnitude) / 32_768


EXPANDED = np.array([_expand(code) for code in range(256)])
