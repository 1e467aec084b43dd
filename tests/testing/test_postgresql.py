"""The PostgreSQL that tests run on is a real one, and goes away."""

import asyncio
import shutil
import socket
from pathlib import Path

import pytest
from sqlalchemy import make_url

from ringfence.testing import postgresql
from ringfence.testing.postgresql import PostgreSQLMissing, create_database, drop_database, running_postgresql

pytestmark = pytest.mark.db


def is_listening(url: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", make_url(url).port)) == 0


def test_it_runs_while_it_is_needed_and_no_longer() -> None:
    with running_postgresql() as url:
        assert is_listening(url)
    assert not is_listening(url)


def test_two_run_side_by_side(postgresql_server: str) -> None:
    with running_postgresql() as url:
        assert url != postgresql_server
        assert is_listening(postgresql_server)


def test_databases_come_and_go(postgresql_server: str) -> None:
    async def scenario() -> None:
        url = await create_database(postgresql_server, "comes_and_goes")
        assert make_url(url).database == "comes_and_goes"
        await drop_database(postgresql_server, "comes_and_goes")
        await create_database(postgresql_server, "comes_and_goes")
        await drop_database(postgresql_server, "comes_and_goes")

    asyncio.run(scenario())


def test_a_machine_without_it_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "_SYSTEM_FOLDERS", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("initdb") is None
    with pytest.raises(PostgreSQLMissing, match="apt-get install postgresql"), running_postgresql():
        pass
