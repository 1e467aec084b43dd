"""The simulated carrier before a server that writes down what it is told, and judges signatures by Twilio's code."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from twilio.request_validator import RequestValidator

from ringfence.testing.network import Faults, PlacedCall, ServerUnreachable, SimulatedCall, SimulatedCarrier

pytestmark = pytest.mark.e2e

TOKEN = "a-secret-of-this-test"
SECOND = bytes(range(1, 161)) * 50
STREAM = """<Start><Stream url="ws://{host}/api/v1/twilio/media-stream" track="both_tracks"
 statusCallback="http://{host}/api/v1/twilio/stream-status"><Parameter name="pass" value="p"/></Stream></Start>"""
LISTEN = f"<Response>{STREAM}<Pause length='60'/></Response>"


@dataclass
class Server:
    """Writes everything down."""

    document: str = LISTEN
    status: int = 200
    refuses_sockets: bool = False
    closes_after: int = 1_000_000
    host: str = ""
    forms: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    signatures: list[bool] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    garbage: int = 0
    arrivals_s: list[float] = field(default_factory=list)
    socket_ends: list[int] = field(default_factory=list)

    async def webhook(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        signature = request.headers.get("x-twilio-signature", "")
        self.signatures.append(RequestValidator(TOKEN).validate(str(request.url), form, signature))
        self.forms.append((request.url.path.rsplit("/", 1)[-1], form))
        body = self.document.format(host=self.host)
        return Response(body, self.status, media_type="application/xml")

    async def media(self, socket: WebSocket) -> None:
        url = f"ws://{self.host}/api/v1/twilio/media-stream"
        signature = socket.headers.get("x-twilio-signature", "")
        self.signatures.append(RequestValidator(TOKEN).validate(url, {}, signature))
        if self.refuses_sockets:
            await socket.close()
            return
        await socket.accept()
        try:
            for _ in range(self.closes_after):
                text = await socket.receive_text()
                self.arrivals_s.append(asyncio.get_running_loop().time())
                try:
                    self.messages.append(json.loads(text))
                except json.JSONDecodeError:
                    self.garbage += 1
            await socket.close(1011)
        except WebSocketDisconnect as error:
            self.socket_ends.append(error.code)

    def events(self) -> list[str]:
        return [message["event"] for message in self.messages]

    def statuses(self) -> list[str]:
        return [form["CallStatus"] for name, form in self.forms if name == "call-status"]


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[str]:
    app = Starlette(
        routes=[
            Route("/api/v1/twilio/{name}", server.webhook, methods=["POST"]),
            WebSocketRoute("/api/v1/twilio/media-stream", server.media),
        ]
    )
    uvicorn_server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_config=None, lifespan="off", ws="websockets-sansio")
    )
    running = asyncio.create_task(uvicorn_server.serve())
    while not uvicorn_server.started:
        await asyncio.sleep(0.005)
    port = uvicorn_server.servers[0].sockets[0].getsockname()[1]
    server.host = f"127.0.0.1:{port}"
    try:
        yield f"http://{server.host}"
    finally:
        uvicorn_server.should_exit = True
        await running


def place(server: Server, call: SimulatedCall) -> PlacedCall:
    """One call from beginning to end."""

    async def whole(carrier: SimulatedCarrier) -> PlacedCall:
        return await (await carrier.place(call)).finished()

    return with_carrier(server, whole)


def with_carrier(server: Server, work: Callable[[SimulatedCarrier], Awaitable[PlacedCall]]) -> PlacedCall:
    async def run() -> PlacedCall:
        async with serving(server) as url, SimulatedCarrier(url, TOKEN) as carrier:
            return await work(carrier)

    return asyncio.run(run())


def test_a_call_is_announced_streamed_and_ended_and_every_request_is_signed() -> None:
    server = Server()
    placed = place(server, SimulatedCall(SECOND, from_number="+15550111", language="es", speed=20))
    assert placed.outcome == "completed"
    assert placed.problem == ""
    assert [name for name, _ in server.forms] == [
        "incoming-call",
        "call-status",
        "stream-status",
        "stream-status",
        "call-status",
    ]
    assert server.forms[0][1]["From"] == "+15550111"
    assert server.statuses() == ["in-progress", "completed"]
    assert all(server.signatures)
    assert len(server.signatures) == 6
    assert server.socket_ends == [1000]


def test_a_broken_socket_ends_without_a_word_and_the_call_goes_on() -> None:
    server = Server()
    placed = place(server, SimulatedCall(SECOND, speed=10, faults=Faults(break_at_ms=400)))
    assert "stop" not in server.events()
    assert server.socket_ends != [1000]
    assert placed.lines[0].broken == "broken by a fault"
    assert server.statuses() == ["in-progress", "completed"]


def test_webhooks_and_callbacks_come_twice_and_in_the_wrong_order_when_asked() -> None:
    server = Server()
    call = SimulatedCall(
        SECOND,
        speed=20,
        webhook_copies=3,
        callback_copies=2,
        callbacks_out_of_order=True,
        sid="CA" + "1" * 32,
    )
    place(server, call)
    assert [name for name, _ in server.forms].count("incoming-call") == 3
    assert server.statuses() == ["completed", "completed", "in-progress", "in-progress"]
    assert {form["CallSid"] for _, form in server.forms} == {"CA" + "1" * 32}


def test_a_document_that_ends_early_ends_the_call() -> None:
    server = Server(document=f"<Response>{STREAM}<Pause length='1'/></Response>")
    placed = place(server, SimulatedCall(SECOND * 10, speed=10))
    assert placed.outcome == "cut short"
    assert placed.position_ms < 10_000


def test_the_notice_is_spoken_and_a_number_is_dialled() -> None:
    document = f"<Response><Say>Monitored.</Say>{STREAM}<Dial>+15550199</Dial><Gather/></Response>"
    placed = place(Server(document=document), SimulatedCall(SECOND, speed=20))
    assert (placed.said, placed.dialled, placed.outcome) == (["Monitored."], ["+15550199"], "completed")


def test_what_this_carrier_does_not_know_is_reported() -> None:
    placed = place(Server(document="<Response><Gather/></Response>"), SimulatedCall(SECOND, speed=20))
    assert placed.not_obeyed == ["Gather"]
    assert placed.problem == "the server asked for no audio"


def test_a_refused_webhook_places_no_call() -> None:
    server = Server(status=403)
    placed = place(server, SimulatedCall(SECOND))
    assert placed.outcome == "refused: HTTP 403"
    assert len(server.forms) == 1


def test_a_refused_socket_does_not_end_the_call() -> None:
    server = Server(refuses_sockets=True)
    placed = place(server, SimulatedCall(SECOND, speed=20))
    assert placed.lines[0].refusal == "HTTP 403"
    assert placed.outcome == "completed"
    assert [f["StreamEvent"] for name, f in server.forms if name == "stream-status"] == ["stream-error"]


def test_a_socket_closed_by_the_server_is_noticed() -> None:
    placed = place(Server(closes_after=20), SimulatedCall(SECOND, speed=5))
    assert placed.lines[0].broken == "closed by the server (1011)"


def test_hanging_up_ends_the_call_at_once() -> None:
    async def work(carrier: SimulatedCarrier) -> PlacedCall:
        placed = await carrier.place(SimulatedCall(SECOND * 600))
        placed.hang_up()
        return await asyncio.wait_for(placed.finished(), 5)

    assert with_carrier(Server(), work).outcome == "cut short"


def test_requests_are_signed_for_the_public_address_and_sent_to_the_real_one() -> None:
    async def run() -> list[str]:
        server = Server()
        async with serving(server) as url:
            public = "https://calls.example.org"
            server.document = LISTEN.replace("http://{host}", public).replace(
                "ws://{host}", "wss://calls.example.org"
            )
            async with SimulatedCarrier(url, TOKEN, public_url=public) as carrier:
                await (await carrier.place(SimulatedCall(SECOND, speed=20))).finished()
        return [name for name, _ in server.forms] + server.events()[-1:]

    assert asyncio.run(run()) == [
        "incoming-call",
        "call-status",
        "stream-status",
        "stream-status",
        "call-status",
        "stop",
    ]


def test_an_address_where_nobody_answers_is_said_plainly() -> None:
    async def run() -> None:
        async with SimulatedCarrier("http://127.0.0.1:9", TOKEN) as carrier:
            await carrier.place(SimulatedCall(SECOND))

    with pytest.raises(ServerUnreachable, match="no server answers at"):
        asyncio.run(run())
