"""The built console: one page, its assets, and the same page again for every address that the page understands itself."""

from pathlib import Path

from fastapi import Request
from fastapi.responses import FileResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

FOLDER = Path(__file__).parent / "console"
NOT_BUILT = (
    "The console was not built. In a checkout, run `make console`; an installed package brings it along."
)
OF_THE_SERVER = ("api/", "assets/")
"""Beginnings of addresses under which the page is never served: a mistyped one must not look like an answer."""
FOREVER = "public, max-age=31536000, immutable"
"""For names with a hash of their content in them."""
ASK_AGAIN = "no-cache"


class ConsoleFiles:
    """ASGI application for every address that no door has; hands on to `otherwise` what it does not know."""

    def __init__(self, otherwise: ASGIApp, folder: Path = FOLDER) -> None:
        self._otherwise = otherwise
        self._folder = folder.resolve()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self._otherwise(scope, receive, send)
            return
        path = scope["path"].lstrip("/")
        if (file := self._file(path)) is not None:
            caching = FOREVER if path.startswith("assets/") else ASK_AGAIN
            await FileResponse(file, headers={"Cache-Control": caching})(scope, receive, send)
            return
        wants_page = "text/html" in Request(scope).headers.get("accept", "")
        if path and (path.startswith(OF_THE_SERVER) or not wants_page):
            await self._otherwise(scope, receive, send)
            return
        page = self._file("index.html")
        if page is None:
            raise HTTPException(503, NOT_BUILT)
        await FileResponse(page, headers={"Cache-Control": ASK_AGAIN})(scope, receive, send)

    def _file(self, path: str) -> Path | None:
        """The file of that name inside the folder; None for a folder, for none, and for one outside."""
        if not path or "\0" in path:
            return None
        file = (self._folder / path).resolve()
        return file if file.is_relative_to(self._folder) and file.is_file() else None
