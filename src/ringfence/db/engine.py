"""Open the database: an SQLite file, or a PostgreSQL server, behind the contract `Database`.

SQLite has one writing connection, for which writers queue up in order, and a few reading ones, which see the
last committed state and never wait (write-ahead log). With `synchronous = NORMAL` a commit outlives the death
of the process; after a power cut the last moments may be missing, the file is never damaged.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from ringfence.contracts import Database
from ringfence.db.address import Address, locate
from ringfence.db.migrate import unreachable, upgrade

_SQLITE_READERS = 4
_POSTGRESQL_CONNECTIONS = 10
_WAIT_FOR_CONNECTION_S = 10
_CONNECT_TIMEOUT_S = 5
_STATEMENT_TIMEOUT_MS = 15_000
_ANSWER_WITHIN_S = 20
"""A server that hangs ends no statement itself; then we do."""
_LEAVE_WITHIN_S = 3
_EMPTY_LOG_WAIT_S = 0.25
_EMPTY_LOG_TRIES = 40
_BUSY_TIMEOUT_S = 10
"""How long a writer waits for another process that writes to the same SQLite file."""


class _Database:
    """Satisfies `contracts.Database`."""

    def __init__(self, dialect: str, writer: AsyncEngine, reader: AsyncEngine) -> None:
        self.dialect = dialect
        self._writer = writer
        self._reader = reader

    def transaction(self) -> AbstractAsyncContextManager[AsyncConnection]:
        return self._writer.begin()

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        return self._reader.begin()

    async def forget_erased(self) -> None:
        if self.dialect == "sqlite":
            await asyncio.to_thread(_empty_log, str(self._writer.url.database))


@asynccontextmanager
async def open_database(url: str | None, home: Path, *, migrate: bool = True) -> AsyncIterator[Database]:
    """The database at `url`, or in a file in `home` without one; its schema is brought up to date first.

    Raises ConfigurationError that names the setting and the remedy."""
    address = await asyncio.to_thread(locate, url, home)
    if migrate:
        await asyncio.to_thread(upgrade, url, home)
    writer, reader = _sqlite(address) if address.dialect == "sqlite" else _postgresql(address)
    try:
        await _greet(address, reader)
        yield _Database(address.dialect, writer, reader)
    finally:
        await leave(reader.dispose())
        await leave(writer.dispose())


async def leave(goodbye: Coroutine[Any, Any, None]) -> None:
    """Close connections; a server that hangs does not say goodbye, then they end with this process."""
    leaving = asyncio.get_running_loop().create_task(goodbye)
    await asyncio.wait({leaving}, timeout=_LEAVE_WITHIN_S)
    while not leaving.done():  # Each time it is told, it gives up one connection more.
        leaving.cancel()
        await asyncio.wait({leaving}, timeout=0.1)
    with suppress(asyncio.CancelledError):
        await leaving


async def _greet(address: Address, engine: AsyncEngine) -> None:
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    except (OSError, DBAPIError) as error:
        raise unreachable(address, error) from None


def _sqlite(address: Address) -> tuple[AsyncEngine, AsyncEngine]:
    writer = _sqlite_engine(address, connections=1, wait_s=60, begin="BEGIN IMMEDIATE", read_only=False)
    reader = _sqlite_engine(
        address, connections=_SQLITE_READERS, wait_s=_WAIT_FOR_CONNECTION_S, begin="BEGIN", read_only=True
    )
    return writer, reader


def _sqlite_engine(
    address: Address, *, connections: int, wait_s: float, begin: str, read_only: bool
) -> AsyncEngine:
    engine = create_async_engine(
        address.url,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=wait_s,
        hide_parameters=True,
        connect_args={"timeout": _BUSY_TIMEOUT_S},
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        # Python's sqlite3 would begin transactions by itself, late and only for some statements.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA foreign_keys = ON")
        # What is erased is overwritten, not only unlinked.
        cursor.execute("PRAGMA secure_delete = ON")
        if read_only:
            cursor.execute("PRAGMA query_only = ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _empty_log(path: str) -> None:
    """Move the write-ahead log into the file, and cut it off: old pages would stand in it until overwritten.

    Raises TimeoutError when readers keep it in use all the while."""
    with closing(sqlite3.connect(path, timeout=_EMPTY_LOG_WAIT_S)) as connection:
        for _ in range(_EMPTY_LOG_TRIES):
            (is_busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if not is_busy:
                return
    raise TimeoutError("the log of the database is in use")


def _postgresql(address: Address) -> tuple[AsyncEngine, AsyncEngine]:
    engine = create_async_engine(
        address.url,
        pool_size=_POSTGRESQL_CONNECTIONS,
        max_overflow=0,
        pool_timeout=_WAIT_FOR_CONNECTION_S,
        # The values of a statement that fails are people's words; they do not belong into its message.
        hide_parameters=True,
        # A server that was restarted must not cost anybody a call.
        pool_pre_ping=True,
        connect_args={
            "timeout": _CONNECT_TIMEOUT_S,
            "command_timeout": _ANSWER_WITHIN_S,
            "server_settings": {
                "application_name": "ringfence",
                "statement_timeout": str(_STATEMENT_TIMEOUT_MS),
                "idle_in_transaction_session_timeout": str(_STATEMENT_TIMEOUT_MS),
                "TimeZone": "UTC",
            },
        },
    )
    reader = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return engine, reader
