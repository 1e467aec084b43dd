"""One socket of somebody who looks on, where the peer or the store misbehaves."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from fastapi import WebSocket
from sqlalchemy.exc import OperationalError
from starlette.types import Message

from ringfence.access.roles import Role
from ringfence.web.auth import Guard
from ringfence.web.onlooker import AGAIN_LATER, NO_LONGER_ADMITTED, OVER, Onlooker

pytestmark = pytest.mark.unit


class Peer:
    """The other end of a socket. `takes` False: it reads nothing; `leaves` ends it."""

    def __init__(self, *, takes: bool = True) -> None:
        self.sent: list[Message] = []
        self.leaves = asyncio.Event()
        self._takes = takes

    async def accepted(self) -> WebSocket:
        connected = False

        async def receive() -> Message:
            nonlocal connected
            if not connected:
                connected = True
                return {"type": "websocket.connect"}
            await self.leaves.wait()
            return {"type": "websocket.disconnect", "code": 1006}

        async def send(message: Message) -> None:
            if message["type"] == "websocket.send" and not self._takes:
                await asyncio.Event().wait()
            self.sent.append(message)

        websocket = WebSocket({"type": "websocket", "headers": []}, receive, send)
        await websocket.accept()
        return websocket

    @property
    def close_codes(self) -> list[int]:
        return [message["code"] for message in self.sent if message["type"] == "websocket.close"]


class Gate(Guard):
    """Asks the test whether somebody is still admitted."""

    def __init__(self, answer: Callable[[], bool]) -> None:
        self._answer = answer

    async def still_admitted(self, websocket: WebSocket, role: Role) -> bool:
        return self._answer()


async def feed_of(*messages: dict[str, Any], goes_on: bool = False) -> AsyncIterator[dict[str, Any]]:
    for message in messages:
        yield message
    if goes_on:
        await asyncio.Event().wait()


async def show(
    peer: Peer, feed: AsyncIterator[dict[str, Any]], answer: Callable[[], bool] = lambda: True, last: str = ""
) -> None:
    before = asyncio.all_tasks()
    onlooker = Onlooker(
        await peer.accepted(), Gate(answer), Role.VIEWER, heartbeat_s=0.01, send_deadline_s=0.05
    )
    async with asyncio.timeout(5):
        await onlooker.show(feed, last=last)
    assert asyncio.all_tasks() == before


def test_the_last_message_closes_the_socket_in_order() -> None:
    async def story() -> None:
        peer = Peer()
        await show(peer, feed_of({"type": "a"}, {"type": "z"}, {"type": "b"}), last="z")
        texts = [message["text"] for message in peer.sent if message["type"] == "websocket.send"]
        assert texts == ['{"type":"a"}', '{"type":"z"}']
        assert peer.close_codes == [OVER]

    asyncio.run(story())


def test_a_feed_that_ends_early_asks_to_come_again() -> None:
    async def story() -> None:
        peer = Peer()
        await show(peer, feed_of({"type": "a"}), last="z")
        assert peer.close_codes == [AGAIN_LATER]

    asyncio.run(story())


def test_a_peer_that_takes_nothing_is_let_go_after_the_deadline() -> None:
    async def story() -> None:
        peer = Peer(takes=False)
        await show(peer, feed_of({"type": "a"}, goes_on=True))
        assert peer.close_codes == [AGAIN_LATER]

    asyncio.run(story())


def test_a_peer_that_left_is_not_spoken_to() -> None:
    async def story() -> None:
        peer = Peer()
        peer.leaves.set()
        await show(peer, feed_of(goes_on=True))
        assert peer.close_codes == []

    asyncio.run(story())


def test_somebody_who_is_no_longer_admitted_is_sent_away() -> None:
    async def story() -> None:
        peer = Peer()
        await show(peer, feed_of(goes_on=True), lambda: False)
        assert peer.close_codes == [NO_LONGER_ADMITTED]

    asyncio.run(story())


def test_a_store_that_fails_for_a_moment_sends_nobody_away() -> None:
    async def story() -> None:
        peer = Peer()
        asked = 0

        def answer() -> bool:
            nonlocal asked
            asked += 1
            if asked == 3:
                peer.leaves.set()
            raise OperationalError("SELECT", {}, OSError("gone"))

        await show(peer, feed_of(goes_on=True), answer)
        beats = [message for message in peer.sent if message.get("text") == '{"type":"heartbeat"}']
        assert len(beats) >= 2
        assert peer.close_codes == []

    asyncio.run(story())
