"""Every door, seen by everybody: who may pass, what is answered, and that it is what the description says."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from fastapi.routing import iter_route_contexts
from pydantic import TypeAdapter

from ringfence.access.roles import Role
from ringfence.model.calls import Call, CallId, CallSid, CallStatus, Party
from ringfence.model.errors import ConfigurationError
from ringfence.model.speech import Utterance
from ringfence.testing.clock import ManualClock
from ringfence.web import schemas
from ringfence.web.asgi import create_asgi
from ringfence.web.hardening import MAX_BODY_BYTES
from ringfence.web.services import Services

pytestmark = pytest.mark.db

OpenServices = Callable[..., AbstractAsyncContextManager[Services]]
Serve = Callable[..., AbstractAsyncContextManager[str]]

SID = "CA00000000000000000000000000000001"
WRONG_KEY = "rf_000000000000_" + "0" * 48


@dataclass(frozen=True)
class Door:
    """What everybody gets at one door: the status of the answer."""

    nobody: int
    wrong_key: int
    ivr: int
    viewer: int
    operator: int
    admin: int
    foreign_origin: int
    """An admin's browser on somebody else's page: the cookie goes with the request, and so does its origin."""
    body: dict[str, object] | None = None
    schema: Any = None
    """What a good answer is made of; None for answers that are not JSON."""

    def statuses(self) -> dict[str, int]:
        return {
            "nobody": self.nobody,
            "wrong_key": self.wrong_key,
            "ivr": self.ivr,
            "viewer": self.viewer,
            "operator": self.operator,
            "admin": self.admin,
            "foreign_origin": self.foreign_origin,
        }


def for_all(status: int, schema: Any = None) -> Door:
    return Door(status, status, status, status, status, status, status, schema=schema)


def reading(role: Role, schema: Any = None) -> Door:
    """A browser of a foreign page may ask, but is not shown the answer: no door allows other origins to read."""
    viewer, operator = (200 if whose.covers(role) else 403 for whose in (Role.VIEWER, Role.OPERATOR))
    return Door(401, 401, 403, viewer, operator, 200, 200, schema=schema)


DOORS: dict[tuple[str, str], Door] = {
    # The carrier's: only its signature opens them.
    ("POST", "/api/v1/twilio/incoming-call"): for_all(403),
    ("POST", "/api/v1/twilio/call-status"): for_all(403),
    ("POST", "/api/v1/twilio/stream-status"): for_all(403),
    ("WS", "/api/v1/twilio/media-stream"): for_all(403),
    # Signing in: the token in the body is the credential.
    ("POST", "/api/v1/auth/link"): replace(for_all(401), foreign_origin=403, body={"token": "rfl_nothing"}),
    ("POST", "/api/v1/auth/session"): replace(for_all(401), foreign_origin=403, body={"key": WRONG_KEY}),
    ("DELETE", "/api/v1/auth/session"): replace(for_all(204), foreign_origin=403),
    ("GET", "/api/v1/auth/me"): reading(Role.VIEWER, schemas.Me),
    # The console's and other programs' of the operator.
    ("GET", "/api/v1/twilio/active-calls"): reading(Role.VIEWER, schemas.ActiveCalls),
    ("GET", "/api/v1/calls"): reading(Role.VIEWER, schemas.Calls),
    ("GET", "/api/v1/calls/{call_sid}"): reading(Role.VIEWER, schemas.CallDetail),
    ("GET", "/api/v1/calls/{call_sid}/audio"): reading(Role.OPERATOR),
    ("POST", "/api/v1/calls/{call_sid}/feedback"): Door(
        401, 401, 403, 403, 204, 204, 403, body={"label": "scam"}
    ),
    ("GET", "/api/v1/audit"): reading(Role.ADMIN, schemas.Audit),
    ("GET", "/api/v1/stats"): reading(Role.VIEWER, schemas.Stats),
    ("WS", "/api/v1/live"): Door(401, 401, 403, 101, 101, 101, 403, schema=schemas.LiveMessage),
    ("WS", "/api/v1/twilio/monitor/{call_sid}"): Door(
        401, 401, 403, 101, 101, 101, 403, schema=schemas.MonitorMessage
    ),
    # For whoever watches the process.
    ("GET", "/healthz"): for_all(200, schemas.Alive),
    ("GET", "/readyz"): for_all(200, schemas.Ready),
    ("GET", "/api/v1/twilio/health"): for_all(200, schemas.TwilioHealth),
    ("GET", "/metrics"): reading(Role.VIEWER),
    # For whoever wants to know how to ask.
    ("GET", "/openapi.json"): for_all(200),
    ("GET", "/docs"): for_all(200),
    ("GET", "/docs/style.css"): for_all(200),
}

WHO = ("nobody", "wrong_key", "ivr", "viewer", "operator", "admin", "foreign_origin")


async def with_a_call(services: Services) -> None:
    now = services.clock.now()
    call = Call(CallId("id-1"), CallSid(SID), "+15550111", "+15550100", "en", now)
    await services.calls.open_call(call)
    await services.calls.append(call.id, [Utterance(0, Party.REMOTE, "hello", 0, 400)], now)
    await services.audio.append(call.id, Party.REMOTE, 0, b"\xff" * 800, now)
    await services.calls.set_status(call.id, CallStatus.ENDED, now)


async def headers_of(services: Services) -> dict[str, dict[str, str]]:
    """Everybody's credentials, as request headers."""
    keys = {role.value: await services.access.create_key(role.value, role) for role in Role}
    session = await services.access.open_session(keys["admin"])
    return {
        "nobody": {},
        "wrong_key": {"Authorization": f"Bearer {WRONG_KEY}"},
        **{role: {"Authorization": f"Bearer {key}"} for role, key in keys.items()},
        "foreign_origin": {"Cookie": f"ringfence={session}", "Origin": "https://elsewhere.example"},
    }


