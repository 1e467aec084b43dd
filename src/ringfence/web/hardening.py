"""The outermost layer: a bound for what comes in, headers that make browsers careful, and the last net for what
nobody foresaw."""

import logging
import traceback

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ringfence.web.problems import BROKEN, problem

log = logging.getLogger(__name__)

CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "media-src 'self' blob:",
        "manifest-src 'self'",
        "worker-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""Nothing inline, nothing from elsewhere; `'self'` covers sockets of the same host (CSP level 3)."""

HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
FRAMES_TOLD = 5
ONE_YEAR_S = 31_536_000
MAX_BODY_BYTES = 256 * 1024
"""Far above any request that a door expects; a carrier's callback has a few kilobytes."""


class Hardening:
    """ASGI middleware. Plain ASGI, so that it stands in the way of no stream and no socket."""

    def __init__(self, app: ASGIApp, *, is_https: bool) -> None:
        self._app = app
        self._headers = dict(HEADERS)
        if is_https:
            self._headers["Strict-Transport-Security"] = f"max-age={ONE_YEAR_S}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False
        received = 0

        async def receiving() -> Message:
            nonlocal received
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if received > MAX_BODY_BYTES:
                    raise HTTPException(413)
            return message

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await self._app(scope, receiving, sending)
        except Exception as error:
            # An exception's own words may hold what people said; where it came from does not.
            log.error(
                "a request failed in a way that nobody foresaw",
                extra={"error": type(error).__name__, "where": _where(error)},
            )
            if scope["type"] == "http" and not begun:
                await problem(500, BROKEN)(scope, receive, sending)
            elif scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1011})
            else:
                raise


def _where(error: Exception) -> str:
    """The innermost lines of code on the way to the error, the last one first."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES_TOLD:]
    return " < ".join(f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in reversed(frames))
