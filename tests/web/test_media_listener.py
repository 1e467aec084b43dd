"""Both listeners over real sockets: the same client, the same behaviour."""

import asyncio
import base64
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
import uvloop
from fastapi import FastAPI
from twilio.request_validator import RequestValidator
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from ringfence.contracts import Carrier
from ringfence.model.media import AudioReceived, MediaCounters, MediaEvent, StreamStarted, StreamStopped
from ringfence.monitoring.switchboard import MediaRefused
from ringfence.telephony.carriers import twilio
from ringfence.web import media
from ringfence.web.media_listener import serve_media

pytestmark = pytest.mark.e2e

TOKEN = "0" * 32
START = {"event": "start", "streamSid": "MZ1", "start": {"callSid": "CA1", "tracks": ["inbound"]}}
STOP = {"event": "stop", "streamSid": "MZ1", "stop": {"callSid": "CA1"}}
ENOUGH_S = 10


def audio(at_ms: int) -> str:
    payload = base64.b64encode(b"\x11" * 160).decode()
    return json.dumps(
        {"event": "media", "media": {"track": "inbound", "timestamp": str(at_ms), "payload": payload}}
    )


class FakeSession:
    def __init__(self) -> None:
        self.events: list[MediaEvent] = []
        self.gone = asyncio.Event()

    def receive(self, event: MediaEvent) -> None:
        self.events.append(event)

    def watch(self, counters: MediaCounters) -> None: ...

    def media_closed(self) -> None:
        self.gone.set()


class FakeSwitchboard:
    def __init__(self) -> None:
        self.session = FakeSession()

    async def connect_media(self, started: StreamStarted) -> FakeSession:
        if started.parameters.get("pass") == "bad":
            raise MediaRefused("no valid pass")
        return self.session


class Server:
    """A listener with an address, and what it hands on."""

    def __init__(self) -> None:
        self.switchboard = FakeSwitchboard()
        self.session = self.switchboard.session
        self.port = 0

    @property
    def carrier(self) -> Carrier:
        base = f"127.0.0.1:{self.port}"
        return twilio.create(twilio.TwilioOptions(f"http://{base}", (TOKEN,), f"ws://{base}{media.PATH}"))

    def url(self, target: str = media.PATH) -> str:
        return f"ws://127.0.0.1:{self.port}{target}"

    def call(self, target: str = media.PATH, *, signed: str | None = None, token: str = TOKEN) -> connect:
        """A client that signs as the carrier does: the socket's address, no fields."""
        signature = RequestValidator(token).compute_signature(signed or self.url(target), {})
        return connect(
            self.url(target),
            additional_headers={"X-Twilio-Signature": signature},
            compression=None,
            proxy=None,
            open_timeout=ENOUGH_S,
            close_timeout=ENOUGH_S,
        )


class _Doors:
    """Services as a listener sees them; the carrier's address is known once the port is."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.switchboard = server.switchboard

    @property
    def carrier(self) -> Carrier:
        return self._server.carrier


@asynccontextmanager
async def by_picows() -> AsyncIterator[Server]:
    server = Server()
    async with serve_media(_Doors(server), "127.0.0.1", 0) as server.port:
        yield server


@asynccontextmanager
async def by_uvicorn() -> AsyncIterator[Server]:
    server = Server()
    app = FastAPI()
    app.include_router(media.router(_Doors(server)))
    config = uvicorn.Config(
        app, port=0, log_config=None, lifespan="off", ws="websockets-sansio", ws_max_size=16 * 1024
    )
    listener = uvicorn.Server(config)
    serving = asyncio.ensure_future(listener.serve())
    while not listener.started:
        await asyncio.sleep(0.01)
    server.port = listener.servers[0].sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.should_exit = True
        await serving


Work = Callable[[Server], Awaitable[None]]
Run = Callable[[Work], None]


@pytest.fixture(params=["picows on uvloop", "picows on asyncio", "uvicorn on uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a piece of work beside a listener of each kind."""
    listening = by_picows if request.param.startswith("picows") else by_uvicorn
    loop = uvloop.new_event_loop if request.param.endswith("uvloop") else asyncio.new_event_loop

    async def whole(work: Work) -> None:
        async with asyncio.timeout(3 * ENOUGH_S), listening() as server:
            await work(server)

    def running(work: Work) -> None:
        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(whole(work))

    return running


