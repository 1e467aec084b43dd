"""`/docs`: every door on one page, made from the API's description. No script, nothing from elsewhere: it works offline."""

import re
from html import escape
from typing import Any

from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import HTMLResponse

STYLE_ADDRESS = "/docs/style.css"

STYLE = """\
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; }
article { border-top: 1px solid color-mix(in srgb, currentColor 20%, transparent); padding: .75rem 0; }
h3 { font: 600 1rem/1.5 ui-monospace, monospace; margin: 0; overflow-wrap: anywhere; }
h3 b { display: inline-block; min-width: 4.5rem; }
p { margin: .25rem 0; }
table { border-collapse: collapse; margin: .5rem 0; }
td { padding: .1rem 1rem .1rem 0; vertical-align: top; }
code { font-family: ui-monospace, monospace; }
"""


def router(app: FastAPI) -> APIRouter:
    doors = APIRouter(include_in_schema=False)

    @doors.get("/docs", response_class=HTMLResponse)
    async def docs() -> HTMLResponse:
        return HTMLResponse(page(app.openapi()))

    @doors.get(STYLE_ADDRESS)
    async def style() -> Response:
        return Response(STYLE, media_type="text/css", headers={"Cache-Control": "no-cache"})

    return doors


def page(document: dict[str, Any]) -> str:
    """The description as one HTML page."""
    groups: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            groups.setdefault((operation.get("tags") or ["other"])[0], []).append(
                _operation(method, path, operation)
            )
    sections = "".join(
        f"<h2>{escape(group.capitalize())}</h2>{''.join(items)}" for group, items in groups.items()
    )
    sockets = "".join(
        f"<article><h3><b>WS</b>{escape(path)}</h3><p>{escape(meaning)}</p></article>"
        for path, meaning in SOCKETS.items()
    )
    title = escape(document["info"]["title"])
    intro = _words(document["info"]["description"])
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}: its doors</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><link rel="stylesheet" href="{STYLE_ADDRESS}"></head><body><h1>{title}</h1><p>{intro}</p>'
        f'<p>The same for programs: <a href="/openapi.json">openapi.json</a></p>'
        f"{sections}<h2>Sockets</h2>{sockets}</body></html>"
    )


SOCKETS = {
    "/api/v1/live": "All calls, for the console: first `live.state`, then every message. Role viewer.",
    "/api/v1/twilio/monitor/{call_sid}": "One call: first `call.state`, then every message. Role viewer.",
    "/api/v1/twilio/media-stream": "The carrier's audio of a call. Signed by the carrier.",
}


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    words = operation.get("description") or operation.get("summary") or ""
    rows = "".join(
        f"<tr><td><code>{escape(parameter['name'])}</code></td><td>{escape(parameter['in'])}</td>"
        f"<td>{escape(parameter.get('description', ''))}</td></tr>"
        for parameter in operation.get("parameters", ())
    )
    needs = f"Role {operation['x-role']}. " if "x-role" in operation else ""
    answers = ", ".join(escape(status) for status in operation["responses"])
    return (
        f"<article><h3><b>{escape(method.upper())}</b>{escape(path)}</h3><p>{_words(words)}</p>"
        f"{f'<table>{rows}</table>' if rows else ''}<p>{needs}Answers: {answers}</p></article>"
    )


def _words(text: str) -> str:
    """Words for a page: what stands between backticks is code."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(text))
