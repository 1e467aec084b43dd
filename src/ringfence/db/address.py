"""Where the database is: the setting, understood, without its password in any message."""

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from ringfence.model.errors import ConfigurationError

SETTING = "RINGFENCE_DATABASE_URL"
FILE_NAME = "ringfence.sqlite3"

_POSTGRESQL_SCHEMES = frozenset({"postgresql", "postgres", "postgresql+asyncpg"})
_LIBPQ_ONLY = frozenset({"channel_binding", "gssencmode", "connect_timeout"})
"""Parameters that hosting providers put into their addresses and that only libpq reads."""


@dataclass(frozen=True, slots=True)
class Address:
    """One database."""

    dialect: str
    """`sqlite` or `postgresql`."""
    url: URL = field(repr=False)
    """With the asynchronous driver's name; it may hold a password."""
    place: str
    """For people: a file's path, or host, port and name of a database."""


def locate(url: str | None, home: Path) -> Address:
    """The database that the settings name; a file in `home` when they name none.

    Makes the folder. Raises ConfigurationError."""
    return _file_in(home) if url is None or not url.strip() else _server(url.strip())


def _file_in(home: Path) -> Address:
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = (home / FILE_NAME).resolve()
        path.touch(mode=0o600)
    except OSError as error:
        raise ConfigurationError(
            f"RINGFENCE_HOME: cannot keep the database in '{home}' ({error.strerror}); "
            "name a folder that this user may write to"
        ) from None
    return Address("sqlite", URL.create("sqlite+aiosqlite", database=str(path)), str(path))


def _server(text: str) -> Address:
    try:
        url = make_url(text)
        scheme = url.drivername
    except (ArgumentError, ValueError):
        scheme = ""
    if scheme not in _POSTGRESQL_SCHEMES:
        raise ConfigurationError(
            f"{SETTING}: write it as postgresql://USER:PASSWORD@HOST:PORT/NAME, "
            "or leave it empty to keep everything in an SQLite file in RINGFENCE_HOME"
        )
    if not url.database:
        raise ConfigurationError(
            f"{SETTING}: the name of the database is missing after the host: …@HOST:PORT/NAME"
        )
    query = {name: value for name, value in url.query.items() if name not in _LIBPQ_ONLY}
    if "sslmode" in query:
        query["ssl"] = query.pop("sslmode")
    url = url.set(drivername="postgresql+asyncpg", query=query)
    host = url.host or query.get("host") or "localhost"
    return Address("postgresql", url, f"{host}:{url.port or 5432}/{url.database}")
