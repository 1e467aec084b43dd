"""What the store of calls promises, the same on SQLite and on PostgreSQL."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import func, select, text

from ringfence.contracts import Database
from ringfence.model.assessment import Assessment, Indicator, RiskLevel
from ringfence.model.calls import Attestation, Call, CallId, CallSid, CallStatus, Direction, Party
from ringfence.model.errors import Conflict, NotFound
from ringfence.model.history import CallQuery, Feedback, Timing
from ringfence.model.speech import Gap, Utterance
from ringfence.privacy.cipher import CipherKeys, FieldCipher
from ringfence.telephony.store import INTERRUPTED_NOTE, CallStore
from ringfence.telephony.tables import utterances
from ringfence.testing.databases import OpenDatabase

pytestmark = pytest.mark.db

AT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
CALL = Call(
    id=CallId("6a0f0000-0000-4000-8000-000000000001"),
    sid=CallSid("CA00000000000000000000000000000001"),
    caller_number="+15550100",
    called_number="+56900000000",
    language="es-CL",
    started_at=AT,
    direction=Direction.OUTBOUND,
    attestation=Attestation.B,
)
ASSESSMENT = Assessment(
    revision=1,
    utterance=0,
    level=RiskLevel.HIGH,
    score=0.8125,
    uncertain=True,
    indicators=(
        Indicator("asks_code", "Pide un código", 0, "dígame el código", 2.5, why="Ningún banco lo pide."),
    ),
    text="Nivel de riesgo: ALTO",
    detector="rules 1",
    source="local",
    made_at=AT,
    notes=("analyst_unavailable",),
)


def cipher() -> FieldCipher:
    return FieldCipher(CipherKeys({1: os.urandom(32)}, os.urandom(32)))


def said(index: int, words: str, party: Party = Party.REMOTE) -> Utterance:
    return Utterance(index, party, words, index * 1000, index * 1000 + 800, engine="scripted", confidence=0.5)


def numbered(number: int, **changes: object) -> Call:
    """Another call, that began so many minutes later."""
    call = replace(
        CALL,
        id=CallId(f"call-{number:04}"),
        sid=CallSid(f"CA{number:032}"),
        started_at=AT + timedelta(minutes=number),
    )
    return replace(call, **changes)  # type: ignore[arg-type]


Play = Callable[[Callable[[CallStore], Awaitable[None]]], None]


@pytest.fixture
def play(open_test_database: OpenDatabase) -> Play:
    """Runs a scenario with a store on an empty database."""

    def run(scenario: Callable[[CallStore], Awaitable[None]]) -> None:
        async def with_store() -> None:
            async with open_test_database() as database:
                await scenario(CallStore(database, cipher()))

        asyncio.run(with_store())

    return run


@asynccontextmanager
async def store_and_database(open_database: OpenDatabase) -> AsyncIterator[tuple[CallStore, Database]]:
    async with open_database() as database:
        yield CallStore(database, cipher()), database


def test_a_call_comes_back_as_it_was_kept(play: Play) -> None:
    async def scenario(store: CallStore) -> None:
        assert await store.open_call(CALL) == CALL
        record = await store.record(CALL.sid)
        assert record is not None
        assert record.call == CALL
        assert record.transcript == ()
        assert record.level is RiskLevel.LOW

    play(scenario)


def test_an_instant_in_another_zone_is_the_same_instant(play: Play) -> None:
    async def scenario(store: CallStore) -> None:
        in_chile = AT.astimezone(timezone(timedelta(hours=-3)))
        kept = await store.open_call(replace(CALL, started_at=in_chile))
        assert kept.started_at == AT
        assert kept.started_at.tzinfo is UTC

    play(scenario)


def test_an_instant_without_a_zone_is_refused(play: Play) -> None:
    async def scenario(store: CallStore) -> None:
        with pytest.raises(Exception, match="time zone"):
            await store.open_call(replace(CALL, started_at=AT.replace(tzinfo=None)))

    play(scenario)


def test_a_call_announced_again_stays_the_first_one(play: Play) -> None:
    async def scenario(store: CallStore) -> None:
        await store.open_call(CALL)
        again = replace(CALL, id=CallId("another"), caller_number="+15550199")
        assert await store.open_call(again) == CALL

    play(scenario)


def test_of_fifty_announcements_at_once_one_is_kept(play: Play) -> None:
    async def scenario(store: CallStore) -> None:
        kept = await asyncio.gather(
            *(store.open_call(replace(CALL, id=CallId(f"try-{number}"))) for number in range(50))
        )
        assert len({call.id for call in kept}) == 1

    play(scenario)


def test_of_fifty_claims_at_once_one_wins(play: Play) -> None:
    async def scenario(store: CallStore) -> None:
        answers = await asyncio.gather(*(store.claim("stream:nonce", AT) for _ in range(50)))
        assert sorted(answers) == [False] * 49 + [True]

    play(scenario)


def test_different_claims_do_not_meet(play: Play) -> None:
    async def scenario(store: CallStore) -> None:
        assert await store.claim("one", AT)
        assert await store.claim("two", AT)

    play(scenario)


def test_a_forgotten_claim_can_be_made_again(play: Play) -> None:
    async def scenario(store: CallStore) -> None:
        await store.claim("old", AT)
        await store.claim("new", AT + timedelta(days=1))
        assert await store.erase_claims_before(AT + timedelta(hours=1)) == 1
        assert await store.claim("old", AT)
        assert not await store.claim("new", AT)

    play(scenario)


@pytest.mark.parametrize(
    ("before", "word", "changes"),
    [
        (CallStatus.RINGING, CallStatus.LIVE, True),
        (CallStatus.RINGING, CallStatus.ENDED, True),
        (CallStatus.LIVE, CallStatus.ENDED, True),
        (CallStatus.LIVE, CallStatus.INTERRUPTED, True),
        (CallStatus.LIVE, CallStatus.LIVE, False),
        (CallStatus.LIVE, CallStatus.RINGING, False),
        (CallStatus.ENDED, CallStatus.LIVE, False),
        (CallStatus.ENDED, CallStatus.ENDED, False),
        (CallStatus.ENDED, CallStatus.INTERRUPTED, False),
        (CallStatus.INTERRUPTED, CallStatus.LIVE, False),
    ],
    ids=str,
)
def test_a_call_only_moves_forward(before: CallStatus, word: CallStatus, changes: bool, play: Play) -> None:
    async def scenario(store: CallStore) -> None:
        await store.open_call(replace(CALL, status=before))
        assert await store.set_status(CALL.id, word, AT + timedelta(seconds=9)) is changes
        record = await store.record(CALL.sid)
        assert record is not None
        assert record.call.status is (word if changes else before)
        has_end = changes and word.is_over
        assert record.call.ended_at == (AT + timedelta(seconds=9) if has_end else None)

    play(scenario)


def test_of_many_ends_at_once_one_counts(play: Play) -> None:
    async def scenario(store: CallStore) -> None:
        await store.open_call(CALL)
        answers = await asyncio.gather(*(store.set_status(CALL.id, CallStatus.ENDED, AT) for _ in range(20)))
        assert answers.count(True) == 1

    play(scenario)


def test_what_was_heard_and_judged_comes_back_whole_and_in_order(play: Play) -> None:
    async def scenario(store: CallStore) -> None:
        await store.open_call(CALL)
        first = said(0, "Dígame el código, por favor")
        second = said(1, "¿Cuál?", Party.SUBSCRIBER)
        later = AT + timedelta(seconds=1)
        gap = Gap(1000, 2000, "engine_failed", Party.REMOTE)
        whole_gap = Gap(5000, 6000, "stream_lost")
        timing = Timing("utterance_end_to_shown", 0, 41.5)
        await store.append(CALL.id, [first, ASSESSMENT], AT)
        await store.append(CALL.id, [whole_gap, second, gap, timing], later)
        record = await store.record(CALL.sid)
        assert record is not None
        assert record.transcript == ((first, AT), (second, later))
        assert record.assessments == (ASSESSMENT,)
        assert record.gaps == (gap, whole_gap)
        assert record.timings == (timing,)
        assert record.level is RiskLevel.HIGH

    play(scenario)


def test_fifty_appends_at_once_are_all_kept(play: Play) -> None:
    async def scenario(store: CallStore) -> None:
        many = [numbered(number) for number in range(10)]
        for call in many:
            await store.open_call(call)
        await asyncio.gather(
            *(
                store.append(call.id, [said(index, f"word {index}")], AT)
                for index in range(5)
                for call in many
            )
        )
        for call in many:
            record = await store.record(call.sid)
            assert record is not None
            assert [utterance.index for utterance, _ in record.transcript] == [0, 1, 2, 3, 4]
        page = await store.search(CallQuery())
        assert {(line.utterances, line.last_words) for line in page.calls} == {(5, "word 4")}

    play(scenario)


def test_one_bad_append_does_not_take_its_neighbours_with_it(play: Play) -> None:
    async def scenario(store: CallStore) -> None:
        await store.open_call(CALL)
        await store.append(CALL.id, [said(0, "kept before")], AT)
        outcomes = await asyncio.gather(
            store.append(CALL.id, [said(1, "one")], AT),
            store.append(CALL.id, [said(2, "two"), said(0, "a second zero")], AT),
            store.append(CallId("nobody"), [said(0, "whose?")], AT),
            store.append(CALL.id, [said(3, "three")], AT),
            return_exceptions=True,
        )
        assert [type(outcome) for outcome in outcomes] == [type(None), Conflict, NotFound, type(None)]
        record = await store.record(CALL.sid)
        assert record is not None
        assert [utterance.text for utterance, _ in record.transcript] == ["kept before", "one", "three"]

    play(scenario)


def test_words_that_a_database_cannot_hold_lose_only_that(play: Play) -> None:
    async def scenario(store: CallStore) -> None:
        await store.open_call(CALL)
        await store.append(CALL.id, [said(0, "nul\0 and \ud800half")], AT)
        record = await store.record(CALL.sid)
        assert record is not None
        assert record.transcript[0][0].text == "nul and ?half"

    play(scenario)


def test_facts_add_up(play: Play) -> None:
    async def scenario(store: CallStore) -> None:
        await store.open_call(CALL)
        await store.set_facts(CALL.id, {"frames": 1, "engines": ["sherpa"]})
        await store.set_facts(CALL.id, {"frames": 2})
        record = await store.record(CALL.sid)
        assert record is not None
        assert record.facts == {"frames": 2, "engines": ["sherpa"]}
        with pytest.raises(NotFound):
            await store.set_facts(CallId("nobody"), {})

    play(scenario)


def test_a_restart_closes_what_was_open_and_keeps_its_last_judgement(play: Play) -> None:
    async def scenario(store: CallStore) -> None:
        live, ended, silent = numbered(1), numbered(2), numbered(3)
        for call in (live, ended, silent):
            await store.open_call(call)
        await store.set_status(live.id, CallStatus.LIVE, AT)
        await store.append(live.id, [said(0, "hello"), ASSESSMENT], AT)
        await store.set_status(ended.id, CallStatus.ENDED, AT)
        restart = AT + timedelta(hours=1)
        assert set(await store.interrupt_open(restart)) == {live.sid, silent.sid}
        assert await store.interrupt_open(restart) == ()

        record = await store.record(live.sid)
        assert record is not None
        assert (record.call.status, record.call.ended_at) == (CallStatus.INTERRUPTED, restart)
        verdict = record.assessments[-1]
        assert (verdict.final, verdict.revision, verdict.level) == (True, 2, RiskLevel.HIGH)
        assert verdict.notes == ("analyst_unavailable", INTERRUPTED_NOTE)
        assert not await store.set_status(live.id, CallStatus.ENDED, restart)

        untouched = await store.record(ended.sid)
        assert untouched is not None
        assert untouched.call.status is CallStatus.ENDED

    play(scenario)


def test_the_latest_feedback_counts_and_all_is_kept(play: Play) -> None:
    async def scenario(store: CallStore) -> None:
        await store.open_call(CALL)
        words = [Feedback("scam", "ana", AT), Feedback("benign", "luis", AT + timedelta(minutes=1))]
        for word in words:
            await store.add_feedback(CALL.id, word)
        record = await store.record(CALL.sid)
        assert record is not None
        assert list(record.feedback) == words
        with pytest.raises(NotFound):
            await store.add_feedback(CallId("nobody"), words[0])

    play(scenario)


def test_erasing_takes_everything_of_old_calls_and_leaves_live_ones(open_test_database: OpenDatabase) -> None:
    async def scenario() -> None:
        async with store_and_database(open_test_database) as (store, database):
            old, old_but_live, new = numbered(0), numbered(1), numbered(600)
            for call in (old, old_but_live, new):
                await store.open_call(call)
                await store.append(
                    call.id, [said(0, "hello"), ASSESSMENT, Gap(0, 1, "x"), Timing("a", 0, 1)], AT
                )
                await store.add_feedback(call.id, Feedback("scam", "ana", AT))
            await store.set_status(old.id, CallStatus.ENDED, AT)
            await store.set_status(new.id, CallStatus.ENDED, AT)
            assert await store.erase_before(AT + timedelta(minutes=300)) == 1
            assert await store.record(old.sid) is None
            assert await store.record(old_but_live.sid) is not None
            assert await store.record(new.sid) is not None
            async with database.reading() as connection:
                for table in ("utterances", "assessments", "gaps", "timings", "feedback"):
                    assert await connection.scalar(text(f"SELECT count(*) FROM {table}")) == 2, table

    asyncio.run(scenario())


def test_erasing_more_than_fits_one_transaction_finishes(play: Play) -> None:
    async def scenario(store: CallStore) -> None:
        many = [numbered(number, status=CallStatus.ENDED) for number in range(201)]
        await asyncio.gather(*(store.open_call(call) for call in many))
        assert await store.erase_before(AT + timedelta(days=1)) == 201

    play(scenario)


def test_numbers_stand_in_no_column_as_they_are(open_test_database: OpenDatabase) -> None:
    async def scenario() -> None:
        async with store_and_database(open_test_database) as (store, database):
            await store.open_call(CALL)
            async with database.reading() as connection:
                row = (await connection.execute(text("SELECT * FROM calls"))).one()
            for value in row:
                kept = bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
                assert b"5550100" not in kept
                assert b"900000000" not in kept

    asyncio.run(scenario())


def test_a_caller_that_gives_up_waiting_takes_nothing_back(open_test_database: OpenDatabase) -> None:
    async def scenario() -> None:
        async with store_and_database(open_test_database) as (store, database):
            await store.open_call(CALL)
            impatient = asyncio.create_task(store.append(CALL.id, [said(0, "still kept")], AT))
            await asyncio.sleep(0)
            impatient.cancel()
            await store.append(CALL.id, [said(1, "next")], AT)
            async with database.reading() as connection:
                assert await connection.scalar(select(func.count()).select_from(utterances)) == 2

    asyncio.run(scenario())


def test_a_call_is_found_by_the_carriers_id(play: Play) -> None:
    async def scenario(store: CallStore) -> None:
        await store.open_call(CALL)
        assert await store.find(CALL.sid) == CALL
        assert await store.find(CallSid("CAnobody")) is None

    play(scenario)
