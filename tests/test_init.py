import subprocess
import sys

import pytest

import ringfence

pytestmark = pytest.mark.unit


def test_every_public_name_is_there() -> None:
    assert all(getattr(ringfence, name) is not None for name in ringfence.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="acme"):
        _ = ringfence.acme


def test_importing_a_corner_does_not_load_the_house() -> None:
    script = "import sys, ringfence.model.calls; print([name for name in ('fastapi', 'sqlalchemy') if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_the_program_says_its_version() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "ringfence", "--version"], capture_output=True, text=True, check=True
    )
    assert answer.stdout == f"ringfence {ringfence.__version__}\n"
