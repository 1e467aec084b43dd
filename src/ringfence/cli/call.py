"""`ringfence call`: one simulated phone call against a running server."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ringfence.model.errors import ConfigurationError

if TYPE_CHECKING:
    from ringfence.settings import Settings
    from ringfence.testing.network import PlacedCall, SimulatedCall

LOOK_EVERY_S = 0.25


def register(app: typer.Typer) -> None:
    app.command()(call)


def call(  # noqa: PLR0917 - the options of a command, which typer passes by name
    audio_or_script: Annotated[
        str,
        typer.Argument(
            metavar="AUDIO_OR_SCRIPT",
            help="A WAV file (of a stereo one the left channel calls), a script with audio, or the name of a bundled call.",
        ),
    ],
    from_number: Annotated[str | None, typer.Option("--from", help="Who calls.")] = None,
    to_number: Annotated[str | None, typer.Option("--to", help="Who is called.")] = None,
    url: Annotated[
        str | None, typer.Option(help="The server. [default: BASE_URL, else http://HOST:PORT]")
    ] = None,
    speed: Annotated[float, typer.Option(help="Times faster than a telephone.", min=0.1, max=100)] = 1.0,
    token: Annotated[
        str | None,
        typer.Option(help="The secret to sign with. [default: TWILIO_AUTH_TOKEN, else the demonstration's]"),
    ] = None,
    language: Annotated[str | None, typer.Option(help="Language of the line, such as es-CL.")] = None,
    signed_for: Annotated[
        str | None, typer.Option(help="The server's own public address, where it is another than --url.")
    ] = None,
) -> None:
    """Place a phone call with real audio, signed as the carrier signs, and follow it to its end."""
    from dataclasses import replace

    from ringfence.settings import load_settings

    settings = load_settings()
    simulated = prepare(audio_or_script)
    simulated = replace(
        simulated,
        from_number=from_number or simulated.from_number,
        to_number=to_number or simulated.to_number,
        language=language or simulated.language,
        speed=speed,
    )
    address = (url or settings.public_url).rstrip("/")
    if not address.startswith(("http://", "https://")):
        raise ConfigurationError(f"--url: write it as http://127.0.0.1:8000, not '{address}'")
    problem = asyncio.run(_place(simulated, address, signed_for, token or find_token(settings)))
    if problem:
        sys.stderr.write(f"ringfence: {problem}\n")
        raise typer.Exit(1)


def prepare(what: str) -> "SimulatedCall":
    """The call that a bundled name, a script or a recording stands for. Raises ConfigurationError."""
    from ringfence.testing.network import SimulatedCall
    from ringfence.testing.script import load_script, read_script, sample_names
    from ringfence.testing.wav import read_wav

    if what in sample_names():
        return SimulatedCall.from_script(load_script(what))
    path = Path(what)
    try:
        if path.suffix == ".toml":
            script = read_script(path)
            if not script.mulaw:
                raise ConfigurationError(f"{what}: this script has no audio yet; `make samples` makes it")
            return SimulatedCall.from_script(script)
        channels = read_wav(path).channels
    except OSError as error:
        known = ", ".join(sample_names())
        raise ConfigurationError(
            f"{what}: {error.strerror or error}; the bundled calls are: {known}"
        ) from None
    except ValueError as error:
        raise ConfigurationError(
            f"{error}; give a WAV file, a script, or the name of a bundled call"
        ) from None
    return SimulatedCall(channels[0], channels[1] if len(channels) == 2 else b"")


def find_token(settings: "Settings") -> str:
    """The secret the server on this machine checks with. Raises ConfigurationError when there is none."""
    from ringfence.privacy.secrets import FILE_NAME, load_secrets

    if settings.twilio_auth_token is not None:
        return settings.twilio_auth_token.get_secret_value()
    if (settings.home / FILE_NAME).exists():
        return load_secrets(settings.home).demo_carrier_token
    raise ConfigurationError(
        "TWILIO_AUTH_TOKEN: needed to sign the call as the server expects; set it, give --token, or set "
        "RINGFENCE_HOME to the folder of a running demonstration"
    )


async def _place(simulated: "SimulatedCall", address: str, signed_for: str | None, token: str) -> str:
    """Carry the call to its end; what went wrong in one sentence, or nothing."""
    from ringfence.testing.network import ServerUnreachable, SimulatedCarrier

    typer.echo(f"{simulated.from_number} calls {simulated.to_number} through {address}")
    async with SimulatedCarrier(address, token, public_url=signed_for) as carrier:
        try:
            placed = await carrier.place(simulated)
        except ServerUnreachable as error:
            return f"{error}; start it with `ringfence serve` or `ringfence demo`, or give --url"
        if placed.reply == 403:
            return (
                "the server refused the signature (HTTP 403): its TWILIO_AUTH_TOKEN is another one, or its BASE_URL "
                f"is not {signed_for or address}; give --token and --signed-for"
            )
        if placed.reply // 100 == 2 and placed.verbs:
            typer.echo(f"{placed.sid} answered: {', '.join(_told(placed))}")
        await _follow(placed)
        await placed.finished()
    if not placed.problem:
        line = placed.lines[0]
        typer.echo(f"{placed.outcome}: {_clock(placed.position_ms)} spoken, {line.frames_sent} messages sent")
    return placed.problem


def _told(placed: "PlacedCall") -> list[str]:
    """What the server wants done, in words."""
    from ringfence.testing import twiml

    told = []
    for verb in placed.verbs:
        match verb:
            case twiml.Say(text):
                told.append(f'say "{text}"')
            case twiml.Stream(url, _, tracks):
                told.append(f"send the {' and '.join(tracks)} audio to {url}")
            case twiml.Dial(number):
                told.append(f"ring {number}")
            case twiml.Pause():
                told.append("keep the line open")
            case twiml.Hangup():
                told.append("hang up")
            case twiml.Unknown(name):
                told.append(f"<{name}> (not simulated)")
    return told


async def _follow(placed: "PlacedCall") -> None:
    """A clock that moves while the call does, where somebody looks on."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console()
    if not console.is_terminal:
        return
    columns = (TextColumn("{task.description}"), BarColumn())
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as progress:
        task = progress.add_task("", total=placed.call.duration_ms)
        while not placed.is_over:
            position_ms = placed.position_ms
            spoken = f"{_clock(position_ms)} / {_clock(placed.call.duration_ms)}  {placed.problem}"
            progress.update(task, completed=position_ms, description=spoken, refresh=True)
            await asyncio.sleep(LOOK_EVERY_S)


def _clock(milliseconds: int) -> str:
    return f"{milliseconds // 60_000:02}:{milliseconds // 1_000 % 60:02}"
