"""Reading calls back: records, pages and figures, the same on SQLite and on PostgreSQL."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ringfence.model.assessment import Assessment, RiskLevel
from ringfence.model.calls import Call, CallId, CallSid, CallStatus, Party
from ringfence.model.errors import WireFormatError
from ringfence.model.history import CallQuery, Feedback, Timing
from ringfence.model.speech import Utterance
from ringfence.privacy.cipher import CipherKeys, FieldCipher
from ringfence.telephony.store import CallStore
from ringfence.testing.databases import OpenDatabase

pytestmark = pytest.mark.db

AT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
CALL = Call(CallId("call-0000"), CallSid("CA0000"), "+15550100", "+15550199", "es-CL", AT)
ASSESSMENT = Assessment(
    1, 0, RiskLevel.HIGH, 0.8125, False, (), "Nivel de riesgo: ALTO", "rules 1", "local", AT
)


def said(index: int, words: str) -> Utterance:
    return Utterance(index, Party.REMOTE, words, index * 1000, index * 1000 + 800)


def numbered(number: int, **changes: object) -> Call:
    """Another call, that began so many minutes later."""
    call = replace(
        CALL,
        id=CallId(f"call-{number:04}"),
        sid=CallSid(f"CA{number:04}"),
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
                cipher = FieldCipher(CipherKeys({1: os.urandom(32)}, os.urandom(32)))
                await scenario(CallStore(database, cipher))

        asyncio.run(with_store())

    return run


def test_an_unknown_call_has_no_record(play: Play) -> None:
    async def scenario(store: CallStore) -> None:
        assert await store.record(CallSid("CAnobody")) is None

    play(scenario)


def test_pages_are_newest_first_and_hold_every_call_once(play: Play) -> None:
    async def scenario(store: CallStore) -> None:
        same_moment = [numbered(number, started_at=AT) for number in range(5)]
        others = [numbered(number) for number in range(5, 12)]
        for call in (*same_moment, *others):
            await store.open_call(call)
        seen: list[CallSid] = []
        cursor: str | None = None
        while True:
            page = await store.search(CallQuery(limit=3, cursor=cursor))
            assert len(page.calls) <= 3
            seen += [line.call.sid for line in page.calls]
            cursor = page.next_cursor
            if cursor is None:
                break
        newest_first = sorted(
            (*same_moment, *others), key=lambda call: (call.started_at, call.id), reverse=True
        )
        assert seen == [call.sid for call in newest_first]

    play(scenario)


@pytest.mark.parametrize("cursor", ["nonsense!", "", "MTIz", "eDp5", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OmE"])
def test_a_cursor_of_somebody_elses_making_is_refused(cursor: str, play: Play) -> None:
    async def scenario(store: CallStore) -> None:
        with pytest.raises(WireFormatError):
            await store.search(CallQuery(cursor=cursor))

    play(scenario)


def test_calls_are_found_by_what_is_known_of_them(play: Play) -> None:
    async def scenario(store: CallStore) -> None:
        early = numbered(1, caller_number="+15550101", called_number="+15550102")
        middle = numbered(2, caller_number="+15550103", called_number="+15550101")
        late = numbered(3, caller_number="+15550104", called_number="+15550105")
        for call in (early, middle, late):
            await store.open_call(call)
        await store.append(
            middle.id, [said(0, "Llamo de su BANCO, señora Núñez: 100 % seguro"), ASSESSMENT], AT
        )
        await store.set_status(late.id, CallStatus.ENDED, AT)

        async def found(query: CallQuery) -> list[Call]:
            page = await store.search(query)
            return [replace(line.call, status=CallStatus.RINGING, ended_at=None) for line in page.calls]

        assert await found(CallQuery(number="+15550101")) == [middle, early]
        assert await found(CallQuery(number="+15550199")) == []
        assert await found(CallQuery(since=middle.started_at)) == [late, middle]
        assert await found(CallQuery(until=middle.started_at)) == [early]
        assert await found(CallQuery(min_level=RiskLevel.MEDIUM)) == [middle]
        assert await found(CallQuery(min_level=RiskLevel.CRITICAL)) == []
        assert await found(CallQuery(status=CallStatus.ENDED)) == [late]
        for words in ("banco, SEÑORA núñez", "nunez", "100 %", "BANCO"):
            assert await found(CallQuery(text=words)) == [middle], words
        for words in ("bancos", "100%", "_", "1%seguro"):
            assert await found(CallQuery(text=words)) == [], words
        assert await found(CallQuery(number="+15550101", text="banco", limit=1)) == [middle]

    play(scenario)


def test_a_line_of_the_history_tells_how_it_stands(play: Play) -> None:
    async def scenario(store: CallStore) -> None:
        await store.open_call(CALL)
        await store.append(CALL.id, [said(0, "one"), ASSESSMENT, said(1, "two")], AT)
        await store.append(CALL.id, [replace(ASSESSMENT, revision=2, level=RiskLevel.LOW, score=0.1)], AT)
        await store.add_feedback(CALL.id, Feedback("benign", "ana", AT))
        (line,) = (await store.search(CallQuery())).calls
        assert (line.level, line.score, line.last_words, line.utterances) == (RiskLevel.LOW, 0.1, "two", 2)
        assert line.feedback == "benign"

    play(scenario)


def test_stats_count_calls_and_compare_verdicts_with_feedback(play: Play) -> None:
    async def scenario(store: CallStore) -> None:
        for number in range(4):
            await store.open_call(numbered(number))
        danger = numbered(0)
        timings = [Timing("shown", 0, float(ms)) for ms in range(1, 101)]
        await store.append(danger.id, [said(0, "hello"), ASSESSMENT, *timings], AT)
        await store.add_feedback(danger.id, Feedback("scam", "ana", AT))
        await store.add_feedback(numbered(1).id, Feedback("scam", "ana", AT))
        await store.add_feedback(numbered(2).id, Feedback("benign", "ana", AT))
        stats = await store.stats()
        assert stats["calls"] == 4
        assert stats["calls_by_level"] == {"low": 3, "medium": 0, "high": 1, "critical": 0}
        assert stats["utterances"] == 1
        assert stats["feedback"] == {
            "scam_caught": 1,
            "scam_missed": 1,
            "benign_alarmed": 0,
            "benign_passed": 1,
        }
        assert stats["timings_ms"] == {"shown": {"count": 100, "median": 50.5, "p95": 96.0}}

    play(scenario)
