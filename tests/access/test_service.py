"""Keys, links and sessions: who comes in, for how long, and what is written down of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from ringfence.access.service import LINK_LIFE, SESSION_IDLE, SESSION_LIFE, AccessService, Principal, Role
from ringfence.contracts import Database
from ringfence.model.errors import NotFound
from ringfence.testing.clock import ManualClock
from ringfence.testing.databases import OpenDatabase

pytestmark = pytest.mark.db


@dataclass
class House:
    access: AccessService
    clock: ManualClock
    database: Database
    notes: list[tuple[str, str, str]] = field(default_factory=list)

    def pass_time(self, time: timedelta) -> None:
        self.clock.advance(time.total_seconds())


@asynccontextmanager
async def house(open_database: OpenDatabase) -> AsyncIterator[House]:
    notes: list[tuple[str, str, str]] = []

    async def note(who: str, action: str, subject: str, at: datetime) -> None:
        notes.append((who, action, subject))

    async with open_database() as database:
        clock = ManualClock()
        yield House(AccessService(database, clock, note), clock, database, notes)


def in_house(open_database: OpenDatabase, story: Callable[[House], Awaitable[None]]) -> None:
    async def run() -> None:
        async with house(open_database) as the_house:
            await story(the_house)

    asyncio.run(run())


def test_a_key_lets_its_holder_in_with_its_name_and_role(open_test_database: OpenDatabase) -> None:
    async def story(house: House) -> None:
        key = await house.access.create_key("reports", Role.VIEWER)
        assert await house.access.check_key(key) == Principal("reports", Role.VIEWER)

    in_house(open_test_database, story)


@pytest.mark.parametrize("kept", ["api_keys", "sign_in_links", "sessions"])
def test_no_secret_stands_in_the_database(open_test_database: OpenDatabase, kept: str) -> None:
    async def story(house: House) -> None:
        key = await house.access.create_key("reports", Role.VIEWER)
        link = await house.access.issue_link(Role.VIEWER, "Ana")
        session = await house.access.open_session(key)
        assert session is not None
        async with house.database.reading() as connection:
            rows = str((await connection.execute(text(f"SELECT * FROM {kept}"))).all())
        assert "'" in rows
        for secret in (key, link, session):
            assert secret.rpartition("_")[2] not in rows

    in_house(open_test_database, story)


def test_a_wrong_secret_or_an_unknown_id_lets_nobody_in(open_test_database: OpenDatabase) -> None:
    async def story(house: House) -> None:
        key = await house.access.create_key("reports", Role.VIEWER)
        prefix, key_id, secret = key.split("_")
        for wrong in (
            f"{prefix}_{key_id}_{secret[::-1]}",
            f"{prefix}_{key_id[::-1]}_{secret}",
            key + "0",
            key[:-1],
            "",
        ):
            assert await house.access.check_key(wrong) is None

    in_house(open_test_database, story)


def test_a_revoked_key_is_shut_out_with_the_sessions_it_opened(open_test_database: OpenDatabase) -> None:
    async def story(house: House) -> None:
        key = await house.access.create_key("reports", Role.OPERATOR)
        other = await house.access.create_key("night shift", Role.OPERATOR)
        session = await house.access.open_session(key)
        untouched = await house.access.open_session(other)
        assert session is not None
        assert untouched is not None
        await house.access.revoke_key(key.split("_")[1])
        assert await house.access.check_key(key) is None
        assert await house.access.open_session(key) is None
        assert await house.access.check_session(session) is None
        assert await house.access.check_session(untouched) is not None

    in_house(open_test_database, story)


def test_revoking_what_is_unknown_or_revoked_says_so(open_test_database: OpenDatabase) -> None:
    async def story(house: House) -> None:
        key = await house.access.create_key("reports", Role.VIEWER)
        key_id = key.split("_")[1]
        await house.access.revoke_key(key_id)
        for gone in (key_id, "000000000000"):
            with pytest.raises(NotFound, match="ringfence keys list"):
                await house.access.revoke_key(gone)

    in_house(open_test_database, story)


def test_keys_are_listed_oldest_first_with_the_revoked_ones(open_test_database: OpenDatabase) -> None:
    async def story(house: House) -> None:
        first = await house.access.create_key("first", Role.ADMIN)
        house.clock.advance(1)
        await house.access.create_key("second", Role.IVR)
        await house.access.revoke_key(first.split("_")[1])
        keys = await house.access.list_keys()
        assert [(key.name, key.role, key.revoked_at is None) for key in keys] == [
            ("first", Role.ADMIN, False),
            ("second", Role.IVR, True),
        ]
        assert keys[0].created_at == house.clock.now() - timedelta(seconds=1)

    in_house(open_test_database, story)


def test_the_last_use_of_a_key_is_noted_at_most_once_a_minute(open_test_database: OpenDatabase) -> None:
    async def story(house: House) -> None:
        key = await house.access.create_key("reports", Role.VIEWER)
        seen = []
        for step_s in (0, 59, 1):
            house.clock.advance(step_s)
            await house.access.check_key(key)
            seen.append((await house.access.list_keys())[0].last_used_at)
        now = house.clock.now()
        assert seen == [now - timedelta(seconds=60), now - timedelta(seconds=60), now]

    in_house(open_test_database, story)


def test_a_link_signs_in_once(open_test_database: OpenDatabase) -> None:
    async def story(house: House) -> None:
        link = await house.access.issue_link(Role.ADMIN, "Ana")
        session = await house.access.redeem_link(link)
        assert session is not None
        assert await house.access.check_session(session) == Principal("Ana", Role.ADMIN, by_session=True)
        assert await house.access.redeem_link(link) is None

    in_house(open_test_database, story)


def test_of_many_who_redeem_a_link_at_once_one_gets_in(open_test_database: OpenDatabase) -> None:
    async def story(house: House) -> None:
        link = await house.access.issue_link(Role.ADMIN, "Ana")
        sessions = await asyncio.gather(*(house.access.redeem_link(link) for _ in range(20)))
        assert sum(session is not None for session in sessions) == 1

    in_house(open_test_database, story)


def test_a_link_older_than_its_life_is_worth_nothing(open_test_database: OpenDatabase) -> None:
    async def story(house: House) -> None:
        link = await house.access.issue_link(Role.ADMIN, "Ana")
        house.pass_time(LINK_LIFE)
        assert await house.access.redeem_link(link) is None

    in_house(open_test_database, story)


def test_a_key_is_no_link_and_a_session_no_key(open_test_database: OpenDatabase) -> None:
    async def story(house: House) -> None:
        key = await house.access.create_key("reports", Role.ADMIN)
        session = await house.access.open_session(key)
        assert session is not None
        assert await house.access.redeem_link(key) is None
        assert await house.access.check_key(session) is None
        assert await house.access.open_session(session) is None
        assert await house.access.check_session(key) is None

    in_house(open_test_database, story)


def test_a_session_left_alone_ends(open_test_database: OpenDatabase) -> None:
    async def story(house: House) -> None:
        session = await house.access.open_session(await house.access.create_key("reports", Role.VIEWER))
        assert session is not None
        house.pass_time(SESSION_IDLE)
        assert await house.access.check_session(session) is None

    in_house(open_test_database, story)


def test_a_session_in_use_lives_on_but_not_forever(open_test_database: OpenDatabase) -> None:
    async def story(house: House) -> None:
        session = await house.access.open_session(await house.access.create_key("reports", Role.VIEWER))
        assert session is not None
        began = house.clock.now()
        step = SESSION_IDLE - timedelta(minutes=1)
        while house.clock.now() + step < began + SESSION_LIFE:
            house.pass_time(step)
            assert await house.access.check_session(session) is not None
        house.pass_time(began + SESSION_LIFE - house.clock.now())
        assert await house.access.check_session(session) is None

    in_house(open_test_database, story)


def test_a_session_that_was_ended_stays_ended(open_test_database: OpenDatabase) -> None:
    async def story(house: House) -> None:
        session = await house.access.open_session(await house.access.create_key("reports", Role.VIEWER))
        assert session is not None
        await house.access.end_session(session)
        await house.access.end_session(session)
        assert await house.access.check_session(session) is None
        assert [action for _, action, _ in house.notes].count("session.ended") == 1

    in_house(open_test_database, story)


def test_every_deed_is_written_down_without_a_secret(open_test_database: OpenDatabase) -> None:
    async def story(house: House) -> None:
        key = await house.access.create_key("reports", Role.VIEWER, by="Ana")
        link = await house.access.issue_link(Role.VIEWER, "Luis", by="Ana")
        session = await house.access.redeem_link(link)
        assert session is not None
        await house.access.end_session(session)
        await house.access.open_session(key)
        await house.access.revoke_key(key.split("_")[1], by="Ana")
        assert [(who, action) for who, action, _ in house.notes] == [
            ("Ana", "key.created"),
            ("Ana", "link.issued"),
            ("Luis", "session.opened"),
            ("Luis", "session.ended"),
            ("reports", "session.opened"),
            ("Ana", "key.revoked"),
        ]
        told = str(house.notes)
        for secret in (key, link, session):
            assert secret.split("_")[1] in told
            assert secret.split("_")[2] not in told

    in_house(open_test_database, story)