async def close_code(peer: ClientConnection) -> int | None:
    await peer.wait_closed()
    return peer.close_code


def test_a_stream_goes_from_start_to_stop(run: Run) -> None:
    async def work(server: Server) -> None:
        async with server.call() as peer:
            await peer.send(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
            await peer.send(json.dumps(START))
            for frame in range(200):
                await peer.send(audio(20 * frame))
            await peer.send(json.dumps(STOP))
            assert await close_code(peer) == 1000
        await server.session.gone.wait()
        assert [type(event) for event in server.session.events] == [AudioReceived] * 200 + [StreamStopped]

    run(work)


def test_a_peer_that_breaks_off_is_noticed(run: Run) -> None:
    async def work(server: Server) -> None:
        peer = await server.call()
        await peer.send(json.dumps(START))
        await peer.send(audio(0))
        await (await peer.ping())  # answered once everything before it was read
        peer.transport.abort()
        await server.session.gone.wait()
        assert [type(event) for event in server.session.events] == [AudioReceived]

    run(work)


def test_a_peer_that_closes_without_a_stop_is_noticed(run: Run) -> None:
    async def work(server: Server) -> None:
        async with server.call() as peer:
            await peer.send(json.dumps(START))
            await (await peer.ping())
        await server.session.gone.wait()
        assert server.session.events == []

    run(work)


@pytest.mark.parametrize("wrong", ["token", "address", "query", "nothing at all"])
def test_who_is_not_the_carrier_is_refused_before_the_upgrade(run: Run, wrong: str) -> None:
    async def work(server: Server) -> None:
        match wrong:
            case "token":
                peer = server.call(token="1" * 32)
            case "address":
                peer = server.call(signed=f"wss://elsewhere{media.PATH}")
            case "query":
                peer = server.call(media.PATH + "?admin=1", signed=server.url())
            case _:
                peer = connect(server.url(), compression=None, proxy=None)
        with pytest.raises(InvalidStatus) as refusal:
            await peer
        assert refusal.value.response.status_code == 403

    run(work)


def test_a_socket_signed_as_if_it_were_behind_tls_is_accepted(run: Run) -> None:
    async def work(server: Server) -> None:
        async with server.call(signed=server.url().replace("ws:", "wss:")) as peer:
            await peer.send(json.dumps(START))

    run(work)


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (["{}"] * media.MAX_BAD_MESSAGES, 1007),
        ([b"\x00"] * media.MAX_BAD_MESSAGES, 1007),
        ([" " * (media.MAX_MESSAGE_BYTES + 1)], 1009),
        ([[" " * media.MAX_MESSAGE_BYTES, " "]], 1009),
        ([json.dumps({**START, "start": {"callSid": "CA1", "customParameters": {"pass": "bad"}}})], 1008),
        ([audio(0)] * 3_000, None),
    ],
    ids=["garbage", "binary", "too big", "too big in pieces", "no valid pass", "flood"],
)
def test_a_peer_that_misbehaves_is_closed(run: Run, messages: list[Any], code: int | None) -> None:
    async def work(server: Server) -> None:
        async with server.call() as peer:
            try:
                for message in messages:
                    await peer.send(message)
            except ConnectionClosed:
                pass
            got = await close_code(peer)
            assert got == code if code else got in (1007, 1008)

    run(work)


def test_a_message_in_pieces_is_put_together(run: Run) -> None:
    async def work(server: Server) -> None:
        text = audio(0)
        async with server.call() as peer:
            await peer.send(json.dumps(START))
            await peer.send([text[:50], text[50:51], text[51:]])
            await peer.send(json.dumps(STOP))
            assert await close_code(peer) == 1000
        assert [type(event) for event in server.session.events] == [AudioReceived, StreamStopped]

    run(work)


