"""The built console: one page, its assets, and the same page again for every address that the page itself understands."""

from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from starlette.exceptions import HTTPException

FOLDER = Path(__file__).parent / "console"
NOT_BUILT = (
    "The console was not built. In a checkout, run `make console`; an installed package brings it along."
)
OF_THE_SERVER = ("api/", "assets/")
"""Beginnings of addresses under which the page is never served: a mistyped one must not look like an answer."""
FOREVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"


def router(folder: Path = FOLDER) -> APIRouter:
    """Include it last: it answers whatever is left."""
    doors = APIRouter(include_in_schema=False)

    @doors.get("/{path:path}")
    async def console(path: str, request: Request) -> Response:
        if (file := _file(folder, path)) is not None:
            caching = FOREVER if path.startswith("assets/") else ASK_AGAIN
            return FileResponse(file, headers={"Cache-Control": caching})
        wants_page = "text/html" in request.headers.get("accept", "")
        if path and (path.startswith(OF_THE_SERVER) or not wants_page):
            raise HTTPException(404)
        page = folder / "index.html"
        if not page.is_file():
            raise HTTPException(503, NOT_BUILT)
        return FileResponse(page, headers={"Cache-Control": ASK_AGAIN})

    return doors


def _file(folder: Path, path: str) -> Path | None:
    """The file of that name inside the folder; None for a folder, for none, and for one outside."""
    if not path or "\0" in path:
        return None
    file = (folder / path).resolve()
    return file if file.is_relative_to(folder.resolve()) and file.is_file() else None
