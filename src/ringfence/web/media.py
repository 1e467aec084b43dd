"""The carrier's media socket: what one socket may do, whoever listens, and the portable listener for it.

`MediaSocket` is one socket's whole life and knows no server. Two listeners feed it: the ASGI route here, and the
faster one in `media_listener`. Both check the signature before they accept.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from fastapi import APIRouter
from starlette.routing import WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketClose

from ringfence.contracts import Carrier, MediaDecoder, WebhookRequest
from ringfence.model.errors import WireFormatError
from ringfence.model.media import AudioReceived, MediaCounters, MediaEvent, StreamStarted, StreamStopped
from ringfence.monitoring.switchboard import MediaRefused
from ringfence.web.carrier_requests import note_refusal, raw_headers, raw_target

log = logging.getLogger(__name__)

PATH = "/api/v1/twilio/media-stream"

MAX_MESSAGE_BYTES = 16 * 1024
MAX_MESSAGES_PER_TRACK_S = 120
BURST_S = 10
"""So many seconds' worth may come at once: what piles up while either side is stuck for a while."""
MAX_BAD_MESSAGES = 10
START_WITHIN_S = 5.0
ACCEPT_WITHIN_S = 5.0
SILENT_TICKS = 2
"""Ticks of `START_WITHIN_S` without a message after which the peer is taken for dead; it sends silence too."""
LET_GO_WITHIN_S = 0.8
MAX_HELD_EVENTS = 1_000
"""Kept while the start is being checked: ten seconds of both tracks."""
MAX_HELD_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Close:
    """End the socket, with a code of RFC 6455, section 7.4.1. The reason is shown to the peer."""

    code: int
    reason: str


DONE = Close(1000, "the stream is over")
AWAY = Close(1001, "nothing came any more")
TOO_BIG = Close(1009, f"messages have at most {MAX_MESSAGE_BYTES} bytes")
TOO_MANY = Close(1008, f"more than {MAX_MESSAGES_PER_TRACK_S} messages a second a track")
GARBAGE = Close(1007, "too many messages that cannot be read")
NO_START = Close(1008, f"no start within {START_WITHIN_S:g} s")
REFUSED = Close(1008, "the stream belongs to no call that is expected")
BROKEN = Close(1011, "something of ours broke")


class Session(Protocol):
    """What a socket needs of a call; `monitoring.session.CallSession` is one."""

    def receive(self, event: MediaEvent) -> None: ...

    def watch(self, counters: MediaCounters) -> None: ...

    def media_closed(self) -> None: ...


class Acceptor(Protocol):
    """What a socket needs of the switchboard."""

    async def connect_media(self, started: StreamStarted) -> Session: ...


class Doors(Protocol):
    """What the listeners need of `web.services.Services`."""

    @property
    def carrier(self) -> Carrier: ...

    @property
    def switchboard(self) -> Acceptor: ...


