"""How long after the last sound of an utterance its words and its judgement are on a monitor's screen.

    python benchmarks/latency.py [--engine pocketsphinx] [--calls 2] [--json FILE]

Bundled calls at a telephone's pace, through every door: signed webhook, media socket, engine, judgement, store,
monitor socket. What the engine takes by itself (waiting for the pause that ends a turn, and working) is measured
at its own door and told apart from what is ours: the way in, up to the engine, and the way out, from the engine's
word to the monitor. Server, carrier and monitor share one event loop here, so ours is if anything too high.
"""

import argparse
import asyncio
import json
import math
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import SecretStr
from websockets.asyncio.client import connect

from ringfence.access.roles import Role
from ringfence.audio.g711 import decode_mulaw
from ringfence.contracts import Listening, SpeechEngine, SpeechStream
from ringfence.model.calls import Party
from ringfence.model.speech import Segment, SpeechEvent
from ringfence.server import serve
from ringfence.settings import Settings, load_settings
from ringfence.testing.line import FRAME_MS
from ringfence.testing.network import SimulatedCall, SimulatedCarrier
from ringfence.testing.script import CallScript, Turn, load_script
from ringfence.web.services import Services

NAMES = ("bank-impersonation", "tech-support", "pharmacy", "bank-fraud-desk")
TOKEN = "0123456789abcdef0123456789abcdef"
GOAL_MS = 300.0
SAME_TURN_MS = 900
"""An engine's idea of a turn's end may differ from the script's by so much."""
BYTES_PER_MS = 8
SOUND = 300  # of 32,768; the line's noise is a tenth of it


@dataclass
class Clocked:
    """What happened at the engine's door, by call and party; seconds on the loop's clock."""

    pushed: dict[tuple[str, Party], list[tuple[int, float]]] = field(default_factory=dict)
    """Audio handed over so far, in milliseconds, and when."""
    spoken: dict[tuple[str, Party], list[tuple[str, float]]] = field(default_factory=dict)
    """Final words of the engine, and when."""


class ClockedEngine:
    """Stands before the engine and writes down when audio goes in and words come out."""

    def __init__(self, engine: SpeechEngine, clocked: Clocked) -> None:
        self.name = engine.name
        self._engine = engine
        self._clocked = clocked

    def understands(self, language: str) -> bool:
        return self._engine.understands(language)

    async def open(self, listening: Listening) -> SpeechStream:
        key = (str(listening.call_sid), listening.party)
        return ClockedStream(await self._engine.open(listening), self._clocked, key)

    async def aclose(self) -> None:
        await self._engine.aclose()


