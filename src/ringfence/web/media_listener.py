"""The media socket on a port of its own: picows, which spends about a third of the ASGI route's time on a frame.

The same signature check, the same `MediaSocket`; everything else about a socket is decided in `media`.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from picows import (
    WSCloseCode,
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
    ws_create_server,
)

from ringfence.contracts import WebhookRequest
from ringfence.web.carrier_requests import note_refusal
from ringfence.web.media import DONE, MAX_MESSAGE_BYTES, PATH, TOO_BIG, Close, Doors, MediaSocket

log = logging.getLogger(__name__)
_server_log = logging.getLogger(f"{__name__}.picows")
_server_log.setLevel(logging.WARNING)  # It tells of every connection, with its address.

READ_BUFFER_BYTES = 2 * 1024  # the smallest that picows takes; five media messages
HANDSHAKE_WITHIN_S = 5.0
LINGER_S = 0.5
"""How long a peer may take to answer our close before the connection is cut."""


@asynccontextmanager
async def serve_media(services: Doors, host: str, port: int) -> AsyncIterator[int]:
    """Listen until the block is left; gives the port really taken. Sockets still open then are closed."""
    listeners: set[_Listener] = set()

    def route(request: WSUpgradeRequest) -> WSListener | WSUpgradeResponseWithListener | None:
        try:
            return _admit(services, request, listeners)
        except Exception:
            log.exception("an upgrade could not be answered")
            return _refusal(500)

    server = await ws_create_server(
        route,
        host,
        port,
        websocket_handshake_timeout=HANDSHAKE_WITHIN_S,
        max_frame_size=MAX_MESSAGE_BYTES,
        read_buffer_init_size=READ_BUFFER_BYTES,
        enable_auto_pong=True,
        logger_name=_server_log,
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        leaving = [listener.leave(Close(1001, "the server is going away")) for listener in tuple(listeners)]
        await asyncio.gather(*leaving)
        await server.wait_closed()


def _admit(
    services: Doors, request: WSUpgradeRequest, listeners: "set[_Listener]"
) -> WSListener | WSUpgradeResponseWithListener | None:
    """The listener for a request of the carrier; an HTTP answer for anything else (None: 404)."""
    target = request.path.decode("latin-1")
    path = target.partition("?")[0]
    if not path.endswith(PATH):
        return None
    headers = {name.lower(): value for name, value in request.headers.items()}
    webhook = WebhookRequest("GET", target, headers, is_websocket=True)
    if not services.carrier.verify(webhook):
        note_refusal(PATH)
        return _refusal(403)
    return _Listener(services, listeners)


def _refusal(status: int) -> WSUpgradeResponseWithListener:
    return WSUpgradeResponseWithListener(WSUpgradeResponse.create_error_response(status), None)


class _Listener(WSListener):
    """Carries frames from picows to a `MediaSocket`."""

    def __init__(self, services: Doors, listeners: "set[_Listener]") -> None:
        self._services = services
        self._listeners = listeners
        self._socket: MediaSocket | None = None
        self._transport: WSTransport | None = None
        self._pieces = b""

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        self._listeners.add(self)
        self._socket = MediaSocket(
            self._services.carrier.media_decoder(), self._services.switchboard, self._close
        )

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        socket = self._socket
        kind = frame.msg_type
        if (
            socket is None
        ):  # It was told to go. Nothing that still comes is for us, but its answer to our close.
            if kind == WSMsgType.CLOSE:
                transport.disconnect()
        elif kind == WSMsgType.TEXT and frame.fin:
            reason = socket.receive(frame.get_payload_as_bytes())
            if reason is not None:
                self._close(reason)
        else:
            self._rare_frame(socket, kind, frame)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._forget()
        self._listeners.discard(self)
        self._transport = None

    async def leave(self, reason: Close) -> None:
        """Close, and return when the connection is gone."""
        transport = self._transport
        self._close(reason)
        if transport is not None:
            await transport.wait_disconnected()

    def _rare_frame(self, socket: MediaSocket, kind: WSMsgType, frame: WSFrame) -> None:
        if kind == WSMsgType.CLOSE:
            self._close(DONE)
            if self._transport is not None:
                self._transport.disconnect()
        elif kind in (WSMsgType.TEXT, WSMsgType.CONTINUATION):
            self._pieces += frame.get_payload_as_bytes()
            reason: Close | None = None
            if len(self._pieces) > MAX_MESSAGE_BYTES:
                reason = TOO_BIG
            elif frame.fin:
                pieces, self._pieces = self._pieces, b""
                reason = socket.receive(pieces)
            if reason is not None:
                self._close(reason)
        elif kind == WSMsgType.BINARY and (reason := socket.receive(b"")) is not None:
            # The carrier sends text; a binary message is as good as an empty one: not readable.
            self._close(reason)

    def _close(self, reason: Close) -> None:
        transport = self._transport
        self._forget()
        if transport is None or transport.is_disconnected:
            return
        transport.send_close(WSCloseCode(reason.code), reason.reason.encode())
        asyncio.get_running_loop().call_later(LINGER_S, _cut, transport)

    def _forget(self) -> None:
        socket, self._socket = self._socket, None
        self._pieces = b""
        if socket is not None:
            socket.closed()


def _cut(transport: WSTransport) -> None:
    if not transport.is_disconnected:
        transport.disconnect(graceful=False)
