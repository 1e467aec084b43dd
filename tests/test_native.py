"""The modules in C, built once more so that the compiler objects to everything and every access is watched."""

import os
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import ringfence

pytestmark = pytest.mark.unit

SOURCES = sorted(Path(ringfence.__file__).parent.rglob("*.c"))
COMPILER = shlex.split(os.environ.get("CC") or "cc")
FLAGS = ["-std=c11", "-O2", "-fPIC", "-shared", "-isystem", sysconfig.get_path("include")]
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wno-sign-conversion", "-Wshadow", "-Wvla", "-Werror"]
WATCHED = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]

NONSENSE = """
import importlib.util, itertools, random, sys
from pathlib import Path

def load(name):
    spec = importlib.util.spec_from_file_location(name, Path(sys.argv[1], f"{name}.so"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

read, interpolate = load("_frames").read, load("_filters").interpolate
chance = random.Random(1)
frame = (
    b'{"event":"media","sequenceNumber":"4","media":{"track":"inbound","chunk":"2","timestamp":"5",'
    b'"payload":"' + b"QUJD" * 54 + b'"},"streamSid":"MZ"}'
)
assert read(frame) == (0, 5, b"ABC" * 54)
for length in range(len(frame)):
    assert read(frame[:length]) is None
    read(frame[length:])
for _ in range(10_000):
    text = bytearray(frame)
    for _ in range(chance.randrange(1, 5)):
        start = chance.randrange(len(text))
        text[start : start + chance.choice((0, 1, 9))] = chance.choice(
            (b'"', b"=", b"{", b"}", b",", b"\\\\", b"\\0", b"\\xff", b" ", b"", b"9" * 40, chance.randbytes(3))
        )
    read(bytes(text))
    read(text.decode("utf-8", "surrogateescape"))
for strange in (None, 7, bytearray(frame), [], "\\ud800", b"", "", b"A" * 10_000_000):
    assert read(strange) is None

lengths = (*range(-48, 60), 1_600, 100_001)
for phases, length in itertools.product(range(5), lengths):
    coefficients, pcm = chance.randbytes(48 * phases), chance.randbytes(46 + length) if length >= -46 else b""
    tame = bytes(byte if n % 2 == 0 else -(byte & 1) & 255 for n, byte in enumerate(coefficients))
    for taps in (coefficients, tame, tame[:-1], b""):
        try:
            made = interpolate(taps, pcm)
        except ValueError:
            assert taps is not tame or phases not in (1, 2) or length < 0 or length % 2
        else:
            assert len(made) == length * (phases + 1)
for strange in (("", b""), (b"",), (None, None), (memoryview(bytes(48)), bytes(46))):
    try:
        interpolate(*strange)
    except TypeError:
        continue
    raise AssertionError(strange)
"""


def build(folder: Path, *flags: str) -> None:
    for source in SOURCES:
        command = [*COMPILER, *FLAGS, *flags, "-o", str(folder / f"{source.stem}.so"), str(source)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("portable", [[], ["-U__SSE2__"]], ids=["this machine's", "any machine's"])
def test_nonsense_finds_no_fault(portable: list[str], tmp_path: Path) -> None:
    build(tmp_path, *WARNINGS, *WATCHED, *portable)
    runtime = subprocess.run(
        [*COMPILER, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    )
    environment = {
        **os.environ,
        "LD_PRELOAD": runtime.stdout.strip(),
        "ASAN_OPTIONS": "detect_leaks=0",  # Python itself keeps things until its end.
        "PYTHONMALLOC": "malloc",  # So that each object has an end that can be watched.
    }
    child = subprocess.run(
        [sys.executable, "-c", NONSENSE, tmp_path],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert child.returncode == 0, child.stderr


def test_there_is_something_to_build() -> None:
    assert {source.name for source in SOURCES} == {"_filters.c", "_frames.c"}
