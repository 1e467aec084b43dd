"""The bus of one process."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

QUEUE_LENGTH = 512
"""Messages a reader may lag behind before it is cut off: minutes of a busy console."""


class MemorySubscription:
    """Satisfies `contracts.Subscription`. Ends when its reader was cut off or the bus closed."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(QUEUE_LENGTH + 1)
        self._open = True

    def offer(self, message: dict[str, Any]) -> None:
        if not self._open:
            return
        if self._queue.qsize() < QUEUE_LENGTH:
            self._queue.put_nowait(message)
        else:
            self.end()

    def end(self) -> None:
        """No more messages after those already waiting."""
        if self._open:
            self._open = False
            self._queue.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        while (message := await self._queue.get()) is not None:
            yield message


class MemoryBus:
    """Satisfies `contracts.Bus` inside one event loop."""

    def __init__(self) -> None:
        self._topics: dict[str, set[MemorySubscription]] = defaultdict(set)

    def publish(self, topic: str, message: dict[str, Any]) -> None:
        for subscription in tuple(self._topics.get(topic, ())):
            subscription.offer(message)

    @asynccontextmanager
    async def subscribe(self, topic: str) -> AsyncIterator[MemorySubscription]:
        subscription = MemorySubscription()
        self._topics[topic].add(subscription)
        try:
            yield subscription
        finally:
            readers = self._topics[topic]
            readers.discard(subscription)
            if not readers:
                del self._topics[topic]

    def close(self) -> None:
        """End every subscription, at the shutdown of the process."""
        for readers in tuple(self._topics.values()):
            for subscription in tuple(readers):
                subscription.end()
