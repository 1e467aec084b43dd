import asyncio
from typing import Any

import pytest

from ringfence.bus.memory import QUEUE_LENGTH, MemoryBus

pytestmark = pytest.mark.unit


def test_a_reader_gets_what_is_published_on_its_topic_from_then_on() -> None:
    async def scene() -> list[dict[str, Any]]:
        bus = MemoryBus()
        bus.publish("a", {"n": 0})
        async with bus.subscribe("a") as reader:
            bus.publish("a", {"n": 1})
            bus.publish("b", {"n": 2})
            bus.publish("a", {"n": 3})
            bus.close()
            return [message async for message in reader]

    assert asyncio.run(scene()) == [{"n": 1}, {"n": 3}]


def test_a_reader_that_lags_is_cut_off_and_the_others_go_on() -> None:
    async def scene() -> tuple[int, int]:
        bus = MemoryBus()
        async with bus.subscribe("a") as slow, bus.subscribe("a") as fast:
            seen = 0

            async def read() -> None:
                nonlocal seen
                async for _ in fast:
                    seen += 1

            reading = asyncio.create_task(read())
            for n in range(QUEUE_LENGTH + 10):
                bus.publish("a", {"n": n})
                await asyncio.sleep(0)
            bus.close()
            await reading
            return len([message async for message in slow]), seen

    assert asyncio.run(scene()) == (QUEUE_LENGTH, QUEUE_LENGTH + 10)


def test_nothing_is_left_of_a_topic_that_nobody_reads() -> None:
    async def scene() -> int:
        bus = MemoryBus()
        async with bus.subscribe("a"):
            pass
        bus.publish("a", {})
        return len(bus._topics)

    assert asyncio.run(scene()) == 0
