"""Audio and tiny models for the tests of speech."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
DATA = ROOT / "tests" / "data"


@pytest.fixture(scope="session")
def six_numbers() -> bytes:
    """Mu-law of 4.4 s: "can you read me the six numbers in the text message"."""
    return (DATA / "audio" / "six-numbers.ulaw").read_bytes()


@pytest.fixture(scope="session")
def urgent() -> bytes:
    """Mu-law of 4.7 s: "this is very urgent and it must be done before noon today"."""
    return (DATA / "audio" / "urgent.ulaw").read_bytes()


@pytest.fixture(scope="session")
def tone_models() -> Path:
    """Folder of two streaming models that hear 500, 1200 and 2600 Hz as "hello", "big" and "world"."""
    return DATA / "models"


@pytest.fixture(scope="session")
def tiny_whisper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Whisper model that says "this is your bank" whatever it hears."""
    spec = importlib.util.spec_from_file_location(
        "make_tiny_whisper", ROOT / "scripts" / "make_tiny_whisper.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    make: Callable[[Path], Path] = module.make
    return make(tmp_path_factory.mktemp("whisper"))
