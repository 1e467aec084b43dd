"""Which servers are alive on one database: what a dead one left open is closed, what a live one has is spared.

An SQLite file belongs to one server; its folder holds a lock file. On PostgreSQL several may share a database;
each holds an advisory lock in a session of its own. Either lock goes with the process, however it ends.
"""

import asyncio
import fcntl
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from ringfence.db.address import Address, locate
from ringfence.db.engine import leave
from ringfence.db.migrate import unreachable
from ringfence.model.errors import ConfigurationError

log = logging.getLogger(__name__)

LOCK_NAME = "server.lock"
_PRESENT = 0x52494E47  # any number that no other program locks in the same database
_TRY_ALONE = text(f"SELECT pg_try_advisory_lock({_PRESENT})")
_SHARE = text(f"SELECT pg_advisory_lock_shared({_PRESENT})")
_END_ALONE = text(f"SELECT pg_advisory_unlock({_PRESENT})")
_CONNECT_TIMEOUT_S = 5
_WAIT_FOR_STARTER = "10s"
"""How long another server may take to close what was left open."""


@asynccontextmanager
async def present(
    url: str | None, home: Path, when_alone: Callable[[], Awaitable[None]]
) -> AsyncIterator[None]:
    """Be a server on this database. `when_alone` is awaited first, if no other server is alive on it.

    Raises ConfigurationError when the database is another server's alone."""
    address = await asyncio.to_thread(locate, url, home)
    hold = (
        _hold_folder(home, when_alone) if address.dialect == "sqlite" else _hold_database(address, when_alone)
    )
    async with hold:
        yield


@asynccontextmanager
async def _hold_folder(home: Path, when_alone: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    descriptor = os.open(home / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigurationError(
                f"RINGFENCE_HOME: another server is running on '{home}'; "
                "stop it, give this one a folder of its own, or let both share a RINGFENCE_DATABASE_URL"
            ) from None
        await when_alone()
        yield
    finally:
        os.close(descriptor)


@asynccontextmanager
async def _hold_database(address: Address, when_alone: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    engine = create_async_engine(
        address.url,
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        connect_args={
            "timeout": _CONNECT_TIMEOUT_S,
            "server_settings": {"application_name": "ringfence", "lock_timeout": _WAIT_FOR_STARTER},
        },
    )
    session = engine.connect()
    try:
        try:
            await session.start()
            await _register(session, when_alone)
        except (OSError, DBAPIError) as error:
            raise unreachable(address, error) from None
        yield
    finally:
        await leave(session.close())
        await leave(engine.dispose())


async def _register(session: AsyncConnection, when_alone: Callable[[], Awaitable[None]]) -> None:
    if await session.scalar(_TRY_ALONE):
        await when_alone()
        # Whoever starts meanwhile waits for the shared lock, so that nothing of theirs is closed.
        await session.execute(_SHARE)
        await session.execute(_END_ALONE)
    else:
        log.info("another server is running on this database; the calls it has are left alone")
        await session.execute(_SHARE)
