"""What a server spends on calls: processor time a frame, calls a core, memory a call; beside its peers.

    python benchmarks/media_server.py [--calls 120] [--peer .venv-bench/bin/python] [--json FILE]

Every server runs by itself on one core, the load on another where there are two. A call sends 50 messages a second
over its own socket on the loopback interface; calls start at different moments. Servers take turns, several rounds;
the figures are medians and the ratios are what counts: on a busy machine everything is slower together.
"""

import argparse
import asyncio
import base64
import hashlib
import hmac
import json
import os
import statistics
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import media_messages as messages
import uvloop

PATH = "/api/v1/twilio/media-stream"
TOKEN = "0" * 32
SIGNED_URL = f"ws://bench.example.org{PATH}"
HERE = Path(__file__).parent
FRAME_S = 1 / messages.FRAMES_PER_S
CORES = sorted(os.sched_getaffinity(0))
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
LATE = 0.03
"""Messages missing or overdue in the measured time, as a share, beyond which nobody was on time."""
CROWDED = 0.9
"""Above this share of its core a server has no room left for one more call."""

SERVERS = {
    "ringfence, own port (picows)": ("picows", None),
    "ringfence, ASGI route": ("asgi", None),
    "pipecat pipeline": ("server", "pipecat"),
    "FastAPI + json + audioop": ("plain", None),
    "bare picows sink (limit)": ("sink", None),
}
OURS, ROUTE, PIPECAT, PLAIN, LIMIT = SERVERS


@dataclass(frozen=True)
class Figures:
    """One server under one load."""

    cpu_us_per_frame: float
    core_share: float
    kept_up: float
    """Messages handled while the clock ran, of those that were due; less or more is a backlog."""
    load_kept_up: float
    """The same of the messages sent: whether the load itself was on time."""


