"""The demonstration: a real server, and simulated phone calls that come in through the carrier's own doors.

Nothing is staged behind the doors: the webhooks are signed, the audio is real, and the verdicts shown at the end
are read back from the server's API. Only where no installed engine understands a call's language are its words
delivered in time with the audio by the `scripted` engine, and the screen says so.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
from pydantic import SecretStr
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ringfence.access.roles import Role
from ringfence.contracts import Listening, SpeechEngine, SpeechStream
from ringfence.monitoring.messages import ALL_CALLS
from ringfence.privacy.secrets import load_secrets
from ringfence.server import serve
from ringfence.settings import Settings
from ringfence.speech.engines.scripted import ScriptedEngine
from ringfence.speech.options import ScriptedLine
from ringfence.testing.network import PlacedCall, SimulatedCall, SimulatedCarrier
from ringfence.testing.script import CallScript, load_script
from ringfence.web.services import Services

PROGRAMME = (
    "bank-impersonation",
    "familiar-en-apuros",
    "pharmacy",
    "tech-support",
    "paquete",
    "bank-fraud-desk",
)
"""Bundled calls in the order in which they ring."""
RING_EVERY_S = 3.0
HEARD_AT_ONCE = min(4, max(2, os.cpu_count() or 1))
"""Calls that an engine hears at the same time; the bundled one takes a third of a core while somebody speaks."""
REFRESH_S = 0.25
VERDICT_WITHIN_S = 20.0
LEVELS = {
    "low": ("○", "No signs", "bright_black"),
    "medium": ("▲", "Careful", "yellow"),
    "high": ("■", "Likely scam", "dark_orange"),
    "critical": ("⬣", "Scam", "bold red"),
}
SPEAKERS = {"user": "caller", "callee": "called"}
WIDE = 130
"""Columns of a screen on which every call has room for its title."""
TITLE_WIDTH = 32
MIN_WIDTHS = {"Level": 13, "Heard by": 12}
"""So that the table stands still when a longer word comes."""
TAKEN_WIDE, TAKEN_NARROW = 104, 53
"""Columns that all but the last words take."""
ALARMING = ("high", "critical")


class Interpreter:
    """A `SpeechEngine` in front of the chosen one: what that does not understand is told from the script."""

    def __init__(self, engine: SpeechEngine, scripts: Sequence[CallScript]) -> None:
        self.name = engine.name
        self.scripted_calls: set[str] = set()
        self._engine = engine
        self._languages = {script.language for script in scripts}
        self._scripted = ScriptedEngine({script.from_number: lines_of(script) for script in scripts})

    def hears(self, language: str) -> bool:
        """Whether the chosen engine understands that language by itself."""
        return self._engine.understands(language)

    def understands(self, language: str) -> bool:
        return self.hears(language) or language in self._languages

    async def open(self, listening: Listening) -> SpeechStream:
        if self.hears(listening.language):
            return await self._engine.open(listening)
        stream = await self._scripted.open(listening)
        self.scripted_calls.add(listening.call_sid)
        return stream

    async def aclose(self) -> None:
        await self._engine.aclose()


@dataclass
class Row:
    """One call on the screen."""

    script: CallScript
    placed: PlacedCall | None = None
    level: str = "low"
    score: int = 0
    words: str = ""
    heard_by: str = ""
    finished: bool = False
    verdict: dict[str, Any] = field(default_factory=dict)
    """The call as the API tells it after its end."""

    @property
    def judged_rightly(self) -> bool:
        return bool(self.verdict) and (self.level in ALARMING if self.script.is_scam else self.level == "low")


async def demonstrate(
    settings: Settings,
    console: Console,
    *,
    with_calls: bool = True,
    programme: Sequence[str] = PROGRAMME,
    speed: float = 1.0,
) -> None:
    """Serve until Ctrl-C; place the programme's calls meanwhile. Raises ConfigurationError."""
    token = load_secrets(settings.home).demo_carrier_token
    settings = settings.model_copy(
        update={"twilio_auth_token": SecretStr(token), "twilio_auth_token_secondary": None, "base_url": None}
    )
    scripts = [load_script(name) for name in programme]
    interpreters: list[Interpreter] = []
    shows: list[asyncio.Task[None]] = []

    def listen_through(engine: SpeechEngine) -> SpeechEngine:
        interpreters.append(Interpreter(engine, scripts))
        return interpreters[0]

    def ready(services: Services, settings: Settings) -> None:
        show = Show(
            services,
            url=settings.public_url,
            token=token,
            interpreter=interpreters[0],
            scripts=scripts,
            console=console,
            speed=speed,
        )
        shows.append(asyncio.create_task(show.run(with_calls=with_calls)))

    try:
        await serve(settings, listen_through=listen_through, ready=ready)
    finally:
        for show in shows:
            show.cancel()
        for outcome in await asyncio.gather(*shows, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome


class Show:
    """Places the calls and puts them on the screen."""

    def __init__(
        self,
        services: Services,
        *,
        url: str,
        token: str,
        interpreter: Interpreter,
        scripts: Sequence[CallScript],
        console: Console,
        speed: float = 1.0,
    ) -> None:
        self.rows = [Row(script) for script in scripts]
        self._services = services
        self._url = url
        self._token = token
        self._interpreter = interpreter
        self._console = console
        self._speed = speed
        self._is_screen = console.is_terminal

    async def run(self, *, with_calls: bool) -> None:
        link = await self._services.access.issue_link(Role.ADMIN, "demo")
        self._print(f"Ringfence listens at {self._url}")
        self._print("Open the console (the link works once, within 15 minutes):")
        self._print(f"  {self._url}/sign-in#token={link}", style="bold cyan")
        if with_calls:
            self._print("")
            await self._calls()
            await self._sum_up()
        self._print("The server keeps running; Ctrl-C stops it. To place a call of your own:")
        self._print(f"  ringfence call bank-impersonation --url {self._url}")

    async def _calls(self) -> None:
        engine = self._interpreter.name
        self._print(f"{len(self.rows)} calls with real audio come in now. What is said is heard by: {engine}")
        scripted = [row for row in self.rows if not self._understands(row.script)]
        if scripted:
            names = ", ".join(row.script.title for row in scripted)
            self._print(
                f"No installed engine understands the language of: {names}. "
                "The words of these calls come from their scripts, in time with the audio."
            )
        async with SimulatedCarrier(self._url, self._token) as carrier:
            watching = asyncio.create_task(self._watch())
            drawing = asyncio.create_task(self._draw())
            try:
                await self._place_all(carrier)
                await self._wait_for_verdicts()
            finally:
                for task in (watching, drawing):
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task

    async def _place_all(self, carrier: SimulatedCarrier) -> None:
        free = asyncio.Semaphore(HEARD_AT_ONCE)
        unlimited = asyncio.Semaphore(len(self.rows))
        async with asyncio.TaskGroup() as tasks:
            for number, row in enumerate(self.rows):
                gate = free if self._understands(row.script) else unlimited
                tasks.create_task(self._place(carrier, row, gate, number * RING_EVERY_S))

    async def _place(
        self, carrier: SimulatedCarrier, row: Row, gate: asyncio.Semaphore, after_s: float
    ) -> None:
        await asyncio.sleep(after_s)
        async with gate:
            row.placed = await carrier.place(SimulatedCall.from_script(row.script, speed=self._speed))
            self._tell(row, "rings")
            await row.placed.finished()
        if row.placed.problem:
            self._tell(row, row.placed.problem)

    async def _wait_for_verdicts(self) -> None:
        """The last words of a call are still being understood when it ends."""
        with suppress(TimeoutError):
            async with asyncio.timeout(VERDICT_WITHIN_S):
                while not all(row.finished for row in self.rows):
                    await asyncio.sleep(REFRESH_S)

    # --- what the server tells

    async def _watch(self) -> None:
        async with self._services.bus.subscribe(ALL_CALLS) as messages:
            async for message in messages:
                row = self._row(str(message.get("call_sid", "")))
                if row is not None:
                    self._take(row, message)

    def _take(self, row: Row, message: dict[str, Any]) -> None:
        row.heard_by = self._heard_by(row)
        match message["type"]:
            case "transcript.update":
                row.words = message["text"]
                self._tell(row, f'{SPEAKERS[message["role"]]}: "{row.words}"')
            case "transcript.partial":
                row.words = f"{message['text']} …"
            case "analysis.complete":
                is_new = message["risk_level"] != row.level
                row.level, row.score = message["risk_level"], message["score"]
                if is_new:
                    self._tell(row, ", ".join(message["indicators"]))
            case "call.stopped":
                row.finished = True
                self._tell(row, "ended")

    def _row(self, call_sid: str) -> Row | None:
        return next((row for row in self.rows if row.placed and row.placed.sid == call_sid), None)

    def _heard_by(self, row: Row) -> str:
        is_scripted = row.placed is not None and row.placed.sid in self._interpreter.scripted_calls
        return "its script" if is_scripted else self._interpreter.name

    def _understands(self, script: CallScript) -> bool:
        return self._interpreter.hears(script.language)

    async def _sum_up(self) -> None:
        """The verdicts, as anybody can read them from the API."""
        access = self._services.access
        key = await access.create_key("demo summary", Role.VIEWER)
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(base_url=self._url, headers=headers, trust_env=False) as api:
            for row in self.rows:
                if row.placed is None:
                    continue
                answer = await api.get(f"/api/v1/calls/{row.placed.sid}")
                if answer.status_code == 200:
                    row.verdict = answer.json()
                    row.level = row.verdict["risk_level"]
        for known in await access.list_keys():
            if known.name == "demo summary" and known.revoked_at is None:
                await access.revoke_key(known.id)
        self._console.print(self._summary(), soft_wrap=not self._is_screen)
        wrong = [row.script.title for row in self.rows if not row.judged_rightly]
        if wrong:
            self._print(f"Judged otherwise than they are: {'; '.join(wrong)}.", style="bold")
        else:
            self._print("Every call was judged as what it is.", style="bold")

    # --- the screen

    def _print(self, text: str, style: str | None = None) -> None:
        self._console.print(text, style=style, highlight=False, soft_wrap=True, markup=False)

    def _tell(self, row: Row, what: str) -> None:
        """A line of its own, where there is no screen to draw on."""
        if not self._is_screen:
            self._print(f"{_clock(row)}  {_level(row.level).plain:13}  {row.script.title}: {what}")

    async def _draw(self) -> None:
        if not self._is_screen:
            return
        with Live(self._table(), console=self._console, auto_refresh=False) as live:
            try:
                while True:
                    live.update(self._table(), refresh=True)
                    await asyncio.sleep(REFRESH_S)
            finally:
                live.update(self._table(), refresh=True)

    def _table(self) -> Group:
        """Every call a line; on a narrow screen without its title and engine."""
        is_wide = self._console.width >= WIDE
        table = Table(box=None, padding=(0, 2, 0, 0))
        for heading in ("Level", "Call", "Caller → called", "Clock", "Last words", "Heard by"):
            if is_wide or heading not in ("Call", "Heard by"):
                table.add_column(heading, no_wrap=True, min_width=MIN_WIDTHS.get(heading))
        room = self._console.width - (TAKEN_WIDE if is_wide else TAKEN_NARROW)
        for row in self.rows:
            level = _level(row.level) if row.placed else Text("  waiting", style="bright_black")
            numbers = f"{row.script.from_number} → {row.script.to_number}".ljust(27)
            words = Text(_tail(row.words, room), style="bright_black" if row.finished else "")
            if is_wide:
                title = Text(row.script.title.ljust(TITLE_WIDTH))
                engine = Text(row.heard_by, style="bright_black")
                table.add_row(level, title, numbers, _clock(row), words, engine)
            else:
                table.add_row(level, numbers, _clock(row), words)
        return Group(table, Text())

    def _summary(self) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0), title="Verdicts", title_justify="left")
        for heading in ("Call", "It is", "Verdict", "Score", ""):
            table.add_column(heading, no_wrap=True)
        for row in self.rows:
            table.add_row(
                row.script.title,
                "a scam" if row.script.is_scam else "innocent",
                _level(row.level) if row.verdict else "not heard",
                str(row.score),
                "as it is" if row.judged_rightly else "otherwise",
            )
        return table


def lines_of(script: CallScript) -> list[ScriptedLine]:
    return [ScriptedLine(turn.party, turn.start_ms, turn.end_ms, turn.text) for turn in script.turns]


def run(settings: Settings, *, with_calls: bool = True) -> None:
    """The whole demonstration, until Ctrl-C."""
    from ringfence import server

    console = Console(file=sys.stdout)
    with suppress(KeyboardInterrupt):
        server.run(lambda: demonstrate(settings, console, with_calls=with_calls))
    console.print("Stopped.", highlight=False)


def _level(level: str) -> Text:
    glyph, word, style = LEVELS[level]
    return Text(f"{glyph} {word}", style=style)


def _tail(text: str, length: int) -> str:
    """The newest words, as many as there is room for, and always as wide, so that the table stands still."""
    return (text if len(text) <= length else f"…{text[1 - length :]}").ljust(length)


def _clock(row: Row) -> str:
    seconds = row.placed.position_ms // 1_000 if row.placed else 0
    return f"{seconds // 60:02}:{seconds % 60:02}"
