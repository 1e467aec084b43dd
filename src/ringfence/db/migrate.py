"""Bring a database's schema up to date.

Everything happens in one transaction behind one lock, so that programs which start at the same time take
turns and a failure leaves the schema as it was.
"""

import asyncio
import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from ringfence.db.address import SETTING, Address, locate
from ringfence.model.errors import ConfigurationError

_ADVISORY_LOCK = 0x52696E67  # any number will do, if every version of the program takes the same one
_LOCK_WAIT_S = 60

_alembic = threading.Lock()
"""Alembic holds the migration at work in module globals: one at a time in this process."""


def upgrade(url: str | None, home: Path) -> tuple[str, ...]:
    """Apply what is missing; the names of the migrations applied, oldest first. Blocks; safe to repeat.

    Raises ConfigurationError: the server does not answer, or the schema is newer than this program."""
    address = locate(url, home)
    with _alembic:
        return asyncio.run(_upgrade(address))


async def _upgrade(address: Address) -> tuple[str, ...]:
    arguments = (
        {"timeout": _LOCK_WAIT_S, "isolation_level": None} if address.dialect == "sqlite" else {"timeout": 10}
    )
    engine = create_async_engine(address.url, poolclass=NullPool, connect_args=arguments)
    try:
        async with engine.connect() as connection:
            if address.dialect == "sqlite":
                await connection.exec_driver_sql("PRAGMA journal_mode = WAL")
                await connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                await connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
            applied = await connection.run_sync(_apply)
            await connection.commit()
            return applied
    except (OSError, DBAPIError) as error:
        raise unreachable(address, error) from None
    except CommandError as error:
        raise ConfigurationError(
            f"{SETTING}: the database at {address.place} was made by a newer Ringfence ({error}); "
            "upgrade this program"
        ) from None
    finally:
        await engine.dispose()


def scripts() -> Config:
    """Where the migrations are, for Alembic; they travel inside the package."""
    config = Config()
    config.set_main_option("script_location", "ringfence.db:migrations")
    config.set_main_option("path_separator", "os")
    return config


def _apply(connection: Connection) -> tuple[str, ...]:
    config = scripts()
    config.attributes["connection"] = connection
    before = MigrationContext.configure(connection).get_current_revision()
    command.upgrade(config, "head")
    after = MigrationContext.configure(connection).get_current_revision()
    if after is None or after == before:
        return ()
    newest_first = [
        script.revision for script in ScriptDirectory.from_config(config).iterate_revisions(after, before)
    ]
    return tuple(reversed(newest_first))


def unreachable(address: Address, error: BaseException) -> ConfigurationError:
    """What to tell the person when the database cannot be used; holds no password."""
    if address.dialect == "sqlite":
        return ConfigurationError(
            f"RINGFENCE_HOME: the database {address.place} cannot be used ({_reason(error)})"
        )
    return ConfigurationError(
        f"{SETTING}: the PostgreSQL server at {address.place} cannot be used ({_reason(error)}); "
        "start it, or correct the address, name and password"
    )


def _reason(error: BaseException) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return (str(cause).splitlines() or [""])[0] or type(cause).__name__
