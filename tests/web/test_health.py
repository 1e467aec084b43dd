"""Alive, ready, configured: and which of them is not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from ringfence.web import health
from ringfence.web.asgi import create_asgi
from ringfence.web.services import Services

pytestmark = pytest.mark.db

OpenServices = Callable[..., AbstractAsyncContextManager[Services]]


class DeadDatabase:
    """Refuses, or never answers."""

    dialect = "sqlite"

    def __init__(self, error: Exception | None) -> None:
        self._error = error

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        if self._error is None:
            await asyncio.Event().wait()
        else:
            raise self._error
        yield  # type: ignore[misc]

    transaction = reading

    async def forget_erased(self) -> None: ...


async def get(services: Services, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(create_asgi(services))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        return await client.get(path)


def test_it_says_that_it_is_alive_and_ready(open_services: OpenServices) -> None:
    async def story() -> None:
        async with open_services() as services:
            assert (await get(services, "/healthz")).json() == {"status": "ok", "version": "0.0.0"}
            assert (await get(services, "/readyz")).json() == {"status": "ready"}

    asyncio.run(story())


def test_while_draining_it_is_alive_but_not_ready(open_services: OpenServices) -> None:
    async def story() -> None:
        async with open_services() as services:
            services.switchboard.accepting = False
            assert (await get(services, "/healthz")).status_code == 200
            answer = await get(services, "/readyz")
        assert answer.status_code == 503
        assert "draining" in answer.json()["detail"]

    asyncio.run(story())


@pytest.mark.parametrize("error", [OSError("no"), None], ids=["refuses", "never answers"])
def test_without_its_database_it_is_alive_but_not_ready(
    open_services: OpenServices, error: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "DATABASE_DEADLINE_S", 0.02)

    async def story() -> None:
        async with open_services() as services:
            broken = replace(services, database=DeadDatabase(error))
            assert (await get(broken, "/healthz")).status_code == 200
            answer = await get(broken, "/readyz")
        assert answer.status_code == 503
        assert "database" in answer.json()["detail"]

    asyncio.run(story())


def test_the_telephony_health_has_exactly_the_promised_fields(open_services: OpenServices) -> None:
    async def story() -> None:
        async with open_services() as services:
            answer = await get(services, "/api/v1/twilio/health")
        assert answer.json() == {"status": "ok", "twilio_configured": True, "active_calls": 0}

    asyncio.run(story())
