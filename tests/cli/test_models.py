"""`ringfence models`, as it is typed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit


def models(home: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    program = (
        "import sys, typer; from ringfence.cli import models; from ringfence.model.errors import ConfigurationError\n"
        "app = typer.Typer(pretty_exceptions_enable=False); app.callback()(lambda: None); models.register(app)\n"
        "try: app(['models', *sys.argv[1:]])\n"
        "except ConfigurationError as error: raise SystemExit(f'ringfence: {error}')"
    )
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        env={"PATH": os.environ["PATH"], "RINGFENCE_HOME": str(home), "COLUMNS": "200", **environment},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_list_tells_size_licence_and_what_is_here(tmp_path: Path) -> None:
    listed = models(tmp_path, "list")
    assert listed.returncode == 0
    row = next(line for line in listed.stdout.splitlines() if "sherpa-es" in line)
    assert "156 MB" in row
    assert "CC-BY-SA" in row
    assert " no " in row


def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    done = models(tmp_path, "get", "sherpa-xx")
    assert done.returncode != 0
    assert "there is no model named 'sherpa-xx'; known are: sherpa-en" in done.stderr


def test_offline_it_ends_in_clear_words_and_no_stack_trace(tmp_path: Path) -> None:
    done = models(tmp_path, "get", "sherpa-en", HTTPS_PROXY="http://127.0.0.1:9")
    assert done.returncode != 0
    assert "sherpa-en was not downloaded: huggingface.co cannot be reached from here" in done.stderr
    assert "Traceback" not in done.stderr
