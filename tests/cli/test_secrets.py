"""`ringfence secrets rotate`, on a store with something in it."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from ringfence.cli import secrets as command
from ringfence.db.engine import open_database
from ringfence.model.calls import Call, CallId, CallSid
from ringfence.model.errors import ConfigurationError
from ringfence.privacy.secrets import FILE_NAME, load_secrets, open_cipher
from ringfence.telephony.store import CallStore

pytestmark = pytest.mark.db

CALL = Call(
    CallId("call-1"), CallSid("CA1"), "+15550100", "+15550101", "en", datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with one call in its database."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RINGFENCE_HOME", str(tmp_path / "home"))
    home = tmp_path / "home"

    async def keep_a_call() -> None:
        async with open_database(None, home) as database:
            await CallStore(database, open_cipher(home)).open_call(CALL)

    asyncio.run(keep_a_call())
    return home


def run(*arguments: str) -> str:
    app = typer.Typer()
    app.callback()(lambda: None)
    command.register(app)
    result = CliRunner().invoke(app, ["secrets", "rotate", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def kept(home: Path) -> Call:
    async def read() -> Call:
        async with open_database(None, home, migrate=False) as database:
            record = await CallStore(database, open_cipher(home)).record(CALL.sid)
            assert record is not None
            return record.call

    return asyncio.run(read())


def test_a_rotation_seals_everything_with_a_new_key_and_then_forgets_the_old(home: Path) -> None:
    assert "new key: 2" in (said := run())
    assert "sealed again: 2" in said
    assert set(load_secrets(home).cipher_keys.by_id) == {1, 2}
    assert kept(home) == CALL

    assert "keys forgotten: 1" in (said := run("--drop-old"))
    assert "sealed again: 0" in said
    assert set(load_secrets(home).cipher_keys.by_id) == {2}
    assert kept(home) == CALL


def test_with_one_key_there_is_nothing_to_forget(home: Path) -> None:
    assert "there was only one" in run("--drop-old")
    assert kept(home) == CALL


def test_secrets_of_another_installation_drop_nothing(home: Path) -> None:
    (home / FILE_NAME).unlink()
    run_before = load_secrets(home)
    with pytest.raises(ConfigurationError, match="do not belong"):
        run()
    with pytest.raises(ConfigurationError, match="do not belong"):
        run("--drop-old")
    assert set(load_secrets(home).cipher_keys.by_id) >= set(run_before.cipher_keys.by_id)
