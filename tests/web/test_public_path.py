"""The same doors, whether the proxy keeps the path of the public address or strips it."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import httpx
import pytest
import websockets
from twilio.request_validator import RequestValidator

from ringfence.access.roles import Role
from ringfence.web.services import Services

pytestmark = pytest.mark.db

OpenServices = Callable[..., AbstractAsyncContextManager[Services]]
Serve = Callable[..., AbstractAsyncContextManager[str]]

PUBLIC = "https://example.org/ringfence"
WEBHOOK = "/api/v1/twilio/incoming-call"
FORM = {"CallSid": "CA" + "1" * 32, "From": "+15550111", "To": "+15550100", "AccountSid": "AC" + "0" * 32}
TOKEN = "0" * 32


@pytest.mark.parametrize("prefix", ["", "/ringfence"], ids=["stripped", "kept"])
def test_a_door_opens_under_both_addresses(open_services: OpenServices, serve: Serve, prefix: str) -> None:
    async def story() -> None:
        async with open_services(public_url=PUBLIC) as services, serve(services) as url:
            key = await services.access.create_key("Ana", Role.VIEWER)
            async with httpx.AsyncClient(base_url=url + prefix, trust_env=False) as client:
                assert (await client.get("/healthz")).status_code == 200
            address = f"{url.replace('http', 'ws', 1)}{prefix}/api/v1/live?token={key}"
            async with websockets.connect(address, proxy=None) as socket:
                assert "live.state" in str(await socket.recv())

    asyncio.run(story())


@pytest.mark.parametrize("prefix", ["", "/ringfence"], ids=["stripped", "kept"])
def test_the_carriers_signature_holds_under_both(
    open_services: OpenServices, serve: Serve, prefix: str
) -> None:
    async def story() -> None:
        async with open_services(public_url=PUBLIC) as services, serve(services) as url:
            signature = RequestValidator(TOKEN).compute_signature(PUBLIC + WEBHOOK, FORM)
            async with httpx.AsyncClient(base_url=url + prefix, trust_env=False) as client:
                answer = await client.post(WEBHOOK, data=FORM, headers={"X-Twilio-Signature": signature})
            assert answer.status_code == 200
            assert "<Stream" in answer.text

    asyncio.run(story())


def test_a_longer_name_is_another_address(open_services: OpenServices, serve: Serve) -> None:
    async def story() -> None:
        async with (
            open_services(public_url=PUBLIC) as services,
            serve(services) as url,
            httpx.AsyncClient(base_url=url, trust_env=False) as client,
        ):
            assert (await client.get("/ringfences/healthz")).status_code == 404

    asyncio.run(story())
