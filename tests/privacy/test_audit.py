"""The audit log: added to, never changed, and it shows it when somebody tried."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ringfence.contracts import Database
from ringfence.privacy.audit import AuditLog
from ringfence.testing.databases import OpenDatabase

pytestmark = pytest.mark.db

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
Play = Callable[[Callable[[AuditLog, Database], Awaitable[None]]], None]


@pytest.fixture
def play(open_test_database: OpenDatabase) -> Play:
    """Runs a scenario with an empty log."""

    def run(scenario: Callable[[AuditLog, Database], Awaitable[None]]) -> None:
        async def with_log() -> None:
            async with open_test_database() as database:
                await scenario(AuditLog(database), database)

        asyncio.run(with_log())

    return run


async def tamper(database: Database, *statements: str) -> None:
    """As someone who owns the database would: without the triggers."""
    if database.dialect == "sqlite":
        off = ["DROP TRIGGER audit_log_refuses_update", "DROP TRIGGER audit_log_refuses_delete"]
    else:
        off = ["ALTER TABLE audit_log DISABLE TRIGGER ALL"]
    async with database.transaction() as connection:
        for statement in (*off, *statements):
            await connection.execute(text(statement))


def test_entries_come_back_in_order_and_in_pages(play: Play) -> None:
    async def scenario(log: AuditLog, _: Database) -> None:
        for number in range(1, 6):
            await log.add("key:console", "call.viewed", f"CA{number}", AT + timedelta(seconds=number))
        first = await log.entries(limit=3)
        second = await log.entries(after=first[-1].number, limit=3)
        assert [entry.subject for entry in (*first, *second)] == ["CA1", "CA2", "CA3", "CA4", "CA5"]
        assert first[0].at == AT + timedelta(seconds=1)
        assert [entry.number for entry in await log.latest(2)] == [5, 4]
        assert await log.head() == (5, second[-1].hash)
        assert await log.verify()

    play(scenario)


def test_an_empty_log_is_whole(play: Play) -> None:
    async def scenario(log: AuditLog, _: Database) -> None:
        assert await log.verify()
        assert await log.entries() == ()

    play(scenario)


def test_fifty_who_write_at_once_make_one_chain(play: Play) -> None:
    async def scenario(log: AuditLog, _: Database) -> None:
        await asyncio.gather(*(log.add("system", "swept", str(number), AT) for number in range(50)))
        assert [entry.number for entry in await log.entries()] == list(range(1, 51))
        assert await log.verify()

    play(scenario)


def test_words_and_zones_of_all_kinds_keep_the_chain_whole(play: Play) -> None:
    async def scenario(log: AuditLog, _: Database) -> None:
        await log.add("señora \ud800\0", "öffnen", '"],["', AT.astimezone(timezone(timedelta(hours=-3))))
        assert await log.verify()

    play(scenario)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET who = 'nobody'",
        "DELETE FROM audit_log",
        "DELETE FROM audit_log WHERE number = 1",
    ],
)
def test_the_database_refuses_to_change_it(statement: str, play: Play) -> None:
    async def scenario(log: AuditLog, database: Database) -> None:
        await log.add("ana", "call.viewed", "CA1", AT)

        async def change() -> None:
            async with database.transaction() as connection:
                await connection.execute(text(statement))

        with pytest.raises(DBAPIError, match="append-only"):
            await change()
        assert len(await log.entries()) == 1

    play(scenario)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET who = 'nobody' WHERE number = 2",
        "UPDATE audit_log SET subject = 'CA9' WHERE number = 3",
        "UPDATE audit_log SET at = '2026-03-01 11:00:00' WHERE number = 1",
        "DELETE FROM audit_log WHERE number = 2",
        "DELETE FROM audit_log WHERE number = 1",
        "UPDATE audit_log SET hash = '00' WHERE number = 3",
    ],
)
def test_tampering_past_the_triggers_shows(statement: str, play: Play) -> None:
    async def scenario(log: AuditLog, database: Database) -> None:
        for number in range(1, 4):
            await log.add("ana", "call.viewed", f"CA{number}", AT)
        assert await log.verify()
        await tamper(database, statement)
        assert not await log.verify()

    play(scenario)


def test_an_entry_with_a_hash_of_its_own_making_shows(play: Play) -> None:
    async def scenario(log: AuditLog, database: Database) -> None:
        first = await log.add("ana", "call.viewed", "CA1", AT)
        await log.add("ana", "call.viewed", "CA2", AT)
        await tamper(
            database,
            "DELETE FROM audit_log WHERE number = 2",
            "INSERT INTO audit_log (number, at, who, action, subject, hash) "
            f"VALUES (2, '2026-03-01 12:00:00', 'ana', 'call.viewed', 'CA9', '{first.hash}')",
        )
        assert not await log.verify()

    play(scenario)
