import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from ringfence.testing.server import running_server

pytestmark = pytest.mark.e2e


def refused(home: Path, *arguments: str, **environment: str) -> str:
    """What `ringfence serve` says, in its one line, before it gives up."""
    answer = subprocess.run(
        [sys.executable, "-m", "ringfence", "serve", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=home,
        env={"RINGFENCE_HOME": str(home), **environment},
    )
    assert answer.returncode == 2
    assert answer.stdout == ""
    (line,) = answer.stderr.splitlines()
    return line


def test_more_processes_than_this_version_runs_are_refused(tmp_path: Path) -> None:
    assert "--workers" in refused(tmp_path, "--workers", "2")


def test_a_wrong_setting_stops_the_start_in_one_line(tmp_path: Path) -> None:
    line = refused(tmp_path, RINGFENCE_SPEECH_ENGINE="acme")
    assert "acme" in line
    assert "pocketsphinx" in line


def test_a_database_that_cannot_be_reached_stops_the_start(tmp_path: Path) -> None:
    line = refused(tmp_path, RINGFENCE_DATABASE_URL="postgresql://ringfence:secret@127.0.0.1:1/ringfence")
    assert "RINGFENCE_DATABASE_URL" in line
    assert "secret" not in line


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(tmp_path: Path, sent: signal.Signals) -> None:
    with running_server(tmp_path) as server:
        assert httpx.get(f"{server.url}/healthz").status_code == 200
        assert server.stop(sent) == 0