class Server:
    """A server process with a core to itself."""

    def __init__(self, name: str, peer: Path) -> None:
        kind, package = SERVERS[name]
        python, script = (peer, "peer_pipecat.py") if package else (Path(sys.executable), "media_servers.py")
        self._process = subprocess.Popen(
            [python, HERE / script, kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._pid = self._process.pid
        os.sched_setaffinity(self._pid, CORES[:1])
        self.port = int(self._line())

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *exception: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def handled(self) -> int:
        assert self._process.stdin is not None
        self._process.stdin.write("?\n")
        self._process.stdin.flush()
        return int(self._line())

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S  # user and system time, proc(5)

    def resident_kib(self) -> int:
        return (
            int(Path(f"/proc/{self._pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
        )

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            sys.exit("a server ended early; run its script by hand to see why")
        return line


def frame(text: str) -> bytes:
    """A client's text frame (RFC 6455); its mask is zero, which leaves the text as it is."""
    payload = text.encode()
    assert 126 <= len(payload) < 65_536
    return b"\x81" + struct.pack("!BH", 0x80 | 126, len(payload)) + bytes(4) + payload


class Load:
    """So many calls at their own pace."""

    def __init__(self, port: int, calls: int, frames: Sequence[bytes]) -> None:
        self._port, self._calls, self._frames = port, calls, frames
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: list[asyncio.Task[None]] = []
        self.sent = 0

    async def connect(self) -> None:
        for first in range(0, self._calls, 50):
            await asyncio.gather(*(self._open(n) for n in range(first, min(self._calls, first + 50))))

    def talk(self) -> None:
        self._tasks = [asyncio.ensure_future(self._speak(n)) for n in range(self._calls)]

    async def finished(self) -> None:
        await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.sleep(0.2)

    async def _open(self, number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        digest = hmac.new(TOKEN.encode(), SIGNED_URL.encode(), hashlib.sha1).digest()
        writer.write(
            (
                f"GET {PATH} HTTP/1.1\r\nHost: bench.example.org\r\nUpgrade: websocket\r\n"
                f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
                f"X-Twilio-Signature: {base64.b64encode(digest).decode()}\r\n\r\n"
            ).encode()
        )
        answer = await reader.readuntil(b"\r\n\r\n")
        assert b" 101 " in answer, answer
        writer.write(frame(messages.start(f"CA{number:032x}")))
        self._writers.append(writer)

    async def _speak(self, number: int) -> None:
        loop = asyncio.get_running_loop()
        write = self._writers[number].write
        due_s = loop.time() + FRAME_S * number / self._calls
        for wire in self._frames:
            wait_s = due_s - loop.time()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            write(wire)
            self.sent += 1
            due_s += FRAME_S


async def measure(name: str, peer: Path, calls: int, seconds: float, frames: Sequence[bytes]) -> Figures:
    with Server(name, peer) as server:
        await asyncio.sleep(0.5)
        load = Load(server.port, calls, frames)
        await load.connect()
        load.talk()
        await asyncio.sleep(2.0)  # whatever is built with the first frames is built now
        clock = asyncio.get_running_loop().time
        handled, cpu_s, sent, begun_s = server.handled(), server.cpu_s(), load.sent, clock()
        await asyncio.sleep(seconds)
        handled, cpu_s, sent = server.handled() - handled, server.cpu_s() - cpu_s, load.sent - sent
        elapsed_s = clock() - begun_s
        await load.close()
    due = elapsed_s * calls * messages.FRAMES_PER_S
    return Figures(cpu_s / handled * 1e6, cpu_s / elapsed_s, handled / due, sent / due)


async def memory_kib(name: str, peer: Path, frames: Sequence[bytes]) -> float:
    """What one more call needs: the growth from 300 to 900 calls, each with a second of audio behind it."""
    with Server(name, peer) as server:
        resident = []
        loads = [Load(server.port, calls, frames[: messages.FRAMES_PER_S]) for calls in (300, 600)]
        for load in loads:
            await load.connect()
            load.talk()
            await load.finished()
            await asyncio.sleep(0.5)
            resident.append(server.resident_kib())
        for load in loads:
            await load.close()
    return (resident[1] - resident[0]) / 600


async def climb(
    name: str, peer: Path, seconds: float, frames: Sequence[bytes], most: int
) -> dict[str, object]:
    """How many calls one core really carried on time, upwards in steps until it was nearly full or fell behind."""
    carried: dict[str, object] = {"calls": 0, "core_share": 0.0, "cpu_us_per_frame": 0.0}
    calls = 240
    while calls <= most:
        figures = await measure(name, peer, calls, seconds, frames)
        if abs(figures.load_kept_up - 1) > LATE:
            return carried | {"end": "the load itself could do no more"}
        if figures.core_share > CROWDED or abs(figures.kept_up - 1) > LATE:
            return carried | {"end": f"{calls} were too many"}
        carried = {
            "calls": calls,
            "core_share": figures.core_share,
            "cpu_us_per_frame": figures.cpu_us_per_frame,
        }
        calls = round(calls * min(2.0, max(1.15, 0.85 / figures.core_share)))
    return carried | {"end": "no more were tried"}


async def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--calls", type=int, default=120)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--seconds", type=float, default=4.0)
    arguments.add_argument("--most-calls", type=int, default=1_500, help="0 leaves out the climb")
    arguments.add_argument("--peer", type=Path, default=Path(".venv-bench/bin/python"))
    arguments.add_argument("--json", type=Path)
    options = arguments.parse_args()
    if not options.peer.exists():
        sys.exit(f"{options.peer} is missing: `make bench` sets it up, or name another with --peer")
    if len(CORES) > 1:
        os.sched_setaffinity(0, CORES[1:])
    frames = [frame(messages.media(n, mulaw)) for n, mulaw in enumerate(messages.speech_like(2_000))]

    rounds: dict[str, list[Figures]] = {name: [] for name in SERVERS}
    for number in range(options.rounds):
        for name in SERVERS:
            rounds[name].append(await measure(name, options.peer, options.calls, options.seconds, frames))
        print(f"round {number + 1} of {options.rounds} done", file=sys.stderr)

    table = {
        name: {
            "cpu_us_per_frame": statistics.median(item.cpu_us_per_frame for item in items),
            "low": min(item.cpu_us_per_frame for item in items),
            "high": max(item.cpu_us_per_frame for item in items),
            "kib_per_call": await memory_kib(name, options.peer, frames),
            "kept_up": min(item.kept_up for item in items),
        }
        for name, items in rounds.items()
    }
    print(
        f"{options.calls} calls, 50 messages a second each; server alone on one core; {options.rounds} rounds"
    )
    print(f"{'':32}{'µs/frame':>10}{'low':>8}{'high':>8}{'KiB/call':>10}")
    for name, row in table.items():
        print(
            f"{name:32}{row['cpu_us_per_frame']:10.1f}{row['low']:8.1f}{row['high']:8.1f}{row['kib_per_call']:10.1f}"
        )
    ratios = {
        name: statistics.median(
            other.cpu_us_per_frame / ours.cpu_us_per_frame
            for ours, other in zip(rounds[OURS], rounds[name], strict=True)
        )
        for name in SERVERS
    }
    print()
    for name in (PIPECAT, PLAIN, ROUTE):
        print(f"{OURS} spends 1/{ratios[name]:.1f} of {name}")
    print(f"{OURS} spends {1 / ratios[LIMIT]:.1f} times the {LIMIT}")
    goal = "reached" if ratios[PIPECAT] >= 3 else "missed"
    print(f"goal: at most 1/3 of pipecat's processor time a frame ({goal})")
    goal = "reached" if table[OURS]["kib_per_call"] <= 30 else "missed"
    print(f"goal: at most 30 KiB a call without an engine ({goal})")

    climbs = {}
    if options.most_calls:
        print(f"\nCalls that one core carried below {CROWDED:.0%} of it (steps up to {options.most_calls})")
        for name in (OURS, PIPECAT, PLAIN):
            climbs[name] = await climb(name, options.peer, options.seconds, frames, options.most_calls)
            line = "{calls:6} at {core_share:.0%} of the core, {cpu_us_per_frame:.1f} µs a frame; {end}"
            print(f"{name:32}" + line.format(**climbs[name]))
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(
            json.dumps({"servers": table, "ratios": ratios, "calls_a_core": climbs}, indent=2)
        )


if __name__ == "__main__":
    uvloop.run(main())
