"""Listens: the HTTP server, the media listener where it has a port of its own, and an orderly end."""

import asyncio
import errno
import gc
import logging
import signal
import socket
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from types import FrameType
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from ringfence.app import running
from ringfence.contracts import SpeechEngine
from ringfence.model.errors import ConfigurationError
from ringfence.settings import Settings
from ringfence.web.asgi import create_asgi
from ringfence.web.media_listener import serve_media
from ringfence.web.services import Services

log = logging.getLogger(__name__)

BACKLOG = 2048


LINGER_S = 0.5
"""How long a peer may take to answer our close before its connection is cut."""


class SocketProtocol(WebSocketsSansIOProtocol):
    """Uvicorn's own, which would hold a socket whose peer never answers our close for ten seconds."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.close_timeout = LINGER_S


class DrainingServer(uvicorn.Server):
    """Leaves the first signal to `serve`, which lets live calls finish; a second one stops at once."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.asked_to_stop = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.asked_to_stop.is_set() or sig == signal.SIGINT:
            self.should_exit = True
        self._loop.call_soon_threadsafe(self.asked_to_stop.set)


async def serve(
    settings: Settings,
    *,
    listen_through: Callable[[SpeechEngine], SpeechEngine] | None = None,
    ready: Callable[[Services, Settings], None] | None = None,
) -> None:
    """Serve until a signal. `ready` is called once every door is open, with the ports really taken."""
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(_listen(settings.host, settings.port, "PORT"))
        port = listener.getsockname()[1]
        media_port = settings.media_port
        if media_port is not None:
            media_port = _free_port(settings.host, media_port)
        settings = settings.model_copy(update={"port": port, "media_port": media_port})
        services = await stack.enter_async_context(running(settings, listen_through=listen_through))
        if media_port is not None:
            await stack.enter_async_context(serve_media(services, settings.host, media_port))
        server = DrainingServer(
            uvicorn.Config(
                create_asgi(services),
                log_config=None,
                access_log=False,
                lifespan="off",
                ws=SocketProtocol,
                ws_max_size=16 * 1024,
                ws_per_message_deflate=False,
                server_header=False,
                timeout_graceful_shutdown=5,
                proxy_headers=False,
            )
        )
        gc.freeze()
        log.info("listening", extra={"port": port, "media_port": media_port or port})
        if ready is not None:
            ready(services, settings)
        draining = asyncio.create_task(_drain(server, services, settings.drain_s))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await asyncio.shield(serving)
        finally:
            # Whoever cancels us gets the same orderly end as a signal, without the patience.
            draining.cancel()
            await services.switchboard.shutdown(drain_s=0)
            server.should_exit = True
            await serving


async def _drain(server: DrainingServer, services: Services, drain_s: float) -> None:
    await server.asked_to_stop.wait()
    log.info("stopping; live calls may finish", extra={"active_calls": services.switchboard.active_calls})
    if not server.should_exit:
        await services.switchboard.shutdown(drain_s=drain_s)
    server.should_exit = True


def _listen(host: str, port: int, setting: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        remedy = "choose a free port or stop what uses it"
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            setting, remedy = "HOST", "write an address of this machine, such as 127.0.0.1 or 0.0.0.0"
        raise ConfigurationError(
            f"{setting}: cannot listen on {host}:{port} ({error.strerror}); {remedy}"
        ) from None
    return listener


def _free_port(host: str, port: int) -> int:
    """The port itself, or one that is free for 0; the media listener opens it when its calls can come."""
    listener = _listen(host, port, "RINGFENCE_MEDIA_PORT")
    with listener:
        return int(listener.getsockname()[1])


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a coroutine to its end on the fastest loop there is."""
    try:
        import uvloop

        factory: Callable[[], asyncio.AbstractEventLoop] | None = uvloop.new_event_loop
    except ImportError:
        factory = None
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())


class _App:
    """An ASGI application that builds its services when the server that runs it starts."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stack = AsyncExitStack()
        self._inner: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif self._inner is None:
            raise RuntimeError(
                "the server that runs this application must support the ASGI lifespan protocol"
            )
        else:
            await self._inner(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            services = await self._stack.enter_async_context(running(self._settings))
        except ConfigurationError as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        self._inner = create_asgi(services)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await services.switchboard.shutdown(drain_s=0)
        await self._stack.aclose()
        await send({"type": "lifespan.shutdown.complete"})


def create_app(settings: Settings) -> ASGIApp:
    """For another ASGI server than ours. Its media socket is the portable ASGI route."""
    return _App(settings)
