"""What every test gets: an empty environment, no network but loopback, and real databases on request."""

import asyncio
import ipaddress
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from jsonschema import Draft202012Validator

from ringfence.db.address import FILE_NAME
from ringfence.db.migrate import upgrade
from ringfence.testing.databases import OpenDatabase, fresh_postgresql, fresh_sqlite
from ringfence.testing.postgresql import create_database, drop_database, running_postgresql

_OPENAI_DESCRIPTION = Path(__file__).parents[2] / "shared" / "reference" / "specs" / "openai.json"
"""The vendor's published description, where it lies beside the checkout; it is not ours to commit."""

_WIPED_PREFIXES = ("RINGFENCE_", "TWILIO_", "OPENAI_", "ANTHROPIC_", "OLLAMA_")
_WIPED_NAMES = ("BASE_URL", "PUBLIC_URL", "HOST", "PORT", "DAY_PERIOD", "WEEK_PERIOD", "MONTH_PERIOD")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy", "no_proxy")


class NetworkRefused(Exception):
    """A test tried to leave this machine."""


def _is_loopback(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode(errors="replace")
    if host is None or host in ("", "localhost", "0.0.0.0", "::"):
        return True
    try:
        return ipaddress.ip_address(str(host).partition("%")[0]).is_loopback
    except ValueError:
        return False


def _refuse_network(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        if isinstance(address, tuple) and not _is_loopback(address[0]):
            raise NetworkRefused(f"tests speak to loopback only, not to {address[0]}")
    elif event == "socket.getaddrinfo" and not _is_loopback(arguments[0]):
        raise NetworkRefused(f"tests look up no names, not even {arguments[0]!r}")


# An audit hook also sees what C code and libraries do through Python's sockets; it cannot be taken away again.
sys.addaudithook(_refuse_network)


def _settings_from_outside() -> list[str]:
    return [
        name
        for name in os.environ
        if name.startswith(_WIPED_PREFIXES) or name in _WIPED_NAMES or name.lower() in _PROXIES
    ]


for _name in _settings_from_outside():
    # At once, because fixtures that serve a whole session are made before any fixture of a test.
    del os.environ[_name]


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever an earlier test has left behind."""
    for name in _settings_from_outside():
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """URL of a real server that lives as long as the tests do. Missing PostgreSQL is a failure, not a skip."""
    with running_postgresql() as url:
        yield url


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """URL of an empty database, without a schema, of this test's own."""
    name = f"test_{uuid4().hex}"
    yield asyncio.run(create_database(postgresql_server, name))
    asyncio.run(drop_database(postgresql_server, name))


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: str) -> str:
    upgrade(asyncio.run(create_database(postgresql_server, "migrated")), Path())
    return "migrated"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("migrated")
    upgrade(None, home)
    return home / FILE_NAME


@pytest.fixture(params=["sqlite", "postgresql"])
def open_test_database(request: pytest.FixtureRequest) -> OpenDatabase:
    """Opens an empty, migrated database, the same test on SQLite and on PostgreSQL; see `OpenDatabase`."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        return lambda: fresh_sqlite(template)
    server: str = request.getfixturevalue("postgresql_server")
    name: str = request.getfixturevalue("postgresql_template")
    return lambda: fresh_postgresql(server, name)


@pytest.fixture(scope="session")
def judge_by_openai() -> Callable[[str, Any], None]:
    """Fails where a value is not what that component of the vendor's description says.

    A clone without the description is judged by the vendor's package alone, which those tests ask as well."""
    if not _OPENAI_DESCRIPTION.exists():
        return lambda component, value: None
    description = json.loads(_OPENAI_DESCRIPTION.read_text(encoding="utf-8"))

    def judge(component: str, value: Any) -> None:
        schema = {"$ref": f"#/components/schemas/{component}", "components": description["components"]}
        Draft202012Validator(schema).validate(value)

    return judge