def test_a_hundred_sockets_side_by_side_leave_nothing_behind(run: Run) -> None:
    async def work(server: Server) -> None:
        async def stream() -> None:
            async with server.call() as peer:
                await peer.send(json.dumps(START))
                await peer.send(audio(0))
                await peer.send(json.dumps(STOP))
                await close_code(peer)

        before = len(asyncio.all_tasks())
        await asyncio.gather(*(stream() for _ in range(100)))
        assert sum(isinstance(event, AudioReceived) for event in server.session.events) == 100
        async with asyncio.timeout(1):
            while len(asyncio.all_tasks()) > before:
                await asyncio.sleep(0.01)

    run(work)


async def raw_peer(server: Server) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """An accepted socket in bare bytes, for peers that a client library would not let us be."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    signature = RequestValidator(TOKEN).compute_signature(server.url(), {})
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    writer.write(
        (
            f"GET {media.PATH} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nX-Twilio-Signature: {signature}\r\n\r\n"
        ).encode()
    )
    answer = await reader.readuntil(b"\r\n\r\n")
    assert b" 101 " in answer
    return reader, writer


def frame(text: bytes) -> bytes:
    """A masked text frame; the mask is zero, which changes nothing."""
    return bytes([0x81, 0x80 | len(text)]) + bytes(4) + text


def test_a_peer_that_ignores_our_close_is_cut_off_within_a_second() -> None:
    async def work() -> None:
        async with asyncio.timeout(ENOUGH_S), by_picows() as server:
            reader, writer = await raw_peer(server)
            writer.write(frame(b"{}") * media.MAX_BAD_MESSAGES)
            head = await reader.readexactly(2)
            assert head[0] == 0x88  # our close
            async with asyncio.timeout(1):
                while await reader.read(100):
                    pass
            writer.close()

    asyncio.run(work())


def test_a_peer_that_ignores_our_close_holds_nothing_of_its_call(run: Run) -> None:
    async def work(server: Server) -> None:
        reader, writer = await raw_peer(server)
        writer.write(frame(b'{"event":"start","streamSid":"MZ1","start":{"callSid":"CA1"}}'))
        writer.write(frame(b"{}") * media.MAX_BAD_MESSAGES)
        head = await reader.readexactly(2)
        assert head[0] == 0x88  # our close
        async with asyncio.timeout(1):
            await server.session.gone.wait()
        writer.transport.abort()

    run(work)


def test_a_peer_that_closes_its_half_is_let_go(run: Run) -> None:
    async def work(server: Server) -> None:
        reader, writer = await raw_peer(server)
        writer.write(frame(b'{"event":"connected"}'))
        writer.write_eof()
        async with asyncio.timeout(1):
            while await reader.read(100):
                pass
        writer.close()

    run(work)


@pytest.mark.parametrize("path", ["/", "/api/v1/twilio/monitor/CA1", "/metrics"])
def test_the_media_port_serves_nothing_else(path: str) -> None:
    async def work() -> None:
        async with by_picows() as server:
            with pytest.raises(InvalidStatus) as refusal:
                await server.call(path)
            assert refusal.value.response.status_code == 404

    asyncio.run(work())


def test_a_plain_request_on_the_media_port_is_answered_and_closed() -> None:
    async def work() -> None:
        async with by_picows() as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await reader.read(100)).startswith(b"HTTP/1.1 404")
            writer.close()

    asyncio.run(work())


def test_leaving_closes_the_sockets_that_are_open() -> None:
    async def work() -> None:
        async with by_picows() as server:
            peer = await server.call()
            await peer.send(json.dumps(START))
            await (await peer.ping())
        assert await close_code(peer) == 1001
        assert server.session.gone.is_set()

    asyncio.run(work())
