"""Opening a database, and what its two kinds of connections promise."""

import asyncio
import gc
import os
import signal
import time
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ringfence.contracts import Database
from ringfence.db import engine
from ringfence.db.address import FILE_NAME
from ringfence.db.engine import open_database
from ringfence.model.errors import ConfigurationError
from ringfence.testing.databases import OpenDatabase

pytestmark = pytest.mark.db

CLAIM = text("INSERT INTO claims (key, claimed_at) VALUES (:key, '2026-01-01 00:00:00+00:00')")
COUNT = text("SELECT count(*) FROM claims")


def test_a_transaction_commits_on_leaving(open_test_database: OpenDatabase) -> None:
    async def scenario() -> int | None:
        async with open_test_database() as database:
            async with database.transaction() as connection:
                await connection.execute(CLAIM, {"key": "a"})
            async with database.reading() as connection:
                return (await connection.execute(COUNT)).scalar()

    assert asyncio.run(scenario()) == 1


def test_an_exception_rolls_everything_back(open_test_database: OpenDatabase) -> None:
    async def scenario() -> int | None:
        async with open_test_database() as database:

            async def fail_after_writing() -> None:
                async with database.transaction() as connection:
                    await connection.execute(CLAIM, {"key": "a"})
                    raise ZeroDivisionError

            with pytest.raises(ZeroDivisionError):
                await fail_after_writing()
            async with database.reading() as connection:
                return (await connection.execute(COUNT)).scalar()

    assert asyncio.run(scenario()) == 0


def test_a_reader_does_not_wait_for_a_writer(open_test_database: OpenDatabase) -> None:
    async def scenario() -> int | None:
        async with open_test_database() as database, database.transaction() as writing:
            await writing.execute(CLAIM, {"key": "a"})
            async with asyncio.timeout(5), database.reading() as reading:
                return (await reading.execute(COUNT)).scalar()

    assert asyncio.run(scenario()) == 0


def test_a_reading_connection_cannot_write(open_test_database: OpenDatabase) -> None:
    async def scenario() -> None:
        async with open_test_database() as database:
            with pytest.raises(DBAPIError, match=r"read-?\s?only"):
                async with database.reading() as connection:
                    await connection.execute(CLAIM, {"key": "a"})

    asyncio.run(scenario())


def test_many_writers_take_turns(open_test_database: OpenDatabase) -> None:
    async def scenario() -> int | None:
        async with open_test_database() as database:

            async def write(number: int) -> None:
                async with database.transaction() as connection:
                    await connection.execute(CLAIM, {"key": str(number)})

            await asyncio.gather(*(write(number) for number in range(50)))
            async with database.reading() as connection:
                return (await connection.execute(COUNT)).scalar()

    assert asyncio.run(scenario()) == 50


def test_foreign_keys_hold(open_test_database: OpenDatabase) -> None:
    async def scenario() -> None:
        async with open_test_database() as database:
            with pytest.raises(DBAPIError):
                async with database.transaction() as connection:
                    await connection.execute(
                        text(
                            "INSERT INTO gaps (call_id, start_ms, end_ms, reason) VALUES ('nobody', 0, 1, '')"
                        )
                    )

    asyncio.run(scenario())


def test_without_a_url_it_is_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with open_database(None, tmp_path / "home") as database:
            assert database.dialect == "sqlite"

    asyncio.run(scenario())
    assert (tmp_path / "home" / FILE_NAME).stat().st_mode & 0o077 == 0
    assert (tmp_path / "home").stat().st_mode & 0o077 == 0


def test_opening_migrates_an_empty_server(postgresql_url: str, tmp_path: Path) -> None:
    async def scenario() -> int | None:
        async with open_database(postgresql_url, tmp_path) as database, database.reading() as connection:
            assert database.dialect == "postgresql"
            return (await connection.execute(COUNT)).scalar()

    assert asyncio.run(scenario()) == 0


def test_a_server_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with open_database("postgresql://me:hunter2@127.0.0.1:1/calls", tmp_path):
            pass

    with pytest.raises(ConfigurationError, match=r"RINGFENCE_DATABASE_URL.*127\.0\.0\.1:1/calls") as caught:
        asyncio.run(scenario())
    assert "hunter2" not in str(caught.value)


