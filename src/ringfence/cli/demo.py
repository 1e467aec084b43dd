"""`ringfence demo`: the main job, shown on this machine."""

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    app.command()(demo)


def demo(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on. [default: HOST, else 127.0.0.1]")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on. [default: PORT, else 8000]")] = None,
    calls: Annotated[bool, typer.Option("--calls/--no-calls", help="Place simulated calls.")] = True,
) -> None:
    """Start a server with its own secrets, place simulated phone calls with real audio, and show what it hears."""
    import logging

    from ringfence import logs
    from ringfence.demo import run
    from ringfence.settings import load_settings

    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = load_settings(**given)
    logs.configure(personal_data=settings.log_personal_data, level=logging.WARNING)
    run(settings, with_calls=calls)
