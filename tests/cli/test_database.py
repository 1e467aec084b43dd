"""`ringfence migrate`, as it is typed."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.db


def migrate(home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    program = (
        "import typer; from ringfence.cli import database; from ringfence.model.errors import ConfigurationError\n"
        "app = typer.Typer(pretty_exceptions_enable=False); app.callback()(lambda: None); database.register(app)\n"
        "try: app(['migrate'])\n"
        "except ConfigurationError as error: raise SystemExit(f'ringfence: {error}')"
    )
    return subprocess.run(
        [sys.executable, "-c", program],
        env={"RINGFENCE_HOME": str(home), **environment},
        cwd=home.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_it_says_what_it_did_and_then_that_there_is_nothing_to_do(tmp_path: Path) -> None:
    first, second = migrate(tmp_path / "home"), migrate(tmp_path / "home")
    assert (first.returncode, second.returncode) == (0, 0)
    assert "applied 0001_foundation" in first.stdout
    assert "nothing to do" in second.stdout
    assert str(tmp_path / "home") in first.stdout


def test_it_migrates_a_server_without_showing_the_password(tmp_path: Path, postgresql_url: str) -> None:
    url = postgresql_url.replace("ringfence@", "ringfence:hunter2@")
    done = migrate(tmp_path / "home", RINGFENCE_DATABASE_URL=url)
    assert done.returncode == 0, done.stderr
    assert "applied 0001_foundation" in done.stdout
    assert "hunter2" not in done.stdout + done.stderr


def test_a_wrong_address_ends_in_one_line(tmp_path: Path) -> None:
    done = migrate(tmp_path / "home", RINGFENCE_DATABASE_URL="mysql://me:hunter2@db/calls")
    assert done.returncode != 0
    assert done.stderr.count("\n") == 1
    assert "RINGFENCE_DATABASE_URL" in done.stderr
    assert "hunter2" not in done.stderr
