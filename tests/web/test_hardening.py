"""The outermost layer: what nobody foresaw ends in an orderly answer, and nothing too large comes in."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from starlette.types import Message, Receive, Scope, Send

from ringfence.web import problems
from ringfence.web.hardening import HEADERS, MAX_BODY_BYTES, Hardening

pytestmark = pytest.mark.unit


def echo() -> Hardening:
    """Answers how many bytes came."""
    app = FastAPI(openapi_url=None)
    problems.install(app)

    @app.post("/")
    async def door(request: Request) -> Response:
        return Response(str(len(await request.body())), headers={"Cache-Control": "max-age=5"})

    return Hardening(app, is_https=False)


async def post(app: Any, **options: Any) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        return await client.post("/", **options)


@pytest.mark.parametrize(("excess", "status"), [(0, 200), (1, 413)])
def test_a_body_is_taken_up_to_its_bound(excess: int, status: int) -> None:
    answer = asyncio.run(post(echo(), content=b"x" * (MAX_BODY_BYTES + excess)))
    assert answer.status_code == status


def test_a_body_without_an_announced_length_is_bounded_as_well() -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65_536

    answer = asyncio.run(post(echo(), content=endless()))
    assert answer.status_code == 413
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_every_answer_carries_the_headers_and_a_door_may_say_otherwise() -> None:
    answer = asyncio.run(post(echo(), content=b"abc"))
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert answer.headers["Cache-Control"] == "max-age=5"


def test_a_socket_that_breaks_is_closed_in_order() -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise ZeroDivisionError

    sent: list[Message] = []

    async def run() -> None:
        async def receive() -> Message:
            return {"type": "websocket.connect"}

        async def send(message: Message) -> None:
            sent.append(message)

        await Hardening(broken, is_https=False)({"type": "websocket"}, receive, send)

    asyncio.run(run())
    assert sent == [{"type": "websocket.close", "code": 1011}]
