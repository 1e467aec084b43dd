"""What a server spends on calls: processor time a frame, calls a core, memory a call; beside its peers.

    python benchmarks/media_server.py [--calls 120] [--peer .venv-bench/bin/python] [--json FILE]

Every server runs by itself on one core, the load on another where there are two. A call sends 50 messages a second
over its own socket on the loopback interface; calls start at different moments. Servers take turns, several rounds;
the figures are medians and the ratios are what counts: on a busy machine everything is slower together.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import media_messages as messages

HERE = Path(__file__).parent
CORES = sorted(os.sched_getaffinity(0))
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
LATE = 0.03
"""A load that sends fewer messages than are due, or more, by this share says nothing of a server."""
LATE_S = 0.1
"""A server that is further behind than this has more calls than it can carry."""
SETTLED_WITHIN_S = 15.0
"""For all that a server does at the start of its calls."""
FEWEST = 120
TRIES = 3
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
    behind_s: float
    """So much of what was sent had not been handled at the end."""
    load_kept_up: float
    """Messages sent while the clock ran, of those that were due: whether the load itself was on time."""

    @property
    def load_is_on_time(self) -> bool:
        return abs(self.load_kept_up - 1) <= LATE

    @property
    def is_on_time(self) -> bool:
        return self.load_is_on_time and self.behind_s <= LATE_S and self.core_share <= CROWDED


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


class Load:
    """So many calls at their own pace, in a process of its own: see `media_load`."""

    def __init__(self, port: int, calls: int, frames: int) -> None:
        self._due = calls * frames
        self._process = subprocess.Popen(
            [sys.executable, HERE / "media_load.py", str(port), str(calls), str(frames)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if len(CORES) > 1:
            os.sched_setaffinity(self._process.pid, CORES[1:])
        if self._line() != "ready":
            sys.exit("the load could not start; run media_load.py by hand to see why")
        self._write("talk")

    def __enter__(self) -> "Load":
        return self

    def __exit__(self, *exception: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(20)

    def sent(self) -> int:
        self._write("?")
        return int(self._line())

    def finish(self) -> None:
        """Return when every call has said all it has to say."""
        while self.sent() < self._due:
            time.sleep(0.1)

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def measure(name: str, peer: Path, calls: int, seconds: float) -> Figures:
    a_second = calls * messages.FRAMES_PER_S
    with Server(name, peer) as server, Load(server.port, calls, 1_000_000) as load:
        settled_by_s = time.monotonic() + SETTLED_WITHIN_S
        time.sleep(2.0)  # whatever is built with the first frames is built now
        while server.handled() < load.sent() - a_second * LATE_S and time.monotonic() < settled_by_s:
            time.sleep(0.5)
        handled, cpu_s, sent, begun_s = server.handled(), server.cpu_s(), load.sent(), time.monotonic()
        time.sleep(seconds)
        handled_now, sent_now = server.handled(), load.sent()
        cpu_s, elapsed_s = server.cpu_s() - cpu_s, time.monotonic() - begun_s
    return Figures(
        cpu_us_per_frame=cpu_s / (handled_now - handled) * 1e6,
        core_share=cpu_s / elapsed_s,
        behind_s=max(0, sent_now - handled_now) / a_second,
        load_kept_up=(sent_now - sent) / elapsed_s / a_second,
    )


def memory_kib(name: str, peer: Path) -> float:
    """What one more call needs: the growth from 300 to 900 calls, each with a second of audio behind it."""
    with Server(name, peer) as server, ExitStack() as loads:
        resident = []
        for calls in (300, 600):
            loads.enter_context(Load(server.port, calls, messages.FRAMES_PER_S)).finish()
            time.sleep(0.5)
            resident.append(server.resident_kib())
    return (resident[1] - resident[0]) / 600


def climb(name: str, peer: Path, seconds: float, most: int) -> dict[str, object]:
    """How many calls one core really carried on time, and how many were too many; closing in from both sides.

    A step that fails may have met somebody else's work on this machine, so each has several tries.
    """
    carried, too_many, why = 0, most + 1, "more were not tried"
    best: Figures | None = None
    calls = FEWEST
    while too_many - carried > max(carried, FEWEST) / 8:
        tries = [measure(name, peer, calls, seconds)]
        while not tries[-1].is_on_time and len(tries) < TRIES:
            tries.append(measure(name, peer, calls, seconds))
        if (figures := tries[-1]).is_on_time:
            carried, best = calls, figures
            calls = round(calls * min(2.0, max(1.2, 0.85 / figures.core_share)))
        else:
            too_many = calls
            whom = "the server" if any(figures.load_is_on_time for figures in tries) else "the load itself"
            why = f"{calls} were too many for {whom}"
        if calls >= too_many:
            calls = (carried + too_many) // 2
    return {
        "calls": carried,
        "core_share": best.core_share if best else 0.0,
        "cpu_us_per_frame": best.cpu_us_per_frame if best else 0.0,
        "end": why,
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--calls", type=int, default=120)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--seconds", type=float, default=4.0)
    arguments.add_argument("--most-calls", type=int, default=4_000, help="0 leaves out the climb")
    arguments.add_argument("--peer", type=Path, default=Path(".venv-bench/bin/python"))
    arguments.add_argument("--json", type=Path)
    options = arguments.parse_args()
    if not options.peer.exists():
        sys.exit(f"{options.peer} is missing: `make bench` sets it up, or name another with --peer")
    if len(CORES) > 1:
        os.sched_setaffinity(0, CORES[1:])
    _, most_sockets = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_sockets, most_sockets))  # Every process inherits it.

    rounds: dict[str, list[Figures]] = {name: [] for name in SERVERS}
    for number in range(options.rounds):
        for name in SERVERS:
            rounds[name].append(measure(name, options.peer, options.calls, options.seconds))
        print(f"round {number + 1} of {options.rounds} done", file=sys.stderr)

    table = {
        name: {
            "cpu_us_per_frame": statistics.median(item.cpu_us_per_frame for item in items),
            "low": min(item.cpu_us_per_frame for item in items),
            "high": max(item.cpu_us_per_frame for item in items),
            "kib_per_call": memory_kib(name, options.peer),
            "behind_s": max(item.behind_s for item in items),
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
            climbs[name] = climb(name, options.peer, options.seconds, options.most_calls)
            line = "{calls:6} at {core_share:.0%} of the core, {cpu_us_per_frame:.1f} µs a frame; {end}"
            print(f"{name:32}" + line.format(**climbs[name]))
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(
            json.dumps({"servers": table, "ratios": ratios, "calls_a_core": climbs}, indent=2)
        )


if __name__ == "__main__":
    main()
