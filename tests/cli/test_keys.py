"""Keys and sign-in links at the command line, with a database of its own."""

import asyncio
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from ringfence.access.service import AccessService, Principal, Role
from ringfence.cli import keys
from ringfence.clock import SystemClock
from ringfence.db.engine import open_database
from ringfence.model.errors import ConfigurationError
from ringfence.privacy.audit import AuditEntry, AuditLog

pytestmark = pytest.mark.db


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RINGFENCE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def run(*arguments: str) -> str:
    """What the command wrote on standard output."""
    app = typer.Typer()
    keys.register(app)
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def holder(home: Path, key: str) -> Principal | None:
    async def ask() -> Principal | None:
        async with open_database(None, home) as database:
            return await AccessService(database, SystemClock()).check_key(key)

    return asyncio.run(ask())


def audited(home: Path) -> tuple[AuditEntry, ...]:
    async def read() -> tuple[AuditEntry, ...]:
        async with open_database(None, home) as database:
            return await AuditLog(database).entries()

    return asyncio.run(read())


@pytest.mark.parametrize("role", Role)
def test_create_prints_the_key_and_nothing_else(home: Path, role: Role) -> None:
    printed = run("keys", "create", "--name", "reports", "--role", role.value)
    assert printed.count("\n") == 1
    assert holder(home, printed.removesuffix("\n")) == Principal("reports", role)


def test_a_role_that_there_is_not_is_refused(home: Path) -> None:
    app = typer.Typer()
    keys.register(app)
    result = CliRunner().invoke(app, ["keys", "create", "--name", "x", "--role", "king"])
    assert result.exit_code == 2
    assert not home.exists()


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 101], ids=["empty", "blank", "two lines", "long"])
def test_a_name_that_cannot_be_shown_is_refused(home: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="--name"):
        run("keys", "create", "--name", name, "--role", "viewer")


def test_list_shows_keys_without_their_secrets(home: Path) -> None:
    key = run("keys", "create", "--name", "reports", "--role", "viewer").strip()
    shown = run("keys", "list")
    assert key.split("_")[1] in shown
    assert "reports" in shown
    assert key.split("_")[2] not in shown


def test_a_revoked_key_lets_nobody_in(home: Path) -> None:
    key = run("keys", "create", "--name", "reports", "--role", "viewer").strip()
    key_id = key.split("_")[1]
    assert key_id in run("keys", "revoke", key_id)
    assert holder(home, key) is None
    with pytest.raises(ConfigurationError, match=key_id):
        run("keys", "revoke", key_id)


def test_link_prints_an_address_that_signs_in_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BASE_URL", "https://calls.example.org/ringfence")
    printed = run("link", "--role", "operator", "--name", "Ana")
    address, _, token = printed.strip().partition("#token=")
    assert address == "https://calls.example.org/ringfence/sign-in"

    async def redeem() -> Principal | None:
        async with open_database(None, home) as database:
            access = AccessService(database, SystemClock())
            session = await access.redeem_link(token)
            assert session is not None
            assert await access.redeem_link(token) is None
            return await access.check_session(session)

    assert asyncio.run(redeem()) == Principal("Ana", Role.OPERATOR, by_session=True)


def test_what_was_done_is_in_the_audit_log(home: Path) -> None:
    key = run("keys", "create", "--name", "reports", "--role", "viewer").strip()
    run("keys", "revoke", key.split("_")[1])
    run("link")
    assert [(entry.who, entry.action) for entry in audited(home)] == [
        ("command line", "key.created"),
        ("command line", "key.revoked"),
        ("command line", "link.issued"),
    ]
