"""Sealing again with a new key, while everything goes on."""

import asyncio
import os
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from ringfence.model.calls import Call, CallId, CallSid, Party
from ringfence.privacy.cipher import CipherKeys, FieldCipher
from ringfence.telephony.audio_store import AudioStore
from ringfence.telephony.reseal import reseal
from ringfence.telephony.store import CallStore
from ringfence.telephony.tables import metadata
from ringfence.testing.databases import OpenDatabase

pytestmark = pytest.mark.db

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OLD, NEW, INDEX = os.urandom(32), os.urandom(32), os.urandom(32)


def call(number: int) -> Call:
    return Call(
        CallId(f"{number:04}"), CallSid(f"CA{number}"), f"+1555010{number % 10}", "+15550199", "en", AT
    )


def test_everything_sealed_opens_with_the_new_key_alone(open_test_database: OpenDatabase) -> None:
    async def scenario() -> None:
        before = FieldCipher(CipherKeys({1: OLD}, INDEX))
        both = FieldCipher(CipherKeys({1: OLD, 2: NEW}, INDEX))
        after = FieldCipher(CipherKeys({2: NEW}, INDEX))
        async with open_test_database() as database:
            for number in range(205):
                await CallStore(database, before).open_call(call(number))
            await AudioStore(database, before).append(call(0).id, Party.REMOTE, 0, b"\xff" * 800, AT)
            await CallStore(database, both).open_call(call(999))

            assert await reseal(database, both, both.is_current) == 2 * 205 + 1
            assert await reseal(database, both, both.is_current) == 0

            for number in (0, 204, 999):
                record = await CallStore(database, after).record(call(number).sid)
                assert record is not None
                assert record.call == call(number)
            assert await AudioStore(database, after).wav(call(0).id) is not None

    asyncio.run(scenario())


def test_no_sealed_column_is_forgotten(open_test_database: OpenDatabase) -> None:
    async def scenario() -> None:
        before = FieldCipher(CipherKeys({1: OLD}, INDEX))
        both = FieldCipher(CipherKeys({1: OLD, 2: NEW}, INDEX))
        async with open_test_database() as database:
            await CallStore(database, before).open_call(call(0))
            await AudioStore(database, before).append(call(0).id, Party.REMOTE, 0, b"\xff" * 800, AT)
            await reseal(database, both, both.is_current)
            sealed = [
                column for table in metadata.sorted_tables for column in table.c if "sealed" in column.name
            ]
            assert len(sealed) >= 3
            async with database.reading() as connection:
                for column in sealed:
                    values = (await connection.execute(select(column))).scalars().all()
                    assert values
                    assert all(both.is_current(bytes(value)) for value in values), column

    asyncio.run(scenario())
