"""One socket of somebody who looks on: sends, keeps the line alive, and notices when it must end."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import suppress
from typing import Any

from fastapi import WebSocket
from sqlalchemy.exc import SQLAlchemyError
from starlette.websockets import WebSocketDisconnect

from ringfence.access.roles import Role
from ringfence.web.auth import Guard

log = logging.getLogger(__name__)

OVER = 1000
AGAIN_LATER = 1013
"""The reader was too slow, or the server shuts down: connect again and get the state anew."""
NO_LONGER_ADMITTED = 4401

HEARTBEAT_S = 15.0
"""A session or key that was revoked is noticed within so long."""
SEND_DEADLINE_S = 5.0
"""A client that cannot take one message for so long is cut off."""


class Onlooker:
    """Over an accepted socket. All its tasks are gone when `show` returns."""

    def __init__(
        self,
        websocket: WebSocket,
        guard: Guard,
        role: Role,
        heartbeat_s: float = HEARTBEAT_S,
        send_deadline_s: float = SEND_DEADLINE_S,
    ) -> None:
        self._websocket = websocket
        self._guard = guard
        self._role = role
        self._heartbeat_s = heartbeat_s
        self._send_deadline_s = send_deadline_s
        self._sending = asyncio.Lock()

    async def show(self, feed: AsyncIterator[dict[str, Any]], *, last: str = "") -> None:
        """Send what the feed gives, up to a message of type `last`, and close.

        Closes earlier when the client leaves, cannot keep up, or its credentials are no longer good."""
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._until_broken(work))
                for work in (self._forward(feed, last), self._keep_alive(), self._wait_for_leave())
            ]
            done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in others:
                task.cancel()
        codes = [task.result() for task in done]
        if None in codes:
            return
        with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
            async with asyncio.timeout(self._send_deadline_s):
                await self._websocket.close(codes[0] or OVER)

    async def _until_broken(self, work: Awaitable[int | None]) -> int | None:
        """The code to close with; None when nobody is there any more."""
        try:
            return await work
        except WebSocketDisconnect:
            return None
        except TimeoutError:
            return AGAIN_LATER

    async def _forward(self, feed: AsyncIterator[dict[str, Any]], last: str) -> int:
        async for message in feed:
            await self._send(message)
            if message["type"] == last:
                return OVER
        return AGAIN_LATER

    async def _keep_alive(self) -> int:
        while True:
            await asyncio.sleep(self._heartbeat_s)
            if not await self._still_admitted():
                return NO_LONGER_ADMITTED
            await self._send({"type": "heartbeat"})

    async def _still_admitted(self) -> bool:
        """A store that fails for a moment sends nobody away from a live call."""
        try:
            return await self._guard.still_admitted(self._websocket, self._role)
        except (SQLAlchemyError, TimeoutError) as error:
            log.warning("a session could not be checked", extra={"error": type(error).__name__})
            return True

    async def _wait_for_leave(self) -> None:
        """What a client says is not listened to; that it goes is."""
        while (await self._websocket.receive())["type"] != "websocket.disconnect":
            pass

    async def _send(self, message: dict[str, Any]) -> None:
        """Raises TimeoutError for a client that takes nothing, WebSocketDisconnect for one that is gone."""
        text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
        async with asyncio.timeout(self._send_deadline_s), self._sending:
            await self._websocket.send_text(text)
