"""Speak the bundled calls: every script in `testing/samples` becomes telephone audio and turn times.

Run by `make samples`. Needs Debian's `flite` (English) and `espeak-ng` (Spanish); nothing of it is needed to
play the calls. The same scripts and the same synthesisers give the same bytes.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import wave
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ringfence.audio.g711 import encode_mulaw
from ringfence.testing.script import CallScript, read_script
from ringfence.testing.wav import TELEPHONE_HZ, resample, write_wav

SAMPLES = Path(__file__).parent.parent / "src" / "ringfence" / "testing" / "samples"
LEAD_MS, TAIL_MS = 800, 1_200
LOW_EDGE_HZ = 300  # lower edge of the telephone channel, ITU-T G.712
LINE_NOISE = 6.0  # about -75 dB below full scale: a line that is open, not dead
PEAK = 14_000.0

Samples = npt.NDArray[np.float64]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="only these scripts")
    chosen = parser.parse_args().names
    missing = [program for program in ("flite", "espeak-ng") if shutil.which(program) is None]
    if missing:
        sys.stderr.write(f"make samples needs {' and '.join(missing)}: apt-get install {' '.join(missing)}\n")
        return 2
    total = 0
    for path in sorted(SAMPLES.glob("*.toml")):
        if chosen and path.stem not in chosen:
            continue
        path.with_suffix(".wav").unlink(missing_ok=True)
        script = read_script(path)
        audio, spans = speak(script)
        write_wav(path.with_suffix(".wav"), audio)
        path.with_suffix(".timing.json").write_text(json.dumps(spans) + "\n", encoding="utf-8")
        total += len(audio)
        sys.stdout.write(f"{script.name:24} {len(audio) / 8_000:5.1f} s  {len(spans)} turns\n")
    sys.stdout.write(f"{total / 1_000_000:.2f} MB in all\n")
    return 0


def speak(script: CallScript) -> tuple[bytes, list[list[int]]]:
    """The call in one channel, and the start and end of every turn in milliseconds."""
    pieces: list[Samples] = [np.zeros(LEAD_MS * 8)]
    spans: list[list[int]] = []
    at_ms = LEAD_MS
    for number, turn in enumerate(script.turns):
        speech = telephone(synthesise(turn.text, script.voices[turn.party]))
        speech = speech[: len(speech) - len(speech) % 8]
        pause_ms = turn.pause_ms if number else 0
        pieces += [np.zeros(pause_ms * 8), speech]
        spans.append([at_ms + pause_ms, at_ms + pause_ms + len(speech) // 8])
        at_ms = spans[-1][1]
    pieces.append(np.zeros(TAIL_MS * 8))
    whole = np.concatenate(pieces)
    noise = np.random.default_rng(zlib.crc32(script.name.encode())).normal(0.0, LINE_NOISE, len(whole))
    return encode_mulaw(np.rint(whole + noise).astype("<i2").tobytes()), spans


def synthesise(text: str, voice: dict[str, Any]) -> tuple[Samples, int]:
    """Samples and their rate. `tune` above 1 makes a voice higher and quicker, as of a smaller person."""
    with tempfile.TemporaryDirectory() as folder:
        target = str(Path(folder) / "speech.wav")
        if voice["program"] == "flite":
            command = ["flite", "-voice", voice["voice"], "-o", target]
            command += ["--setf", f"duration_stretch={voice.get('stretch', 1.0)}"]
            command += ["-t", text]
        else:
            command = ["espeak-ng", "-v", voice["voice"], "-s", str(voice["speed_wpm"])]
            command += ["-p", str(voice["pitch"]), "-w", target, text]
        subprocess.run(command, check=True)
        with wave.open(target) as speech:
            samples = np.frombuffer(speech.readframes(speech.getnframes()), "<i2").astype(np.float64)
            return samples, round(speech.getframerate() * voice.get("tune", 1.0))


def telephone(speech: tuple[Samples, int]) -> Samples:
    """As it comes out of a telephone line: 300 to 3,400 Hz at 8 kHz, one loudness."""
    samples, rate_hz = speech
    loud = np.flatnonzero(np.abs(samples) > 100)
    samples = samples[max(0, loud[0] - rate_hz // 20) : loud[-1] + rate_hz // 10]
    narrow = _without_bass(resample(samples, rate_hz, TELEPHONE_HZ))
    scaled: Samples = narrow * (PEAK / np.abs(narrow).max())
    return scaled


def _without_bass(samples: Samples) -> Samples:
    taps = np.arange(-64, 65)
    edge = 2 * LOW_EDGE_HZ / TELEPHONE_HZ
    low_pass = edge * np.sinc(edge * taps) * np.hamming(len(taps))
    filtered: Samples = samples - np.convolve(samples, low_pass, "same")
    return filtered


if __name__ == "__main__":
    sys.exit(main())
