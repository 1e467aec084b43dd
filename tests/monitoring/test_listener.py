import asyncio
from collections.abc import AsyncIterator

import pytest

from ringfence.contracts import Listening, SpeechStream
from ringfence.model.calls import CallSid, Party
from ringfence.model.media import AudioReceived
from ringfence.model.speech import AudioDropped, EngineSwitched, Segment, SpeechEvent
from ringfence.monitoring.listener import EARLY_BYTES, LegListener

pytestmark = pytest.mark.unit

LISTENING = Listening(CallSid("CA1"), "+15550111", Party.REMOTE, "en")
SAID: list[SpeechEvent] = [
    Segment(Party.REMOTE, "hello", 100, 900),
    EngineSwitched(Party.REMOTE, "a", "b", "broke", 200, 300),
    AudioDropped(Party.REMOTE, 400, 50),
]


class Stream:
    def __init__(self) -> None:
        self.fed = bytearray()
        self._finished = asyncio.Event()

    def push(self, mulaw: bytes) -> None:
        self.fed += mulaw

    async def finish(self) -> None:
        self._finished.set()

    async def events(self) -> AsyncIterator[SpeechEvent]:
        for event in SAID:
            yield event
        await self._finished.wait()

    async def aclose(self) -> None: ...


class SlowEngine:
    """Opens when it is told to."""

    name = "slow"

    def __init__(self) -> None:
        self.may_open = asyncio.Event()
        self.stream = Stream()

    def understands(self, language: str) -> bool:
        return True

    async def open(self, listening: Listening) -> SpeechStream:
        await self.may_open.wait()
        return self.stream

    async def aclose(self) -> None: ...


def frame(n: int) -> AudioReceived:
    return AudioReceived(Party.REMOTE, b"\x7f" * 160, 20 * n)


def test_a_stream_that_began_later_than_the_call_counts_from_the_start_of_the_call() -> None:
    async def scene() -> list[SpeechEvent]:
        engine, heard = SlowEngine(), list[SpeechEvent]()
        engine.may_open.set()
        leg = LegListener(engine, LISTENING, 5000, heard.append)
        await leg.finish()
        await leg.run()
        return heard

    assert asyncio.run(scene()) == [
        Segment(Party.REMOTE, "hello", 5100, 5900),
        EngineSwitched(Party.REMOTE, "a", "b", "broke", 5200, 5300),
        AudioDropped(Party.REMOTE, 5400, 50),
    ]


def test_what_waits_for_a_slow_engine_is_bounded_and_the_newest_is_kept() -> None:
    async def scene() -> int:
        engine = SlowEngine()
        leg = LegListener(engine, LISTENING, 0, lambda _: None)
        running = asyncio.create_task(leg.run())
        for n in range(2 * EARLY_BYTES // 160):
            leg.feed(frame(n))
        await leg.finish()
        engine.may_open.set()
        await running
        return len(engine.stream.fed)

    # The hole before the newest ten seconds is filled with silence, so that offsets stay true.
    assert EARLY_BYTES <= asyncio.run(scene()) <= 2 * EARLY_BYTES