class MediaSocket:
    """One media socket from its acceptance to its end. Lives on the event loop that made it.

    The listener hands over every message and obeys a `Close` that comes back; `close` is called when the socket
    has to end at another time; `closed` is called once the peer is gone, whoever ended it.
    """

    __slots__ = (
        "_accepting",
        "_check_at",
        "_close",
        "_count",
        "_decode",
        "_decoder",
        "_held",
        "_held_bytes",
        "_is_over",
        "_loop",
        "_session",
        "_silent_ticks",
        "_switchboard",
        "_ticked_at",
        "_timer",
        "_tracks",
        "_window_started_s",
    )

    def __init__(self, decoder: MediaDecoder, switchboard: Acceptor, close: Callable[[Close], None]) -> None:
        self._decoder = decoder
        self._decode = decoder.decode
        self._switchboard = switchboard
        self._close = close
        self._session: Session | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._held: list[MediaEvent] = []
        self._held_bytes = 0
        self._is_over = False
        self._loop = asyncio.get_running_loop()
        self._tracks = 2
        self._count = 0
        self._check_at = self._tracks * MAX_MESSAGES_PER_TRACK_S * BURST_S
        self._window_started_s = self._loop.time()
        self._ticked_at = 0
        self._silent_ticks = 0
        self._timer = self._loop.call_later(START_WITHIN_S, self._tick)

    def receive(self, message: bytes | str) -> Close | None:
        """One message of the peer, in order. Never raises; a `Close` ends the socket."""
        self._count += 1
        if len(message) > MAX_MESSAGE_BYTES:
            return self._end(TOO_BIG)
        if self._count >= self._check_at and not self._is_in_time():
            return self._end(TOO_MANY)
        try:
            event = self._decode(message)
            if event is None:
                return None
            if (session := self._session) is not None:
                session.receive(event)
                return self._end(DONE) if type(event) is StreamStopped else None
            return self._before_acceptance(event)
        except WireFormatError:
            return self._garbage()
        except Exception:
            log.exception("a media message could not be handled")
            return self._end(BROKEN)

    def closed(self) -> None:
        """The peer is gone, with or without a `stop`. Safe to call twice."""
        self._is_over = True
        self._timer.cancel()
        session, self._session = self._session, None
        if session is not None:
            _tell_closed(session)
        elif self._accepting is not None:
            # Whoever is checking the start may still finish, so that what was said reaches its call.
            self._timer = self._loop.call_later(LET_GO_WITHIN_S, self._accepting.cancel)

    def _before_acceptance(self, event: MediaEvent) -> Close | None:
        if isinstance(event, StreamStarted):
            self._tracks = max(1, len(event.parties))
            self._accepting = self._loop.create_task(self._accept(event))
        elif self._is_over:
            return None
        else:
            size = len(event.mulaw) if isinstance(event, AudioReceived) else 0
            if len(self._held) < MAX_HELD_EVENTS and self._held_bytes + size <= MAX_HELD_BYTES:
                self._held.append(event)
                self._held_bytes += size
        return None

    async def _accept(self, started: StreamStarted) -> None:
        """Find the stream's call, then hand over what has come meanwhile."""
        verdict: Close | None = None
        try:
            async with asyncio.timeout(ACCEPT_WITHIN_S):
                session = await self._switchboard.connect_media(started)
            session.watch(self._decoder.counters)
            for event in self._held:
                session.receive(event)
                if isinstance(event, StreamStopped):
                    verdict = DONE
            if self._is_over:
                self._timer.cancel()
                _tell_closed(session)
            else:
                self._session = session
        except MediaRefused as refusal:
            log.warning("a media stream was refused", extra={"reason": refusal.reason})
            verdict = REFUSED
        except TimeoutError:
            log.error("a media stream was not accepted in time")
            verdict = BROKEN
        except Exception:
            log.exception("a media stream could not be accepted")
            verdict = BROKEN
        finally:
            self._held = []
            self._accepting = None
        if verdict is not None and not self._is_over:
            self._close(self._end(verdict))

    def _end(self, close: Close) -> Close:
        self._is_over = True
        self._timer.cancel()
        return close

    def _garbage(self) -> Close | None:
        counters = self._decoder.counters
        counters.bad_messages += 1
        return self._end(GARBAGE) if counters.bad_messages >= MAX_BAD_MESSAGES else None

    def _is_in_time(self) -> bool:
        """Whether the messages since the last check took as long as they may be quick."""
        now_s = self._loop.time()
        if now_s - self._window_started_s < BURST_S:
            return False
        self._window_started_s = now_s
        self._check_at = self._count + self._tracks * MAX_MESSAGES_PER_TRACK_S * BURST_S
        return True

    def _tick(self) -> None:
        """Now and then: has it started, and is anybody there?"""
        self._silent_ticks = self._silent_ticks + 1 if self._count == self._ticked_at else 0
        self._ticked_at = self._count
        if self._session is None and self._accepting is None:
            self._close(self._end(NO_START))
        elif self._silent_ticks >= SILENT_TICKS:
            self._close(self._end(AWAY))
        else:
            self._timer = self._loop.call_later(START_WITHIN_S, self._tick)


def _tell_closed(session: Session) -> None:
    try:
        session.media_closed()
    except Exception:
        log.exception("a call could not be told that its socket is gone")


class MediaEndpoint:
    """The ASGI side: one call of it is one socket."""

    def __init__(self, services: Doors) -> None:
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        request = WebhookRequest("GET", raw_target(scope), raw_headers(scope), is_websocket=True)
        if not self._services.carrier.verify(request):
            note_refusal(PATH)
            await WebSocketClose(1008)(scope, receive, send)  # before the acceptance: HTTP 403
            return
        await send({"type": "websocket.accept"})
        verdict = await self._serve(receive)
        if verdict is not None:
            await send({"type": "websocket.close", "code": verdict.code, "reason": verdict.reason})

    async def _serve(self, receive: Receive) -> Close | None:
        """Until the peer is gone (None) or has to go."""
        server = asyncio.current_task()
        verdict: Close | None = None

        def close(reason: Close) -> None:
            nonlocal verdict
            verdict = reason
            if server is not None:
                server.cancel()  # The only way out of waiting for a message that may never come.

        socket = MediaSocket(self._services.carrier.media_decoder(), self._services.switchboard, close)
        take = socket.receive
        try:
            while True:
                message = await receive()
                if message["type"] != "websocket.receive":
                    return None
                text = message.get("text")
                # The carrier sends text; a binary message is as good as an empty one: not readable.
                if (reason := take(text if text is not None else b"")) is not None:
                    return reason
        except asyncio.CancelledError:
            if verdict is None or server is None:
                raise
            server.uncancel()
            return verdict
        finally:
            socket.closed()


def router(services: Any) -> APIRouter:
    """`WS /api/v1/twilio/media-stream`."""
    doors = APIRouter()
    doors.routes.append(WebSocketRoute(PATH, MediaEndpoint(services), name="media_stream"))
    return doors
