"""`ringfence serve`: the server."""

from typing import Annotated

import typer

from ringfence.model.errors import ConfigurationError


def register(app: typer.Typer) -> None:
    app.command()(serve)


def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on. [default: HOST, else 127.0.0.1]")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on. [default: PORT, else 8000]")] = None,
    workers: Annotated[int, typer.Option(help="Processes. This version runs one.", min=1)] = 1,
) -> None:
    """Run the server until it is told to stop (Ctrl-C, or SIGTERM, which lets live calls finish)."""
    from ringfence import logs
    from ringfence.server import run
    from ringfence.server import serve as serve_settings
    from ringfence.settings import load_settings

    if workers > 1:
        raise ConfigurationError(
            "--workers: this version runs one process, which carries hundreds of calls; leave the option out"
        )
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = load_settings(**given)
    logs.configure(personal_data=settings.log_personal_data)
    run(lambda: serve_settings(settings))
