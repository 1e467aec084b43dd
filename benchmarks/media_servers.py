"""The servers under measurement: `picows` and `asgi` are ours, `plain` and `sink` are what they stand beside.

python benchmarks/media_servers.py KIND
"""

import base64
import gc
import json
import logging
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import uvicorn
import uvloop
from fastapi import FastAPI, WebSocket
from media_pipes import answer_questions, talk
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server
from starlette.websockets import WebSocketDisconnect

from ringfence.bus.memory import MemoryBus
from ringfence.clock import SystemClock
from ringfence.contracts import Carrier
from ringfence.detection.detector import load_detector
from ringfence.model.calls import Call, CallId, CallStatus
from ringfence.model.media import AudioReceived, MediaEvent, StreamStarted
from ringfence.monitoring.session import CallSession, SessionParts
from ringfence.telephony.carriers import twilio
from ringfence.web import media
from ringfence.web.media_listener import serve_media

PATH = "/api/v1/twilio/media-stream"
TOKEN = "0" * 32
counted = {"messages": 0}


class ForgetfulStore:
    """No disk in this measurement."""

    async def append(self, call_id: CallId, entries: Sequence[Any], at: datetime) -> None: ...

    async def set_status(self, call_id: CallId, status: CallStatus, at: datetime) -> bool:
        return True

    async def set_facts(self, call_id: CallId, facts: Mapping[str, object]) -> None: ...


class CountingSession(CallSession):
    """A real call without an engine, that counts."""

    def receive(self, event: MediaEvent) -> None:
        if type(event) is AudioReceived:
            counted["messages"] += 1
        super().receive(event)


class Switchboard:
    """Every stream is welcome, and gets a call of its own."""

    def __init__(self) -> None:
        self._parts = SessionParts(
            clock=SystemClock(), bus=MemoryBus(), store=ForgetfulStore(), detector=load_detector()
        )
        self._calls = 0

    async def connect_media(self, started: StreamStarted) -> CallSession:
        self._calls += 1
        now = self._parts.clock.now()
        call = Call(CallId(str(self._calls)), started.call_sid, "+15550100", "+15550101", "en", now)
        session = CountingSession(call, self._parts, lambda session: None)
        session.attach(started)
        return session


@dataclass
class Doors:
    carrier: Carrier
    switchboard: Switchboard


def doors() -> Doors:
    # The load signs for this address, whatever port it speaks to.
    options = twilio.TwilioOptions("http://bench.example.org", (TOKEN,), f"ws://bench.example.org{PATH}")
    return Doors(twilio.create(options), Switchboard())


def serve_asgi(app: Any) -> None:
    config = uvicorn.Config(app, port=0, log_level="error", loop="uvloop", lifespan="off")
    gc.freeze()
    answer_questions(uvicorn.Server(config), counted)


def picows() -> None:
    async def run() -> None:
        services = doors()
        gc.freeze()
        async with serve_media(services, "127.0.0.1", 0) as port:
            await talk(port, counted)

    uvloop.run(run())


def asgi() -> None:
    app = FastAPI()
    app.include_router(media.router(doors()))
    serve_asgi(app)


def plain() -> None:
    """FastAPI, json, audioop: the handler that everybody writes first, resampling to 16 kHz."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import audioop

    app = FastAPI()

    @app.websocket(PATH)
    async def stream(websocket: WebSocket) -> None:
        await websocket.accept()
        state = None
        try:
            while True:
                message = json.loads(await websocket.receive_text())
                if message["event"] == "media":
                    pcm = audioop.ulaw2lin(base64.b64decode(message["media"]["payload"]), 2)
                    _, state = audioop.ratecv(pcm, 2, 1, 8_000, 16_000, state)
                    counted["messages"] += 1
        except WebSocketDisconnect:
            pass

    serve_asgi(app)


def sink() -> None:
    """The limit: receives frames and does nothing with them."""

    class Sink(WSListener):
        def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
            if frame.msg_type == WSMsgType.TEXT:
                counted["messages"] += 1

    def route(request: WSUpgradeRequest) -> WSListener:
        return Sink()

    async def run() -> None:
        server = await ws_create_server(route, "127.0.0.1", 0, read_buffer_init_size=2_048)
        gc.freeze()
        await talk(server.sockets[0].getsockname()[1], counted)

    uvloop.run(run())


KINDS = {"picows": picows, "asgi": asgi, "plain": plain, "sink": sink}

if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    KINDS[sys.argv[1]]()