async def knock(method: str, url: str, headers: dict[str, str], door: Door) -> tuple[int, str, str]:
    """Status, media type and text of what is answered; of a socket, its first message."""
    if method == "WS":
        try:
            async with websockets.connect(
                url.replace("http", "ws", 1), additional_headers=headers, proxy=None
            ) as socket:
                return 101, "application/json", str(await socket.recv())
        except websockets.InvalidStatus as refused:
            answer = refused.response
            return answer.status_code, answer.headers.get("Content-Type", ""), (answer.body or b"").decode()
    async with httpx.AsyncClient(trust_env=False) as client:
        response = await client.request(method, url, headers=headers, json=door.body)
        return response.status_code, response.headers.get("Content-Type", ""), response.text


@pytest.mark.parametrize("who", WHO)
def test_every_door_answers_everybody_as_the_table_says(
    open_services: OpenServices, serve: Serve, who: str
) -> None:
    async def story() -> None:
        async with open_services() as services, serve(services) as url:
            await with_a_call(services)
            headers = (await headers_of(services))[who]
            found = {}
            for (method, path), door in DOORS.items():
                assert isinstance(services.clock, ManualClock)
                services.clock.advance(10)  # Slowly enough that wrong guesses are forgiven.
                status, media_type, text = await knock(
                    method, url + path.replace("{call_sid}", SID), headers, door
                )
                found[method, path] = status
                carriers_socket = method == "WS" and path.endswith("media-stream")
                if status >= 400 and not carriers_socket:
                    assert media_type == "application/problem+json", (path, text)
                    assert schemas.Problem.model_validate_json(text).status == status
                elif door.schema is not None:
                    TypeAdapter[Any](door.schema).validate_json(text)
            assert found == {key: door.statuses()[who] for key, door in DOORS.items()}

    asyncio.run(story())


