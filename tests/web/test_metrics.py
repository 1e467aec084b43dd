"""Figures for Prometheus, read by Prometheus' own parser."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import httpx
import pytest
import websockets
from prometheus_client.parser import text_string_to_metric_families

from ringfence.access.roles import Role
from ringfence.web.services import Services

pytestmark = pytest.mark.db

OpenServices = Callable[..., AbstractAsyncContextManager[Services]]
Serve = Callable[..., AbstractAsyncContextManager[str]]
Figures = dict[tuple[str, tuple[tuple[str, str], ...]], float]

SID = "CA00000000000000000000000000000001"


def parsed(text: str) -> Figures:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_requests_are_counted_by_the_pattern_of_their_door(open_services: OpenServices, serve: Serve) -> None:
    async def story() -> None:
        async with open_services() as services, serve(services) as url:
            key = await services.access.create_key("prometheus", Role.VIEWER)
            headers = {"Authorization": f"Bearer {key}"}
            async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as client:
                for path in (f"/api/v1/calls/{SID}", "/api/v1/calls/CA2", "/nothing", "/healthz"):
                    await client.get(path)
                await client.request("PROPFIND", "/healthz")
                text = (await client.get("/metrics")).text
        figures = parsed(text)

        def requests(method: str, route: str, status: int) -> float | None:
            labels = (("method", method), ("route", route), ("status", str(status)))
            return figures.get(("ringfence_http_requests_total", labels))

        assert requests("GET", "/api/v1/calls/{call_sid}", 404) == 2
        assert requests("GET", "unknown", 404) == 1
        assert requests("GET", "/healthz", 200) == 1
        assert requests("other", "/healthz", 405) == 1
        assert figures["ringfence_active_calls", ()] == 0
        assert figures["ringfence_accepting_calls", ()] == 1
        assert SID not in text

    asyncio.run(story())


def test_open_sockets_are_counted_until_they_close(open_services: OpenServices, serve: Serve) -> None:
    async def story() -> None:
        async with open_services() as services, serve(services) as url:
            key = await services.access.create_key("prometheus", Role.VIEWER)
            headers = {"Authorization": f"Bearer {key}"}
            async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as client:

                async def sockets() -> float:
                    figures = parsed((await client.get("/metrics")).text)
                    return figures.get(("ringfence_sockets", (("route", "/api/v1/live"),)), 0.0)

                address = url.replace("http", "ws", 1) + "/api/v1/live"
                async with websockets.connect(address, additional_headers=headers, proxy=None) as socket:
                    await socket.recv()
                    assert await sockets() == 1
                async with asyncio.timeout(5):
                    while await sockets():
                        await asyncio.sleep(0.005)

    asyncio.run(story())
