"""Many writers, one commit: whoever writes while a transaction is under way shares the next one.

A commit waits for the disk; alone, that wait would be every writer's own. Nothing is delayed on purpose: with
one writer a write goes out at once, with many the transactions grow.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")


class GroupCommit(Generic[Item]):
    """Hands items to `write`, in order, as many at a time as have gathered (up to `largest`)."""

    def __init__(
        self,
        write: Callable[[Sequence[Item]], Awaitable[None]],
        *,
        is_fault_of_an_item: Callable[[Exception], bool],
        largest: int = 256,
        most_waiting: int = 4096,
    ) -> None:
        """`write` commits all it is given or nothing. Where its failure is the fault of one item, the items
        are written once more, each alone, so that only the guilty one fails."""
        self._write = write
        self._is_fault_of_an_item = is_fault_of_an_item
        self._largest = largest
        self._waiting: deque[tuple[Item, asyncio.Future[None]]] = deque()
        self._room = asyncio.Semaphore(most_waiting)
        self._writer: asyncio.Task[None] | None = None

    async def add(self, item: Item) -> None:
        """Return when the item is committed, or raise what `write` raised for it.

        A caller that is cancelled while it waits does not take its item back. When too many wait already,
        this one waits in front of the queue."""
        async with self._room:
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((item, done))
            if self._writer is None:
                self._writer = asyncio.create_task(self._work())
            await done

    async def _work(self) -> None:
        group: list[tuple[Item, asyncio.Future[None]]] = []
        try:
            while self._waiting:
                group = [self._waiting.popleft() for _ in range(min(self._largest, len(self._waiting)))]
                await self._commit(group)
        finally:
            self._writer = None
            # Reached with anything left only when this task was cancelled: the loop is closing.
            for _, done in [*group, *self._waiting]:
                done.cancel()
            self._waiting.clear()

    async def _commit(self, group: Sequence[tuple[Item, asyncio.Future[None]]]) -> None:
        try:
            await self._write([item for item, _ in group])
        except Exception as error:  # every failure belongs to the callers, who are told it
            if len(group) > 1 and self._is_fault_of_an_item(error):
                for member in group:
                    await self._commit([member])
                return
            for _, done in group:
                if not done.done():
                    done.set_exception(error)
        else:
            for _, done in group:
                if not done.done():
                    done.set_result(None)
