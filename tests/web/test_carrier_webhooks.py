"""The webhooks as the carrier calls them: signed by the vendor's package, answers read by a parser."""

import asyncio
import contextlib
import gc
import json
import logging
import random
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import Message
from twilio.request_validator import RequestValidator

from ringfence.contracts import Carrier
from ringfence.model.calls import (
    CallInstructions,
    CallSid,
    CallStatus,
    CallStatusChanged,
    IncomingCall,
    StreamInstruction,
    StreamStatusChanged,
)
from ringfence.telephony.carriers import twilio
from ringfence.web import carrier_webhooks

pytestmark = pytest.mark.unit

BASE = "https://calls.example.org"
TOKEN = "0" * 32
PREFIX = "/api/v1/twilio"
FORM = "application/x-www-form-urlencoded"
STREAM = StreamInstruction("wss://calls.example.org/api/v1/twilio/media-stream", {"pass": "p"}, BASE + "/s")
RINGING = {"CallSid": "CA1", "From": "+15550100", "To": "+15550101", "Direction": "inbound", "Note": ""}
COMPLETED = {"CallSid": "CA1", "CallStatus": "completed", "SequenceNumber": "2"}
STOPPED = {"CallSid": "CA1", "StreamSid": "MZ1", "StreamEvent": "stream-stopped"}


@dataclass
class FakeSwitchboard:
    told: list[object] = field(default_factory=list)
    languages: list[str | None] = field(default_factory=list)
    trouble: Callable[[], Awaitable[None]] | None = None
    parameters: dict[str, str] = field(default_factory=lambda: {"pass": "p"})

    async def _note(self, what: object) -> None:
        self.told.append(what)
        if self.trouble is not None:
            await self.trouble()

    async def answer(self, incoming: IncomingCall, *, language: str | None = None) -> CallInstructions:
        self.languages.append(language)
        await self._note(incoming)
        stream = StreamInstruction(STREAM.url, self.parameters, STREAM.status_callback_url)
        return CallInstructions(language=language or "en", stream=stream, connect_to="+15550199")

    def unheard(self, *, language: str | None = None) -> CallInstructions:
        return CallInstructions(connect_to="+15550199")

    async def call_status(self, change: CallStatusChanged) -> None:
        await self._note(change)

    async def stream_status(self, change: StreamStatusChanged) -> None:
        await self._note(change)


@dataclass
class Doors:
    switchboard: FakeSwitchboard = field(default_factory=FakeSwitchboard)
    tokens: tuple[str, ...] = (TOKEN,)

    @property
    def carrier(self) -> Carrier:
        return twilio.create(twilio.TwilioOptions(BASE, self.tokens, STREAM.url))

    def application(self) -> FastAPI:
        app = FastAPI()
        app.include_router(carrier_webhooks.router(self))
        return app

    def post(
        self, path: str, fields: dict[str, str] | None = None, *, signed: bool = True, **request: Any
    ) -> httpx.Response:
        """One request through the whole application, as a proxy would hand it on."""
        headers = {"host": "internal:8000", "content-type": FORM}
        if signed:
            headers["x-twilio-signature"] = sign(PREFIX + path, fields or {})
        if fields is not None:
            request["content"] = urlencode(fields)
        request["headers"] = headers | request.get("headers", {})

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.application())
            async with httpx.AsyncClient(transport=transport, base_url="http://internal:8000") as client:
                return await client.post(PREFIX + path, **request)

        return asyncio.run(send())


def sign(target: str, fields: dict[str, str]) -> str:
    return str(RequestValidator(TOKEN).compute_signature(BASE + target, fields))


def verbs(response: httpx.Response) -> list[str]:
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/xml"
    root = ET.fromstring(response.content)
    assert root.tag == "Response"
    return [element.tag for element in root]


def test_a_ringing_call_gets_a_stream_and_a_connection() -> None:
    doors = Doors()
    assert verbs(doors.post("/incoming-call", RINGING)) == ["Start", "Dial"]
    [incoming] = doors.switchboard.told
    assert isinstance(incoming, IncomingCall)
    assert (incoming.sid, incoming.caller_number, incoming.called_number) == ("CA1", "+15550100", "+15550101")


@pytest.mark.parametrize(
    ("query", "language"),
    [
        ("?language=es", "es"),
        ("?language=es-CL", "es-CL"),
        ("", None),
        ("?language=", None),
        ("?language=../x", None),
    ],
)
def test_the_webhooks_own_address_may_name_the_lines_language(query: str, language: str | None) -> None:
    doors = Doors()
    verbs(doors.post("/incoming-call" + query, RINGING))
    assert doors.switchboard.languages == [language]


