"""What one 20 ms media message costs, from the socket's text to the samples an engine takes; beside its peers.

    python benchmarks/media_frames.py [--peer .venv-bench/bin/python] [--json FILE]

All run in turns within each round, on processor time, in one go; the figures are medians over the rounds, and the
ratios are what counts. pipecat lives in an interpreter of its own (`make bench` sets it up).
"""

import argparse
import base64
import json
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import media_messages as messages

from ringfence.audio import resample
from ringfence.audio.resample import MulawToPcm
from ringfence.model.media import AudioReceived
from ringfence.telephony.carriers.twilio import TwilioMediaDecoder, frames, media

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop

FRAMES = 4_000
BATCH = 5  # frames: what `speech.leg_stream` hands over at once
RATES_HZ = (16_000, 24_000)
GOALS = {
    "ringfence 16k": ("pipecat 16k", 8),
    "ringfence 24k": ("pipecat 24k", 8),
    "ringfence mu-law": ("pipecat 24k", 20),
}

Measure = Callable[[], float]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--peer", type=Path, default=Path(".venv-bench/bin/python"))
    arguments.add_argument("--rounds", type=int, default=15)
    arguments.add_argument("--json", type=Path)
    options = arguments.parse_args()

    texts = [messages.media(n, mulaw) for n, mulaw in enumerate(messages.speech_like(FRAMES))]
    wires = [text.encode() for text in texts]
    cases: dict[str, Measure] = {"ringfence mu-law": lambda: ours(wires)}
    for rate_hz in RATES_HZ:
        name = f"{rate_hz // 1000}k"
        cases[f"ringfence {name}"] = lambda rate_hz=rate_hz: ours_resampled(wires, rate_hz, BATCH)
        cases[f"ringfence {name}, 20 ms at a time"] = lambda rate_hz=rate_hz: ours_resampled(
            wires, rate_hz, 1
        )
        cases[f"json + audioop + ratecv {name}"] = lambda rate_hz=rate_hz: plain(texts, rate_hz)
    cases["ringfence mu-law, without C"] = lambda: without_c(lambda: ours(wires))
    for rate_hz in RATES_HZ:
        cases[f"ringfence {rate_hz // 1000}k, without C"] = lambda rate_hz=rate_hz: without_c(
            lambda: ours_resampled(wires, rate_hz, BATCH)
        )
    peer = Peer(options.peer)
    for rate_hz in RATES_HZ:
        cases[f"pipecat {rate_hz // 1000}k"] = lambda rate_hz=rate_hz: peer.measure(rate_hz)

    rounds: dict[str, list[float]] = {name: [] for name in cases}
    for number in range(options.rounds + 1):
        for name, measure in cases.items():
            elapsed_us = measure()
            if number:  # the first round warms up
                rounds[name].append(elapsed_us)
    peer.close()
    report(rounds, peer.version, options.json)


def per_frame_us(work: Callable[[], object]) -> float:
    begun_s = time.process_time()
    work()
    return (time.process_time() - begun_s) / FRAMES * 1e6


def started() -> TwilioMediaDecoder:
    decoder = TwilioMediaDecoder()
    decoder.decode(messages.start())
    return decoder


def ours(wires: list[bytes]) -> float:
    decode = started().decode

    def work() -> None:
        for wire in wires:
            decode(wire)

    return per_frame_us(work)


def ours_resampled(wires: list[bytes], rate_hz: int, batch: int) -> float:
    decode, feed = started().decode, MulawToPcm(rate_hz).feed

    def work() -> None:
        waiting: list[bytes] = []
        for wire in wires:
            event = decode(wire)
            if type(event) is AudioReceived:
                waiting.append(event.mulaw)
                if len(waiting) == batch:
                    feed(b"".join(waiting))
                    waiting.clear()

    return per_frame_us(work)


def without_c(measure: Measure) -> float:
    """The same where no compiler was found at the installation."""
    read, filters = media.read_plain_frame, resample.quickest
    media.read_plain_frame, resample.quickest = frames.read_any_frame, resample.by_matrix
    try:
        return measure()
    finally:
        media.read_plain_frame, resample.quickest = read, filters


def plain(texts: list[str], rate_hz: int) -> float:
    """The handler that everybody writes first."""

    def work() -> None:
        state = None
        for text in texts:
            message = json.loads(text)
            if message["event"] == "media":
                pcm = audioop.ulaw2lin(base64.b64decode(message["media"]["payload"]), 2)
                _, state = audioop.ratecv(pcm, 2, 1, 8_000, rate_hz, state)

    return per_frame_us(work)


class Peer:
    """pipecat's serializer and resampler in its own interpreter, asked for one round at a time."""

    def __init__(self, python: Path) -> None:
        if not python.exists():
            sys.exit(f"{python} is missing: `make bench` sets it up, or name another with --peer")
        script = Path(__file__).with_name("peer_pipecat.py")
        self._process = subprocess.Popen(
            [python, script, "frames", str(FRAMES)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.version = self._read()

    def measure(self, rate_hz: int) -> float:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{rate_hz}\n")
        self._process.stdin.flush()
        return float(self._read())

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line:
            sys.exit("the peer ended early; run benchmarks/peer_pipecat.py by hand to see why")
        return line


def report(rounds: dict[str, list[float]], peer_version: str, path: Path | None) -> None:
    medians = {name: statistics.median(values) for name, values in rounds.items()}
    print(
        f"One 20 ms media message, µs of processor time, median of {len(rounds['ringfence mu-law'])} rounds"
    )
    print(f"{'':38}{'µs':>8}{'low':>8}{'high':>8}")
    for name, values in rounds.items():
        print(f"{name:38}{medians[name]:8.2f}{min(values):8.2f}{max(values):8.2f}")
    print()
    ratios = {}
    if not (resample.IS_NATIVE and frames.IS_NATIVE):
        print("The modules in C were not built here, and the goals were set with them.\n")
    for name, (other, goal) in GOALS.items():
        # Round by round, so that what disturbed both sides of a pair drops out.
        ratio = statistics.median(b / a for a, b in zip(rounds[name], rounds[other], strict=True))
        ratios[name] = ratio
        verdict = "reached" if ratio >= goal else "missed"
        print(f"{name}: 1/{ratio:.1f} of {other} {peer_version} (goal 1/{goal}: {verdict})")
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            json.dumps({"pipecat": peer_version, "us_per_frame": medians, "ratios": ratios}, indent=2)
        )


if __name__ == "__main__":
    main()
