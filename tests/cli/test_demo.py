import signal
import subprocess
from pathlib import Path

import pytest

from ringfence.testing.server import running_server

pytestmark = pytest.mark.e2e


def test_without_calls_it_serves_until_ctrl_c(tmp_path: Path) -> None:
    with running_server(tmp_path, command=("demo", "--no-calls")) as server:
        assert server.stop(signal.SIGINT) == 0
    said = "\n".join(server.output)
    assert "/sign-in#token=" in said
    assert "Stopped." in said
    assert "Traceback" not in said


def test_a_port_in_use_ends_it_with_one_line(tmp_path: Path) -> None:
    with running_server(tmp_path) as server, pytest.raises(subprocess.CalledProcessError) as failure:
        server.command("demo", "--no-calls", "--port", server.url.rsplit(":", 1)[1])
    assert failure.value.returncode == 2
    assert failure.value.stderr.startswith("ringfence: PORT: cannot listen on 127.0.0.1:")
    assert failure.value.stderr.count("\n") == 1
