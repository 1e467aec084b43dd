"""A real PostgreSQL server for tests: made in an empty folder, stopped at the end, nothing left behind.

It listens on a free loopback port, and is as fast as a server can be that does not mind losing everything in
a power cut.
"""

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

_SYSTEM_FOLDERS = ("/usr/lib/postgresql", "/usr/pgsql", "/opt/homebrew/opt", "/usr/local/opt")
_ACCOUNTS = ("postgres", "nobody")
_QUICK = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "autovacuum": "off",
}


class PostgreSQLMissing(Exception):
    """There is no PostgreSQL on this machine; the message says what to install."""


@contextmanager
def running_postgresql() -> Iterator[str]:
    """A server of one's own; gives the URL of its database `postgres`. Trusts whoever connects.

    PostgreSQL refuses to run as root: then it runs as `postgres` or `nobody`. Raises PostgreSQLMissing."""
    binaries = _find_binaries()
    account = _account()
    with TemporaryDirectory(prefix="ringfence-postgresql-") as name:
        folder = Path(name)
        if account is not None:
            shutil.chown(folder, account)
        data = str(folder / "data")
        _call(
            [binaries / "initdb", "-D", data, "-U", "ringfence", "-A", "trust", "-E", "UTF8", "-N"],
            folder,
            account,
        )
        port = _free_port()
        options = {**_QUICK, "listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": ""}
        words = " ".join(f"-c {option}={value}" for option, value in options.items())
        control: list[str | Path] = [binaries / "pg_ctl", "-D", data, "-w", "-t", "60"]
        _call([*control, "-l", folder / "log", "-o", words, "start"], folder, account)
        try:
            yield f"postgresql://ringfence@127.0.0.1:{port}/postgres"
        finally:
            _call([*control, "-m", "immediate", "stop"], folder, account)


def _find_binaries() -> Path:
    for folder in _SYSTEM_FOLDERS:
        newest_first = sorted(Path(folder).glob("*/bin/initdb"), key=_version, reverse=True)
        if newest_first:
            return newest_first[0].parent
    found = shutil.which("initdb")
    if found is not None and shutil.which("pg_ctl", path=str(Path(found).resolve().parent)):
        return Path(found).resolve().parent
    raise PostgreSQLMissing(
        "these tests need a PostgreSQL server program and found none; "
        "install it: apt-get install postgresql (Debian, Ubuntu), or put initdb and pg_ctl on the PATH"
    )


def _version(initdb: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in initdb.parent.parent.name.split(".") if part.isdigit())


def _account() -> str | None:
    """As whom to run it: None is as ourselves."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in _ACCOUNTS:
        if name in known:
            return name
    raise PostgreSQLMissing(
        "PostgreSQL refuses to run as root and there is no account 'postgres' or 'nobody'"
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _call(arguments: Sequence[str | Path], folder: Path, account: str | None) -> None:
    identity: dict[str, Any] = {}
    if account is not None:
        identity = {"user": account, "group": pwd.getpwnam(account).pw_gid, "extra_groups": []}
    result = subprocess.run(
        arguments,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=120,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        **identity,
    )
    if result.returncode != 0:
        log = folder / "log"
        last_words = log.read_text(errors="replace")[-2000:] if log.exists() else ""
        raise RuntimeError(f"{Path(arguments[0]).name} failed: {result.stderr}{last_words}")


async def create_database(server_url: str, name: str, template: str = "template1") -> str:
    """A new database on that server, a copy of the template; its URL."""
    await _command(server_url, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


async def drop_database(server_url: str, name: str) -> None:
    """Whoever is still connected to it is thrown out."""
    await _command(server_url, f'DROP DATABASE "{name}" WITH (FORCE)')


async def _command(server_url: str, statement: str) -> None:
    url = make_url(server_url).set(drivername="postgresql+asyncpg")
    engine = create_async_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            await connection.exec_driver_sql(statement)
    finally:
        await engine.dispose()