def test_a_missing_database_is_said(postgresql_url: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with open_database(postgresql_url + "_not", tmp_path, migrate=False):
            pass

    with pytest.raises(ConfigurationError, match=r"RINGFENCE_DATABASE_URL.*does not exist"):
        asyncio.run(scenario())


def test_writers_that_give_up_leave_nothing_half_done_and_block_nobody(
    open_test_database: OpenDatabase,
) -> None:
    async def scenario() -> int | None:
        async with open_test_database() as database:

            async def write(number: int) -> None:
                async with database.transaction() as connection:
                    for part in "ab":
                        await connection.execute(CLAIM, {"key": f"{number}{part}"})

            for steps in range(60):
                impatient = asyncio.create_task(write(steps))
                for _ in range(steps):
                    await asyncio.sleep(0)
                impatient.cancel()
                await asyncio.wait([impatient])
            async with asyncio.timeout(10):
                await write(1000)
            async with database.reading() as connection:
                return (await connection.execute(COUNT)).scalar()

    count = asyncio.run(scenario())
    assert count is not None
    assert count >= 2
    assert count % 2 == 0


def test_a_server_that_threw_everybody_out_is_used_again(postgresql_url: str, tmp_path: Path) -> None:
    async def scenario() -> int | None:
        async with (
            open_database(postgresql_url, tmp_path) as database,
            open_database(postgresql_url, tmp_path, migrate=False) as administrator,
        ):
            async with database.transaction() as connection:
                await connection.execute(CLAIM, {"key": "before"})
            async with administrator.transaction() as connection:
                await connection.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                )
            async with database.transaction() as connection:
                await connection.execute(CLAIM, {"key": "after"})
            async with database.reading() as connection:
                return (await connection.execute(COUNT)).scalar()

    assert asyncio.run(scenario()) == 2


def test_a_server_that_hangs_in_mid_statement_is_given_up_and_used_again(
    postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_ANSWER_WITHIN_S", 0.2)

    async def hang(database: Database, stopped: list[int]) -> None:
        async with database.transaction() as connection:
            stopped.append(await connection.scalar(text("SELECT pg_backend_pid()")) or 0)
            os.kill(stopped[0], signal.SIGSTOP)
            await connection.execute(CLAIM, {"key": "while it hangs"})

    async def scenario() -> int | None:
        stopped: list[int] = []
        async with open_database(postgresql_url, tmp_path) as database:
            try:
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(10):
                        await hang(database, stopped)
                async with database.transaction() as connection:
                    await connection.execute(CLAIM, {"key": "after"})
                async with database.reading() as connection:
                    return (await connection.execute(COUNT)).scalar()
            finally:
                for process in stopped:
                    os.kill(process, signal.SIGCONT)

    began_s = time.monotonic()
    assert asyncio.run(scenario()) == 1
    assert time.monotonic() - began_s < 8


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_leaving_does_not_wait_for_a_server_that_hangs(
    postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_LEAVE_WITHIN_S", 0.1)

    async def scenario() -> None:
        stopped = 0
        try:
            async with open_database(postgresql_url, tmp_path) as database:
                async with database.transaction() as connection:
                    stopped = await connection.scalar(text("SELECT pg_backend_pid()")) or 0
                os.kill(stopped, signal.SIGSTOP)
        finally:
            os.kill(stopped, signal.SIGCONT)

    began_s = time.monotonic()
    asyncio.run(scenario())
    gc.collect()
    assert time.monotonic() - began_s < 8


def test_what_was_erased_is_forgotten_while_others_read_and_write(open_test_database: OpenDatabase) -> None:
    async def scenario() -> int | None:
        async with open_test_database() as database:

            async def use(who: int) -> None:
                for number in range(10):
                    async with database.transaction() as connection:
                        await connection.execute(CLAIM, {"key": f"{who} {number}"})
                    async with database.reading() as connection:
                        await connection.execute(COUNT)

            async with asyncio.timeout(20):
                await asyncio.gather(*(use(who) for who in range(4)), database.forget_erased())
            async with database.reading() as connection:
                return (await connection.execute(COUNT)).scalar()

    assert asyncio.run(scenario()) == 40


def test_a_statement_that_fails_does_not_tell_its_values(open_test_database: OpenDatabase) -> None:
    async def scenario() -> str:
        async with open_test_database() as database:

            async def fail() -> None:
                async with database.transaction() as connection:
                    await connection.execute(
                        text(
                            "INSERT INTO gaps (call_id, start_ms, end_ms, reason) VALUES ('x', 0, 1, :words)"
                        ),
                        {"words": "what was said"},
                    )

            with pytest.raises(DBAPIError) as caught:
                await fail()
            return str(caught.value)

    assert "what was said" not in asyncio.run(scenario())
