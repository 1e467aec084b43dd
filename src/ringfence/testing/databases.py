"""Fresh databases for tests: the same schema on SQLite and on PostgreSQL, made by copying one that is ready."""

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from ringfence.contracts import Database
from ringfence.db.address import FILE_NAME
from ringfence.db.engine import open_database
from ringfence.testing.postgresql import create_database, drop_database

OpenDatabase = Callable[[], AbstractAsyncContextManager[Database]]
"""`async with open_test_database() as db:` gives an empty, migrated database that is gone afterwards."""


@asynccontextmanager
async def fresh_sqlite(template: Path) -> AsyncIterator[Database]:
    """`template` is a migrated database's file."""
    with TemporaryDirectory(prefix="ringfence-sqlite-") as name:
        home = Path(name)
        shutil.copyfile(template, home / FILE_NAME)
        async with open_database(None, home, migrate=False) as database:
            yield database


@asynccontextmanager
async def fresh_postgresql(server_url: str, template: str) -> AsyncIterator[Database]:
    """`template` is a migrated database's name, to which nobody is connected."""
    name = f"test_{uuid4().hex}"
    url = await create_database(server_url, name, template)
    try:
        async with open_database(url, Path(), migrate=False) as database:
            yield database
    finally:
        await drop_database(server_url, name)
