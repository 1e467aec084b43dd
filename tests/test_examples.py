"""The examples run, and do what they say."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from ringfence.audio.g711 import encode_mulaw
from ringfence.contracts import SpeechEngine
from ringfence.testing.engine_conformance import SpeechEngineConformance

pytestmark = pytest.mark.unit

EXAMPLES = Path(__file__).parent.parent / "examples"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


touchtones = load("touchtones")


def tone(*frequencies_hz: int, duration_ms: int = 100) -> bytes:
    """Tones of equal strength as mu-law."""
    seconds = np.arange(duration_ms * 8) / 8_000
    wave = np.sum([np.sin(2 * np.pi * hz * seconds) for hz in frequencies_hz], axis=0)
    return encode_mulaw((wave * 8_000).astype("<i2").tobytes())


class TestTouchtones(SpeechEngineConformance):
    words = ("5", "*")

    def make_engine(self) -> SpeechEngine:
        engine: SpeechEngine = touchtones.create(None)
        return engine

    def speech(self) -> bytes:
        return tone(770, 1336) + b"\xff" * 800 + tone(941, 1209)


@pytest.mark.parametrize(
    ("row", "column", "key"), [(697, 1209, "1"), (770, 1477, "6"), (941, 1336, "0"), (941, 1477, "#")]
)
def test_a_key_is_known_by_its_two_tones(row: int, column: int, key: str) -> None:
    assert touchtones.find_key(tone(row, column)[:320]) == key


@pytest.mark.parametrize(
    "mulaw", [b"\xff" * 320, tone(697)[:320], tone(440, 480)[:320]], ids=["silence", "half", "dial tone"]
)
def test_other_sounds_are_no_keys(mulaw: bytes) -> None:
    assert touchtones.find_key(mulaw) == ""


def test_a_call_is_judged_turn_by_turn() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / "judge_a_call.py"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    levels = [line.split()[0] for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert levels[0] == "low"
    assert levels[-1] in ("high", "critical")


def test_every_example_is_listed_and_tested() -> None:
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    own = Path(__file__).read_text(encoding="utf-8")
    for path in EXAMPLES.glob("*.py"):
        assert f"[{path.name}]({path.name})" in listed
        assert path.stem in own
