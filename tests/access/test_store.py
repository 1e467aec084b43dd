"""The tables of access stand in the schema as they are written here."""

import asyncio

import pytest
from sqlalchemy import Connection, inspect

from ringfence.access.store import metadata
from ringfence.testing.databases import OpenDatabase

pytestmark = pytest.mark.db


@pytest.mark.parametrize("name", sorted(metadata.tables))
def test_a_table_has_the_columns_that_the_migrations_make(
    open_test_database: OpenDatabase, name: str
) -> None:
    def columns(connection: Connection) -> dict[str, bool]:
        return {
            column["name"]: bool(column["nullable"])
            for column in inspect(connection).get_columns(name)
            if column["name"] != "id"
        }

    async def story() -> None:
        async with open_test_database() as database, database.reading() as connection:
            found = await connection.run_sync(columns)
        ours = metadata.tables[name].columns
        assert found == {column.name: bool(column.nullable) for column in ours if column.name != "id"}

    asyncio.run(story())
