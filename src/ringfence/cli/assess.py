"""`ringfence assess`: judges transcripts and recordings offline."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ringfence.contracts import Analyst, SpeechEngine
    from ringfence.offline.judging import Verdict
    from ringfence.offline.transcripts import Item
    from ringfence.settings import Settings

STANDARD_INPUT = Path("-")
BAD_INPUT = 2
"""Exit status when a part of the input could not be judged."""


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    HTML = "html"


def register(app: typer.Typer) -> None:
    app.command()(assess)


def assess(
    files: Annotated[
        list[Path],
        typer.Argument(help="Text, JSON lines, vCon or WAV files; - is the standard input.", metavar="FILE…"),
    ],
    form: Annotated[Format, typer.Option("--format", help="How to answer.")] = Format.TABLE,
    analyst: Annotated[
        str,
        typer.Option(
            metavar="MODEL",
            help="Ask a model too, such as anthropic:… or ollama:…; the words leave this machine for it.",
        ),
    ] = "none",
    language: Annotated[
        str,
        typer.Option(
            metavar="L",
            help="Language of calls that do not say theirs. [default: RINGFENCE_LANGUAGE, else en]",
        ),
    ] = "",
) -> None:
    """Judge calls that are over, by the code that judges them live. No network is used without --analyst."""
    failed = asyncio.run(_assess(files, form, analyst, language))
    if failed:
        raise typer.Exit(BAD_INPUT)


async def _assess(files: list[Path], form: Format, models: str, language: str) -> bool:
    """Whether a part of the input could not be judged."""
    from ringfence.clock import SystemClock
    from ringfence.detection.detector import load_detector
    from ringfence.offline.judging import judge
    from ringfence.offline.transcripts import Fault

    clock = SystemClock()
    detector = load_detector()
    verdicts: list[Verdict] = []
    faults: list[Fault] = []
    async with AsyncExitStack() as stack:
        tools = _Tools(stack, models, language)
        advisers = await tools.analyst()
        progress = stack.enter_context(_Progress(files))
        async for item in _items(files, tools, progress.advance):
            if isinstance(item, Fault):
                faults.append(item)
                progress.tell(f"ringfence: {item}")
                continue
            verdict = await judge(
                item,
                detector,
                language=tools.language,
                analyst=advisers,
                analysis_every=tools.settings.analysis_every if advisers is not None else 3,
                at=clock.now(),
            )
            if form is Format.JSON:
                _print_line(verdict)
            else:
                verdicts.append(verdict)
    if form is Format.TABLE and verdicts:
        _print_table(verdicts)
    elif form is Format.HTML:
        from ringfence.offline.report import html_page

        sys.stdout.write(html_page(verdicts, faults))
    return bool(faults)


class _Tools:
    """What is opened only when it is needed."""

    def __init__(self, stack: AsyncExitStack, models: str, language: str) -> None:
        self._stack = stack
        self._models = models
        self._language = language
        self._settings: Settings | None = None
        self._engines: Sequence[SpeechEngine] = ()

    @property
    def settings(self) -> "Settings":
        """Raises ConfigurationError."""
        if self._settings is None:
            from ringfence.settings import load_settings

            self._settings = load_settings()
        return self._settings

    @property
    def language(self) -> str:
        return self._language or self.settings.language

    async def analyst(self) -> "Analyst | None":
        from ringfence.app import analyst_choice
        from ringfence.detection.panel import open_analyst

        if self._models == "none":
            return None
        panel = open_analyst(analyst_choice(self.settings, self._models, setting="--analyst"))
        if panel is not None:
            self._stack.push_async_callback(panel.aclose)
        return panel

    def engines(self) -> "Sequence[SpeechEngine]":
        """Best first. Raises ConfigurationError."""
        if not self._engines:
            from dataclasses import replace

            from ringfence.app import speech_choice
            from ringfence.speech.choice import open_engine

            chosen = open_engine(replace(speech_choice(self.settings), language=self.language))
            self._stack.push_async_callback(chosen.aclose)
            self._engines = chosen.engines
        return self._engines


async def _items(files: list[Path], tools: _Tools, advance: Callable[[float], None]) -> AsyncIterator["Item"]:
    """Every call and every fault, in order."""
    from ringfence.offline.recordings import hear, looks_like_sound
    from ringfence.offline.transcripts import Fault, read_transcript

    for path in files:
        name = "standard input" if path == STANDARD_INPUT else str(path)
        try:
            content = sys.stdin.buffer.read() if path == STANDARD_INPUT else path.read_bytes()
        except OSError as error:
            yield Fault(
                name, (error.strerror or "it cannot be read").lower(), "check the name and its permissions"
            )
            continue
        if looks_like_sound(path, content):
            yield await hear(name, content, tools.engines(), tools.language, advance)
            continue
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            yield Fault(f"{name}:{line}", "this is no UTF-8 text", "save the file as UTF-8")
            continue
        lines = text.count("\n") + 1
        for item, taken in read_transcript(name, text):
            yield item
            advance(taken / lines)


class _Progress:
    """A bar on the error stream when it is a terminal and the work takes longer than a blink."""

    def __init__(self, files: list[Path]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._bar = Progress(
            TextColumn("judging"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("judging", total=len(files))

    def __enter__(self) -> "_Progress":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def advance(self, files: float) -> None:
        self._bar.advance(self._task, files)

    def tell(self, line: str) -> None:
        self._console.print(line, markup=False)


def _print_line(verdict: "Verdict") -> None:
    from ringfence.offline.report import json_line

    sys.stdout.write(json_line(verdict) + "\n")
    sys.stdout.flush()


def _print_table(verdicts: "list[Verdict]") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ringfence.model.assessment import RiskLevel
    from ringfence.offline.report import labels

    styles = {
        RiskLevel.LOW: "green",
        RiskLevel.MEDIUM: "yellow",
        RiskLevel.HIGH: "bold red",
        RiskLevel.CRITICAL: "bold white on red",
    }
    table = Table(box=None, pad_edge=False)
    for heading in ("call", "level", "score", "first warning", "signs"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "score" else "left")
    for verdict in verdicts:
        level = verdict.assessment.level
        first = verdict.first_danger
        table.add_row(
            Text(verdict.call.id),
            Text(level.word + (" (uncertain)" if verdict.assessment.uncertain else ""), style=styles[level]),
            str(verdict.assessment.score_percent),
            "" if first is None else f"turn {first + 1} of {len(verdict.moments)}",
            Text(", ".join(labels(verdict))),
        )
    Console().print(table)