async def _raise() -> None:
    raise OSError("the store is down")


async def _hang() -> None:
    await asyncio.Event().wait()


def test_a_switchboard_that_fails_still_connects_the_call() -> None:
    assert verbs(Doors(FakeSwitchboard(trouble=_raise)).post("/incoming-call", RINGING)) == ["Dial"]


async def _hang_and_linger() -> None:
    try:
        await asyncio.Event().wait()
    finally:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(5)


def test_a_switchboard_that_takes_its_time_to_give_up_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(carrier_webhooks, "ANSWER_WITHIN_S", 0.01)
    began_s = time.monotonic()
    assert verbs(Doors(FakeSwitchboard(trouble=_hang_and_linger)).post("/incoming-call", RINGING)) == ["Dial"]
    assert time.monotonic() - began_s < 2


def test_a_switchboard_that_hangs_still_connects_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrier_webhooks, "ANSWER_WITHIN_S", 0.01)
    assert verbs(Doors(FakeSwitchboard(trouble=_hang)).post("/incoming-call", RINGING)) == ["Dial"]


def test_instructions_that_cannot_be_written_still_connect_the_call() -> None:
    too_long = FakeSwitchboard(parameters={"pass": "p" * 500})
    assert verbs(Doors(too_long).post("/incoming-call", RINGING)) == ["Dial"]


def test_a_status_is_passed_on() -> None:
    doors = Doors()
    response = doors.post("/call-status", COMPLETED)
    assert (response.status_code, response.content) == (204, b"")
    assert doors.switchboard.told == [CallStatusChanged(CallSid("CA1"), CallStatus.ENDED, "completed", 2)]


def test_a_streams_status_is_passed_on() -> None:
    doors = Doors()
    assert doors.post("/stream-status", STOPPED).status_code == 204
    [change] = doors.switchboard.told
    assert isinstance(change, StreamStatusChanged)
    assert (change.stream_sid, change.event) == ("MZ1", "stopped")


@pytest.mark.parametrize(("path", "fields"), [("/call-status", COMPLETED), ("/stream-status", STOPPED)])
def test_a_status_that_cannot_be_noted_is_no_fault_of_the_carriers(path: str, fields: dict[str, str]) -> None:
    assert Doors(FakeSwitchboard(trouble=_raise)).post(path, fields).status_code == 204


ALL = [("/incoming-call", RINGING), ("/call-status", COMPLETED), ("/stream-status", STOPPED)]


@pytest.mark.parametrize(("path", "fields"), ALL)
@pytest.mark.parametrize("how", ["unsigned", "tampered", "other token", "no token here"])
def test_what_the_carrier_did_not_sign_is_refused_and_changes_nothing(
    path: str, fields: dict[str, str], how: str, caplog: pytest.LogCaptureFixture
) -> None:
    doors = Doors(tokens=() if how == "no token here" else (TOKEN,))
    caplog.set_level(logging.DEBUG, "ringfence")
    match how:
        case "unsigned":
            response = doors.post(path, fields, signed=False)
        case "tampered":
            response = doors.post(
                path,
                {**fields, "CallSid": "CA2"},
                headers={"x-twilio-signature": sign(PREFIX + path, fields)},
            )
        case "other token":
            other = RequestValidator("1" * 32).compute_signature(BASE + PREFIX + path, fields)
            response = doors.post(path, fields, headers={"x-twilio-signature": other})
        case _:
            response = doors.post(path, fields)
    assert response.status_code == 403
    assert response.headers["content-type"] == "application/problem+json"
    assert doors.switchboard.told == []
    assert "+1555" not in caplog.text
    assert "CA1" not in caplog.text


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/incoming-call", {"From": "+15550100"}),
        ("/incoming-call", {"CallSid": "../../etc"}),
        ("/call-status", {"CallSid": "CA1", "CallStatus": "exploded"}),
        ("/stream-status", {"CallSid": "CA1"}),
    ],
)
def test_a_signed_form_that_says_nothing_usable_is_unprocessable(path: str, fields: dict[str, str]) -> None:
    doors = Doors()
    response = doors.post(path, fields)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert doors.switchboard.told == []


