"""Coming in: by key, by link, by session; and staying out."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from http.cookies import SimpleCookie
from typing import Any

import httpx
import pytest
import websockets

from ringfence.access.roles import Role
from ringfence.access.service import SESSION_IDLE
from ringfence.testing.clock import ManualClock
from ringfence.web.asgi import create_asgi
from ringfence.web.guesses import LIMIT, WINDOW_S
from ringfence.web.services import Services

pytestmark = pytest.mark.db

OpenServices = Callable[..., AbstractAsyncContextManager[Services]]
Serve = Callable[..., AbstractAsyncContextManager[str]]

HTTPS = "https://calls.example.org"
ME = "/api/v1/auth/me"


def client_of(services: Services, base_url: str = "http://127.0.0.1:8000") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(create_asgi(services), client=("127.0.0.1", 5))
    return httpx.AsyncClient(transport=transport, base_url=base_url)


def told(
    open_services: OpenServices,
    story: Callable[[Services, httpx.AsyncClient], Awaitable[None]],
    public_url: str = "http://127.0.0.1:8000",
) -> None:
    async def run() -> None:
        async with (
            open_services(public_url=public_url) as services,
            client_of(services, public_url) as client,
        ):
            await story(services, client)

    asyncio.run(run())


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def cookie_in(response: httpx.Response) -> Any:
    (morsel,) = SimpleCookie(response.headers["Set-Cookie"]).values()
    return morsel


def test_a_key_says_who_and_what_its_holder_is(open_services: OpenServices) -> None:
    async def story(services: Services, client: httpx.AsyncClient) -> None:
        key = await services.access.create_key("reports", Role.VIEWER)
        answer = await client.get(ME, headers=bearer(key))
        assert answer.json() == {"name": "reports", "role": "viewer"}

    told(open_services, story)


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Basic YTpi", "rf_0_0", "Bearer rf_000000000000_" + "0" * 48, "Bearer \xff"],
)
def test_what_is_no_good_key_is_401_and_says_how_to_ask(open_services: OpenServices, header: str) -> None:
    async def story(services: Services, client: httpx.AsyncClient) -> None:
        answer = await client.get(ME, headers=[(b"Authorization", header.encode("latin-1"))])
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")

    told(open_services, story)


def test_a_role_that_does_not_reach_is_told_which_one_does(open_services: OpenServices) -> None:
    async def story(services: Services, client: httpx.AsyncClient) -> None:
        key = await services.access.create_key("reports", Role.VIEWER)
        answer = await client.get("/api/v1/audit", headers=bearer(key))
        assert answer.status_code == 403
        assert "admin" in answer.json()["detail"]

    told(open_services, story)


def test_a_key_in_the_address_opens_no_ordinary_door(open_services: OpenServices) -> None:
    async def story(services: Services, client: httpx.AsyncClient) -> None:
        key = await services.access.create_key("reports", Role.ADMIN)
        assert (await client.get(ME, params={"token": key})).status_code == 401

    told(open_services, story)


def test_a_link_becomes_a_session_that_scripts_and_other_sites_cannot_use(
    open_services: OpenServices,
) -> None:
    async def story(services: Services, client: httpx.AsyncClient) -> None:
        token = await services.access.issue_link(Role.OPERATOR, "Ana")
        answer = await client.post("/api/v1/auth/link", json={"token": token}, headers={"Origin": HTTPS})
        assert (answer.status_code, answer.content) == (204, b"")
        cookie = cookie_in(answer)
        assert cookie.key == "__Host-ringfence"
        assert (cookie["path"], cookie["domain"]) == ("/", "")
        assert cookie["secure"] is True
        assert cookie["httponly"] is True
        assert cookie["samesite"].lower() == "strict"
        assert (await client.get(ME)).json() == {"name": "Ana", "role": "operator"}

    told(open_services, story, HTTPS)


def test_without_tls_the_cookie_still_works_on_this_machine(open_services: OpenServices) -> None:
    async def story(services: Services, client: httpx.AsyncClient) -> None:
        key = await services.access.create_key("Ana", Role.VIEWER)
        answer = await client.post("/api/v1/auth/session", json={"key": key})
        assert answer.status_code == 204
        assert cookie_in(answer).key == "ringfence"
        assert not cookie_in(answer)["secure"]
        assert (await client.get(ME)).status_code == 200

    told(open_services, story)


def test_a_used_link_is_401_and_says_where_a_new_one_comes_from(open_services: OpenServices) -> None:
    async def story(services: Services, client: httpx.AsyncClient) -> None:
        token = await services.access.issue_link(Role.VIEWER, "Ana")
        first = await client.post("/api/v1/auth/link", json={"token": token})
        client.cookies.clear()
        second = await client.post("/api/v1/auth/link", json={"token": token})
        assert (first.status_code, second.status_code) == (204, 401)
        assert "ringfence link" in second.json()["detail"]

    told(open_services, story)


def test_a_foreign_page_does_not_use_up_a_link(open_services: OpenServices) -> None:
    async def story(services: Services, client: httpx.AsyncClient) -> None:
        body = {"token": await services.access.issue_link(Role.VIEWER, "Ana")}
        foreign = await client.post(
            "/api/v1/auth/link", json=body, headers={"Origin": "https://evil.example"}
        )
        ours = await client.post("/api/v1/auth/link", json=body, headers={"Origin": "http://127.0.0.1:8000"})
        assert (foreign.status_code, ours.status_code) == (403, 204)

    told(open_services, story)


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ({"Origin": "http://127.0.0.1:8000"}, 404),
        ({"Origin": "http://127.0.0.1:9000"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
    ],
    ids=["our own", "another program's", "opaque", "none"],
)
def test_a_session_changes_something_only_from_our_own_page(
    open_services: OpenServices, origin: dict[str, str], status: int
) -> None:
    async def story(services: Services, client: httpx.AsyncClient) -> None:
        key = await services.access.create_key("Ana", Role.OPERATOR)
        await client.post("/api/v1/auth/session", json={"key": key})
        answer = await client.post("/api/v1/calls/CA1/feedback", json={"label": "scam"}, headers=origin)
        assert answer.status_code == status

    told(open_services, story)


def test_a_key_needs_no_origin(open_services: OpenServices) -> None:
    async def story(services: Services, client: httpx.AsyncClient) -> None:
        key = await services.access.create_key("reports", Role.OPERATOR)
        answer = await client.post("/api/v1/calls/CA1/feedback", json={"label": "scam"}, headers=bearer(key))
        assert answer.status_code == 404

    told(open_services, story)


def test_a_wrong_key_is_not_saved_by_a_good_cookie(open_services: OpenServices) -> None:
    async def story(services: Services, client: httpx.AsyncClient) -> None:
        key = await services.access.create_key("Ana", Role.VIEWER)
        await client.post("/api/v1/auth/session", json={"key": key})
        assert (await client.get(ME, headers=bearer("wrong"))).status_code == 401

    told(open_services, story)


def test_signing_out_ends_the_session_and_takes_the_cookie(open_services: OpenServices) -> None:
    async def story(services: Services, client: httpx.AsyncClient) -> None:
        key = await services.access.create_key("Ana", Role.VIEWER)
        session = cookie_in(await client.post("/api/v1/auth/session", json={"key": key})).value
        answer = await client.delete("/api/v1/auth/session", headers={"Origin": "http://127.0.0.1:8000"})
        assert answer.status_code == 204
        assert not client.cookies
        assert await services.access.check_session(session) is None

    told(open_services, story)


def test_a_session_that_is_over_is_401_and_no_guess(open_services: OpenServices) -> None:
    async def story(services: Services, client: httpx.AsyncClient) -> None:
        key = await services.access.create_key("Ana", Role.VIEWER)
        await client.post("/api/v1/auth/session", json={"key": key})
        assert isinstance(services.clock, ManualClock)
        services.clock.advance(SESSION_IDLE.total_seconds())
        answers = [await client.get(ME) for _ in range(LIMIT + 5)]
        assert {answer.status_code for answer in answers} == {401}
        assert "session is over" in answers[0].json()["detail"]

    told(open_services, story)


@pytest.mark.parametrize("door", ["key", "link", "session"])
def test_guessing_is_slowed_down_and_a_good_key_still_gets_in(open_services: OpenServices, door: str) -> None:
    async def guess(client: httpx.AsyncClient) -> httpx.Response:
        if door == "key":
            return await client.get(ME, headers=bearer("rf_guess"))
        if door == "link":
            return await client.post("/api/v1/auth/link", json={"token": "rfl_guess"})
        return await client.post("/api/v1/auth/session", json={"key": "rf_guess"})

    async def story(services: Services, client: httpx.AsyncClient) -> None:
        good = await services.access.create_key("reports", Role.VIEWER)
        assert [(await guess(client)).status_code for _ in range(LIMIT)] == [401] * LIMIT
        answer = await guess(client)
        assert answer.status_code == 429
        assert answer.headers["Retry-After"] == str(round(WINDOW_S))
        assert answer.headers["Retry-After"] in answer.json()["detail"]
        assert (await client.get(ME, headers=bearer(good))).status_code == 200
        assert isinstance(services.clock, ManualClock)
        services.clock.advance(WINDOW_S)
        assert (await guess(client)).status_code == 401

    told(open_services, story)


SOCKET = "/api/v1/live"
OURS = "ours"


@pytest.mark.parametrize(
    ("credential", "origin", "status"),
    [
        ("key", None, 101),
        ("key", "https://evil.example", 403),
        ("token", None, 101),
        ("token", OURS, 101),
        ("token", "https://evil.example", 403),
        ("cookie", OURS, 101),
        ("cookie", None, 403),
        ("cookie", "https://evil.example", 403),
        ("wrong token", None, 401),
        (None, OURS, 401),
    ],
)
def test_a_socket_opens_for_a_key_or_a_session_of_our_own_page(
    open_services: OpenServices, serve: Serve, credential: str | None, origin: str | None, status: int
) -> None:
    async def story() -> None:
        async with open_services() as services, serve(services) as url:
            key = await services.access.create_key("Ana", Role.VIEWER)
            session = await services.access.open_session(key)
            headers = {
                "key": bearer(key),
                "cookie": {"Cookie": f"ringfence={session}"},
            }.get(credential or "", {})
            if origin is not None:
                headers["Origin"] = url if origin == OURS else origin
            query = {"token": f"?token={key}", "wrong token": "?token=rf_wrong"}.get(credential or "", "")
            address = url.replace("http", "ws", 1) + SOCKET + query
            try:
                async with websockets.connect(address, additional_headers=headers, proxy=None):
                    found = 101
            except websockets.InvalidStatus as refused:
                found, answer = refused.response.status_code, refused.response
            assert found == status
            if found != 101:
                assert answer.headers["Content-Type"] == "application/problem+json"

    asyncio.run(story())
