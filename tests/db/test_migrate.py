"""The schema: made by migrations alone, the one that the stores believe in, whoever starts at the same time."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from ringfence.access import store as access
from ringfence.db.address import locate
from ringfence.db.migrate import scripts, upgrade
from ringfence.model.errors import ConfigurationError
from ringfence.privacy import audit
from ringfence.telephony import tables as telephony

pytestmark = pytest.mark.db

Result = TypeVar("Result")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest) -> str | None:
    """The URL of a database without a schema; None is the file in the home folder."""
    if request.param == "sqlite":
        return None
    url: str = request.getfixturevalue("postgresql_url")
    return url


def on_database(url: str | None, home: Path, act: Callable[[Connection], Result]) -> Result:
    async def connect() -> Result:
        engine = create_async_engine(locate(url, home).url, poolclass=NullPool)
        try:
            async with engine.begin() as connection:
                return await connection.run_sync(act)
        finally:
            await engine.dispose()

    return asyncio.run(connect())


def test_the_migrated_schema_is_the_one_the_stores_declare(
    empty_database: str | None, tmp_path: Path
) -> None:
    upgrade(empty_database, tmp_path)
    declared = MetaData()
    for metadata in (telephony.metadata, audit.metadata, access.metadata):
        for table in metadata.sorted_tables:
            table.to_metadata(declared)

    def differences(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, declared))

    assert on_database(empty_database, tmp_path, differences) == []


def test_a_second_upgrade_finds_nothing_to_do(empty_database: str | None, tmp_path: Path) -> None:
    every = [script.revision for script in ScriptDirectory.from_config(scripts()).walk_revisions()]
    assert list(upgrade(empty_database, tmp_path)) == every[::-1]
    assert upgrade(empty_database, tmp_path) == ()


def test_of_programs_that_start_at_once_one_migrates(empty_database: str | None, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from ringfence.db.migrate import upgrade; "
        "print(len(upgrade(sys.argv[1] or None, Path(sys.argv[2]))))"
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", program, empty_database or "", str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    answers = [child.communicate(timeout=120)[0].strip() for child in children]
    assert [child.returncode for child in children] == [0, 0, 0]
    number_of_migrations = len(list(ScriptDirectory.from_config(scripts()).walk_revisions()))
    assert sorted(answers) == ["0", "0", str(number_of_migrations)]


def test_a_schema_from_the_future_is_said(empty_database: str | None, tmp_path: Path) -> None:
    upgrade(empty_database, tmp_path)
    on_database(
        empty_database,
        tmp_path,
        lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = '9999_future'")),
    )
    with pytest.raises(ConfigurationError, match="newer Ringfence"):
        upgrade(empty_database, tmp_path)


def test_an_unreachable_server_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"RINGFENCE_DATABASE_URL.*127\.0\.0\.1:1") as caught:
        upgrade("postgresql://me:hunter2@127.0.0.1:1/calls", tmp_path)
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    Path(locate(None, tmp_path).place).write_bytes(b"this is a letter to my aunt, not a database" * 100)
    with pytest.raises(ConfigurationError, match=r"RINGFENCE_HOME.*not a database"):
        upgrade(None, tmp_path)