def test_a_signed_json_body_is_unprocessable() -> None:
    body = b"{}"
    target = "/incoming-call?bodySHA256=44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    response = Doors().post(target, content=body, headers={"content-type": "application/json"})
    assert response.status_code == 422


@pytest.mark.parametrize(("size", "status"), [(64 * 1024, 403), (64 * 1024 + 1, 413)])
def test_a_body_has_a_bound(size: int, status: int) -> None:
    assert Doors().post("/incoming-call", content=b"x" * size).status_code == status


def test_repeated_and_blank_fields_are_under_the_signature() -> None:
    fields = [("CallSid", "CA1"), ("Tag", "b"), ("Tag", "a"), ("Blank", "")]

    class Many(dict[str, list[str]]):
        def getlist(self, name: str) -> list[str]:
            return self[name]

    values = Many({name: [value for key, value in fields if key == name] for name, _ in fields})
    signature = RequestValidator(TOKEN).compute_signature(BASE + PREFIX + "/incoming-call", values)
    response = Doors().post(
        "/incoming-call", content=urlencode(fields), headers={"x-twilio-signature": signature}
    )
    assert verbs(response) == ["Start", "Dial"]


def test_a_hundred_copies_of_a_callback_are_all_answered_alike() -> None:
    doors = Doors()
    assert {doors.post("/call-status", COMPLETED).status_code for _ in range(100)} == {204}


async def call(app: FastAPI, scope: dict[str, Any], body: list[bytes]) -> int:
    """One request without a client in between; the status."""
    status = 0
    chunks = iter(body)

    async def receive() -> Message:
        chunk = next(chunks, None)
        if chunk is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": chunk, "more_body": chunk is not body[-1]}

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]

    await app(scope, receive, send)
    return status


def hostile(chance: random.Random) -> tuple[dict[str, Any], list[bytes]]:
    """A request of somebody who knows the addresses, and sometimes even the token."""
    path = PREFIX + chance.choice(["/incoming-call", "/call-status", "/stream-status"])
    query = chance.choice([b"", b"language=es", b"language=%00", b"bodySHA256=x", chance.randbytes(9)])
    fields = chance.choice([RINGING, COMPLETED, STOPPED])
    body = chance.choice(
        [
            urlencode(fields).encode(),
            urlencode({name: value[::-1] for name, value in fields.items()}).encode(),
            b"CallSid=" + chance.randbytes(chance.randrange(60)),
            b"a=1&" * chance.randrange(1_500),
            b"%" * chance.randrange(300),
            json.dumps(fields).encode(),
            chance.randbytes(chance.randrange(500)),
            b"",
        ]
    )
    kind = chance.choice([FORM, "application/json", FORM + "; charset=utf-16", "text/\xff", ""])
    headers = [(b"content-type", kind.encode("latin-1")), (b"host", b"\xff\x00")]
    if chance.random() < 0.6:
        target = f"{path}?{query.decode('latin-1')}" if query else path
        parsed = dict(item.partition("=")[::2] for item in body.decode("utf-8", "replace").split("&"))
        sent = fields if chance.random() < 0.5 else parsed
        headers.append((b"x-twilio-signature", sign(target, sent if kind.startswith(FORM) else {}).encode()))
    else:
        headers.append((b"x-twilio-signature", chance.randbytes(28)))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }
    cut = chance.randrange(len(body) + 1)
    return scope, [body[:cut], body[cut:]]


def test_ten_thousand_hostile_requests_raise_nothing_and_leave_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL + 1, "ringfence")  # The test itself would keep every line.

    async def some(
        app: FastAPI, requests: int, chance: random.Random, switchboard: FakeSwitchboard
    ) -> set[int]:
        seen = set()
        for _ in range(requests):
            seen.add(await call(app, *hostile(chance)))
            switchboard.told.clear()
            switchboard.languages.clear()
            await asyncio.sleep(0)  # The loop's turn to forget timers that were stopped.
        return seen

    async def work() -> tuple[set[int], int]:
        doors, chance = Doors(), random.Random(20)
        app = doors.application()
        seen = await some(app, 7_000, chance, doors.switchboard)
        gc.collect()
        tracemalloc.start(1)
        before, _ = tracemalloc.get_traced_memory()
        seen |= await some(app, 3_000, chance, doors.switchboard)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return seen, after - before

    statuses, grown_bytes = asyncio.run(work())
    assert statuses == {200, 204, 403, 422}
    assert grown_bytes < 64 * 1024
