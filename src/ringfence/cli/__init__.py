"""The command `ringfence`. One file a group of commands; each is imported only when the program starts as one.

A fault of the person's (a wrong setting, a missing file) ends in one line that says the remedy, exit status 2;
never in a stack trace.
"""

import sys
from importlib import import_module
from importlib.metadata import version
from typing import Annotated

import typer

from ringfence.model.errors import ConfigurationError

COMMANDS = ("serve", "demo", "call", "assess", "keys", "models", "database", "doctor", "secrets")
"""Files beside this one; each has `register(app)`."""


def build() -> typer.Typer:
    app = typer.Typer(
        name="ringfence",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_options)
    for name in COMMANDS:
        import_module(f"ringfence.cli.{name}").register(app)
    return app


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ringfence {version('ringfence')}")
        raise typer.Exit


def _options(
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_say_version)
    ] = False,
) -> None:
    """Hears a phone call, judges it while it is spoken, and warns the right person."""


def main() -> None:
    try:
        build()()
    except ConfigurationError as error:
        sys.stderr.write(f"ringfence: {error}\n")
        sys.exit(2)
