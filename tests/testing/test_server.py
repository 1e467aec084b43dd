from pathlib import Path

import httpx
import pytest

from ringfence.testing.server import running_server

pytestmark = pytest.mark.e2e


def test_a_server_starts_on_a_free_port_makes_keys_and_ends_in_order(tmp_path: Path) -> None:
    with running_server(tmp_path / "home") as server:
        health = httpx.get(f"{server.url}/api/v1/twilio/health", trust_env=False).json()
        key = server.new_key("viewer")
        listed = httpx.get(
            f"{server.url}/api/v1/calls", headers={"Authorization": f"Bearer {key}"}, trust_env=False
        )
        assert server.stop() == 0
    assert health == {"status": "ok", "twilio_configured": True, "active_calls": 0} | health
    assert listed.status_code == 200


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match="RINGFENCE_MAX_CALLS"),
        running_server(tmp_path, settings={"RINGFENCE_MAX_CALLS": "none"}),
    ):
        pass


def test_a_killed_server_is_gone(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        server.kill()
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{server.url}/healthz", trust_env=False)