class ClockedStream:
    def __init__(self, stream: SpeechStream, clocked: Clocked, key: tuple[str, Party]) -> None:
        self._stream = stream
        self._pushed = clocked.pushed.setdefault(key, [])
        self._spoken = clocked.spoken.setdefault(key, [])
        self._bytes = 0

    def push(self, mulaw: bytes) -> None:
        self._bytes += len(mulaw)
        self._pushed.append((self._bytes // BYTES_PER_MS, now_s()))
        self._stream.push(mulaw)

    async def finish(self) -> None:
        await self._stream.finish()

    async def events(self) -> AsyncIterator[SpeechEvent]:
        async for event in self._stream.events():
            if isinstance(event, Segment) and event.is_final:
                self._spoken.append((event.text, now_s()))
            yield event

    async def aclose(self) -> None:
        await self._stream.aclose()


@dataclass(frozen=True)
class Measured:
    """One utterance; milliseconds."""

    way_in: float
    engine: float
    way_out: float
    to_words: float
    """From the last sound to the words on the monitor."""
    to_level: float
    """Likewise to the judgement made of them."""

    @property
    def ours(self) -> float:
        return self.way_in + self.way_out


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", default="pocketsphinx")
    parser.add_argument("--calls", type=int, default=2, help="calls at the same time")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        measured = asyncio.run(measure(Path(home), options.engine, options.calls))
    if not measured:
        sys.stderr.write("nothing was understood\n")
        return 1
    figures = {
        "words on the monitor": [each.to_words for each in measured],
        "level on the monitor": [each.to_level for each in measured],
        "  the engine's own": [each.engine for each in measured],
        "  ours": [each.ours for each in measured],
        "    way in": [each.way_in for each in measured],
        "    way out": [each.way_out for each in measured],
    }
    print(
        f"{len(measured)} utterances, {options.calls} calls at a time, {options.engine}; ms after the last sound"
    )
    print(f"{'':24}{'median':>9}{'p95':>9}{'worst':>9}")
    for name, values in figures.items():
        print(f"{name:24}{statistics.median(values):9.0f}{percentile(values, 95):9.0f}{max(values):9.0f}")
    ours = percentile(figures["  ours"], 95)
    print(f"ours at p95: {ours:.0f} ms, goal {GOAL_MS:.0f} ms: {'met' if ours <= GOAL_MS else 'MISSED'}")
    if options.json:
        summary = {
            name.strip(): {"median_ms": statistics.median(values), "p95_ms": percentile(values, 95)}
            for name, values in figures.items()
        }
        content = {"engine": options.engine, "calls": options.calls, "utterances": len(measured), **summary}
        options.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return 0


async def measure(home: Path, engine: str, calls: int) -> list[Measured]:
    clocked = Clocked()
    ready: asyncio.Future[tuple[Services, Settings]] = asyncio.get_running_loop().create_future()
    settings = load_settings(home=home, port=0, analyst="none", speech_engine=engine, review_engine="none")
    settings = settings.model_copy(update={"twilio_auth_token": SecretStr(TOKEN), "base_url": None})
    serving = asyncio.create_task(
        serve(
            settings,
            listen_through=lambda real: ClockedEngine(real, clocked),
            ready=lambda services, known: ready.set_result((services, known)),
        )
    )
    await asyncio.wait((serving, ready), return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        await serving
    services, settings = ready.result()
    key = await services.access.create_key("latency", Role.VIEWER)
    free = asyncio.Semaphore(calls)

    async def one(name: str, after_s: float) -> list[Measured]:
        await asyncio.sleep(after_s)
        async with free:
            return await listen(settings.public_url, key, load_script(name), clocked)

    try:
        measured = await asyncio.gather(*(one(name, 2.5 * place) for place, name in enumerate(NAMES)))
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
    return [each for call in measured for each in call]


async def listen(url: str, key: str, script: CallScript, clocked: Clocked) -> list[Measured]:
    """Play one call and time every utterance whose turn can be told."""
    words: dict[int, tuple[dict[str, Any], float]] = {}
    levels: dict[int, float] = {}
    async with SimulatedCarrier(url, TOKEN) as carrier:
        placed = await carrier.place(SimulatedCall.from_script(script))
        address = f"{url.replace('http', 'ws', 1)}/api/v1/twilio/monitor/{placed.sid}"
        async with connect(
            address, additional_headers={"Authorization": f"Bearer {key}"}, proxy=None
        ) as socket:
            async for text in socket:
                arrived_s, message = now_s(), json.loads(text)
                if message["type"] == "transcript.update":
                    words[message["index"]] = (message, arrived_s)
                elif message["type"] == "analysis.complete":
                    levels.setdefault(message["index"], arrived_s)
        await placed.finished()
        line = placed.lines[0]
    measured = []
    for index, (message, shown_s) in words.items():
        party = Party.REMOTE if message["role"] == "user" else Party.SUBSCRIBER
        heard_to_ms = message["end_ms"] - line.talk_at_ms
        turns = [turn for turn in script.turns if turn.party is party]
        turn = next((turn for turn in turns if abs(turn.end_ms - heard_to_ms) < SAME_TURN_MS), None)
        said_s = next((at for text, at in clocked.spoken[placed.sid, party] if text == message["text"]), None)
        if turn is None or said_s is None or index not in levels:
            continue
        last_ms = last_sound_ms(script, turn)
        sent_s = line.talk_began_s + last_ms // FRAME_MS * FRAME_MS / 1_000
        pushed = clocked.pushed[placed.sid, party]
        taken_s = next(at for heard_ms, at in pushed if heard_ms >= line.talk_at_ms + last_ms)
        measured.append(
            Measured(
                way_in=(taken_s - sent_s) * 1_000,
                engine=(said_s - taken_s) * 1_000,
                way_out=(shown_s - said_s) * 1_000,
                to_words=(shown_s - sent_s) * 1_000,
                to_level=(levels[index] - sent_s) * 1_000,
            )
        )
    return measured


def last_sound_ms(script: CallScript, turn: Turn) -> int:
    """Where the turn's speech really ends: its audio has a little silence behind it."""
    piece = script.mulaw[turn.start_ms * BYTES_PER_MS : turn.end_ms * BYTES_PER_MS]
    loud = np.flatnonzero(np.abs(np.frombuffer(decode_mulaw(piece), "<i2")) > SOUND)
    return turn.start_ms + int(loud[-1]) // BYTES_PER_MS


def percentile(values: list[float], share: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(len(ordered) * share / 100) - 1)]


def now_s() -> float:
    return asyncio.get_running_loop().time()


if __name__ == "__main__":
    sys.exit(main())