def test_no_door_is_missing_from_the_table(open_services: OpenServices) -> None:
    async def story() -> None:
        async with open_services() as services:
            app = create_asgi(services)
        hung = set()
        for context in iter_route_contexts(app.routes):
            methods = getattr(context, "methods", None) or {"WS"}
            hung |= {(method, context.path) for method in methods if method != "HEAD"}
        described = {
            (method.upper(), path)
            for path, operations in app.openapi()["paths"].items()
            for method in operations
        }
        assert described <= hung
        assert hung == set(DOORS)

    asyncio.run(story())


def test_a_status_that_a_door_answers_is_in_the_description(open_services: OpenServices) -> None:
    async def story() -> None:
        async with open_services() as services:
            paths = create_asgi(services).openapi()["paths"]
        for (method, path), door in DOORS.items():
            if path in paths:
                described = set(paths[path][method.lower()]["responses"])
                assert {str(status) for status in door.statuses().values()} <= described, path

    asyncio.run(story())


async def ask(
    services: Services, method: str, path: str, *, raise_app_exceptions: bool = True, **options: Any
) -> httpx.Response:
    """One request, straight into the application."""
    transport = httpx.ASGITransport(
        create_asgi(services, console=options.pop("console", NO_CONSOLE)),
        raise_app_exceptions=raise_app_exceptions,
        client=("127.0.0.1", 5),
    )
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        return await client.request(method, path, **options)


NO_CONSOLE = Path("nowhere")


@pytest.mark.parametrize(
    ("method", "path", "status", "says"),
    [
        ("GET", "/api/v1/nothing", 404, "/docs"),
        ("GET", "/nothing", 404, "/docs"),
        ("POST", "/nothing", 404, "/docs"),
        ("PUT", "/api/v1/calls", 405, "GET"),
        ("GET", "/api/v1/auth/link", 405, "POST"),
        ("GET", "/api/v1/twilio/incoming-call", 405, "POST"),
    ],
)
def test_a_wrong_address_or_method_is_a_problem_that_helps(
    open_services: OpenServices, method: str, path: str, status: int, says: str
) -> None:
    async def story() -> None:
        async with open_services() as services:
            response = await ask(services, method, path)
        assert response.status_code == status
        assert response.headers["Content-Type"] == "application/problem+json"
        assert says in response.json()["detail"]

    asyncio.run(story())


def test_a_body_far_too_large_is_refused(open_services: OpenServices) -> None:
    async def story() -> None:
        async with open_services() as services:
            response = await ask(services, "POST", "/api/v1/auth/link", content=b"x" * (MAX_BODY_BYTES + 1))
        assert response.status_code == 413
        assert response.headers["Content-Type"] == "application/problem+json"

    asyncio.run(story())


def test_what_is_wrong_with_a_request_is_named_but_not_repeated(open_services: OpenServices) -> None:
    async def story() -> None:
        async with open_services() as services:
            response = await ask(services, "POST", "/api/v1/auth/link", json={"tocken": "secret-canary"})
        assert response.status_code == 422
        assert {error["where"] for error in response.json()["errors"]} == {"body.token", "body.tocken"}
        assert "secret-canary" not in response.text

    asyncio.run(story())


def test_every_answer_makes_browsers_careful(open_services: OpenServices) -> None:
    async def story() -> None:
        async with open_services() as services:
            answers = [
                await ask(services, "GET", path) for path in ("/healthz", "/docs", "/", "/api/v1/calls")
            ]
        for answer in answers:
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert "Strict-Transport-Security" not in answer.headers
            assert answer.headers["Cache-Control"] == "no-store"

    asyncio.run(story())


def test_over_https_browsers_are_told_to_stay_there(open_services: OpenServices) -> None:
    async def story() -> None:
        async with open_services(public_url="https://calls.example.org") as services:
            answer = await ask(services, "GET", "/healthz")
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"

    asyncio.run(story())


def test_a_wrong_list_of_proxies_stops_the_start(open_services: OpenServices) -> None:
    async def story() -> None:
        async with open_services(trusted_proxies=("10.0.0.0/8", "proxy")) as services:
            with pytest.raises(ConfigurationError, match="RINGFENCE_TRUSTED_PROXIES"):
                create_asgi(services)

    asyncio.run(story())
