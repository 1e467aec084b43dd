"""Databases for tests are fresh, migrated and each test's own."""

import asyncio

import pytest
from sqlalchemy import text

from ringfence.testing.databases import OpenDatabase

pytestmark = pytest.mark.db

CLAIM = text("INSERT INTO claims (key, claimed_at) VALUES ('a', '2026-01-01 00:00:00+00:00')")
COUNT = text("SELECT count(*) FROM claims")


def test_two_databases_share_nothing(open_test_database: OpenDatabase) -> None:
    async def scenario() -> tuple[int | None, int | None]:
        async with open_test_database() as one, open_test_database() as other:
            async with one.transaction() as connection:
                await connection.execute(CLAIM)
            async with one.reading() as connection:
                in_one = await connection.scalar(COUNT)
            async with other.reading() as connection:
                return in_one, await connection.scalar(COUNT)

    assert asyncio.run(scenario()) == (1, 0)
