"""Behind a proxy that keeps the path of `BASE_URL`: `/ringfence/healthz` is the door `/healthz`."""

from starlette.types import ASGIApp, Receive, Scope, Send


class PublicPath:
    """ASGI middleware. The raw path stays as it came: the carrier's signature covers it."""

    def __init__(self, app: ASGIApp, *, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and scope["path"].startswith(f"{self._prefix}/"):
            scope = dict(scope, path=scope["path"].removeprefix(self._prefix))
        await self._app(scope, receive, send)
