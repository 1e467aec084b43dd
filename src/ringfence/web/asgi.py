"""The route table: every door of the server, in the order in which an address is looked up."""

from pathlib import Path
from urllib.parse import urlsplit

from fastapi import FastAPI

from ringfence.web import (
    carrier_webhooks,
    console_api,
    console_live,
    docs_page,
    health,
    media,
    metrics,
    openapi,
    problems,
)
from ringfence.web.auth import Guard
from ringfence.web.console_files import FOLDER as CONSOLE
from ringfence.web.console_files import ConsoleFiles
from ringfence.web.hardening import Hardening
from ringfence.web.looks import Looks
from ringfence.web.onlooker import HEARTBEAT_S
from ringfence.web.public_path import PublicPath
from ringfence.web.services import Services


def create_asgi(services: Services, *, console: Path = CONSOLE, heartbeat_s: float = HEARTBEAT_S) -> FastAPI:
    """The application over finished services; it opens and closes nothing of theirs."""
    app = FastAPI(
        title="Ringfence",
        version=services.version,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    guard = Guard(services)
    looks = Looks(services)
    figures = metrics.Metrics(services)

    problems.install(app)
    app.include_router(carrier_webhooks.router(services))
    app.include_router(media.router(services))
    app.include_router(console_api.router(services, guard, looks))
    app.include_router(console_live.router(services, guard, looks, heartbeat_s=heartbeat_s))
    app.include_router(health.router(services))
    app.include_router(metrics.router(figures, guard))
    app.include_router(docs_page.router(app))
    app.router.default = ConsoleFiles(app.router.default, console)

    app.openapi = lambda: openapi.describe(app)  # type: ignore[method-assign]
    app.add_middleware(metrics.Measuring, metrics=figures)
    app.add_middleware(Hardening, is_https=guard.is_https)
    if prefix := urlsplit(services.public_url).path:
        app.add_middleware(PublicPath, prefix=prefix)
    return app
