"""Who may close what was left open, and who may not be a server at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from ringfence.contracts import Database
from ringfence.db.engine import open_database
from ringfence.db.presence import present
from ringfence.model.errors import ConfigurationError

pytestmark = pytest.mark.db


@asynccontextmanager
async def server(url: str | None, home: Path, name: str, alone: list[str]) -> AsyncIterator[None]:
    async def tidy() -> None:
        alone.append(name)

    async with open_database(url, home, migrate=False), present(url, home, tidy):
        yield


def test_the_second_server_on_a_folder_is_refused_in_one_line(tmp_path: Path) -> None:
    async def scene() -> list[str]:
        alone: list[str] = []
        async with server(None, tmp_path, "first", alone):
            with pytest.raises(ConfigurationError, match=r"\ARINGFENCE_HOME: another server[^\n]*; stop it"):
                async with server(None, tmp_path, "second", alone):
                    pass
        async with server(None, tmp_path, "third", alone):
            return alone

    assert asyncio.run(scene()) == ["first", "third"]


def test_on_postgresql_the_second_server_leaves_the_firsts_calls_alone(
    postgresql_url: str, tmp_path: Path
) -> None:
    async def scene() -> list[str]:
        alone: list[str] = []
        async with server(postgresql_url, tmp_path, "first", alone):
            async with server(postgresql_url, tmp_path, "second", alone):
                pass
            async with server(postgresql_url, tmp_path, "third", alone):
                pass
        async with server(postgresql_url, tmp_path, "fourth", alone):
            return alone

    assert asyncio.run(scene()) == ["first", "fourth"]


def test_on_postgresql_who_starts_waits_until_the_leftovers_of_the_dead_are_closed(
    postgresql_url: str, tmp_path: Path
) -> None:
    async def scene() -> list[str]:
        told: list[str] = []
        tidying, may_end = asyncio.Event(), asyncio.Event()

        async def tidy() -> None:
            tidying.set()
            await may_end.wait()
            told.append("closed")

        async def first() -> None:
            async with present(postgresql_url, tmp_path, tidy):
                await ready.wait()

        async def second() -> None:
            async with server(postgresql_url, tmp_path, "second", told):
                told.append("second is ready")
                ready.set()

        ready = asyncio.Event()
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            group.create_task(first())
            await tidying.wait()
            group.create_task(second())
            async with open_database(postgresql_url, tmp_path, migrate=False) as database:
                await _until_somebody_waits(database)
            may_end.set()
        return told

    assert asyncio.run(scene()) == ["closed", "second is ready"]


async def _until_somebody_waits(database: Database) -> None:
    while True:
        async with database.reading() as connection:
            if await connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                return


def test_an_exception_of_the_server_comes_out_as_it_is(postgresql_url: str, tmp_path: Path) -> None:
    async def scene() -> None:
        async with server(postgresql_url, tmp_path, "first", []):
            raise OSError("of the server itself")

    with pytest.raises(OSError, match="of the server itself"):
        asyncio.run(scene())
