"""Calls and everything heard and judged in them. What `append` returned from is committed.

Phone numbers stand sealed, beside a keyed hash by which they are found. Words stand as they are: secrets
were taken out of them before they came here. Reading is in `history`.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, assert_never

from sqlalchemy import CursorResult, Insert, Table, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError, StatementError
from sqlalchemy.ext.asyncio import AsyncConnection

from ringfence.contracts import Cipher, Database
from ringfence.model.assessment import Assessment
from ringfence.model.calls import Call, CallId, CallSid, CallStatus
from ringfence.model.errors import Conflict, NotFound
from ringfence.model.history import CallPage, CallQuery, CallRecord, Feedback, Timing
from ringfence.model.speech import Gap, Utterance
from ringfence.telephony import history, rows
from ringfence.telephony.group_commit import GroupCommit
from ringfence.telephony.tables import assessments, calls, claims, feedback, gaps, timings, utterances

Entry = Utterance | Assessment | Gap | Timing

INTERRUPTED_NOTE = "interrupted"
"""Note on the last assessment of a call whose end the server did not live to see."""

_ERASED_AT_ONCE = 200

_EARLIER = {
    CallStatus.RINGING: (),
    CallStatus.LIVE: (CallStatus.RINGING,),
    CallStatus.ENDED: (CallStatus.RINGING, CallStatus.LIVE),
    CallStatus.INTERRUPTED: (CallStatus.RINGING, CallStatus.LIVE),
}
"""Status -> those from which a call may come to it."""


@dataclass(frozen=True, slots=True)
class _Writing:
    """One `append`, ready for the database."""

    call_id: CallId
    inserts: Mapping[Table, list[rows.Values]]
    summary: rows.Values


class CallStore:
    """See the module's docstring. One a process and database."""

    def __init__(self, db: Database, cipher: Cipher) -> None:
        self._db = db
        self._cipher = cipher
        self._appends = GroupCommit(self._write, is_fault_of_an_item=_is_fault_of_an_item)

    async def open_call(self, call: Call) -> Call:
        """Keep a call, unless one with its sid is kept already; what is kept."""
        async with self._db.transaction() as connection:
            await connection.execute(
                self._insert_or_ignore(calls).values(rows.call_values(call, self._cipher))
            )
            row = (await connection.execute(select(calls).where(calls.c.sid == call.sid))).one()
            return rows.call_from_row(row, self._cipher)

    async def set_status(self, call_id: CallId, status: CallStatus, at: datetime) -> bool:
        """Move a call forward; True if that changed it. A late or repeated word changes nothing."""
        values: rows.Values = {"status": status.value}
        if status.is_over:
            values["ended_at"] = at
        earlier = [before.value for before in _EARLIER[status]]
        statement = update(calls).where(calls.c.id == call_id, calls.c.status.in_(earlier)).values(values)
        async with self._db.transaction() as connection:
            return _changed(await connection.execute(statement)) == 1

    async def claim(self, key: str, at: datetime) -> bool:
        """True for the first who asks for this key, wherever they run; False for all others."""
        async with self._db.transaction() as connection:
            statement = self._insert_or_ignore(claims).values(key=key, claimed_at=at)
            return _changed(await connection.execute(statement)) == 1

    async def append(self, call_id: CallId, entries: Sequence[Entry], at: datetime) -> None:
        """Keep what was heard, judged, missed or measured; committed on return.

        Those who append at the same time share a transaction. Raises NotFound for an unknown call, Conflict
        for an utterance or assessment that is kept already; then nothing of `entries` is kept."""
        if entries:
            await self._appends.add(_prepare(call_id, entries, at))

    async def set_facts(self, call_id: CallId, facts: Mapping[str, object]) -> None:
        """Add to the call's facts; a known name gets its new value. Raises NotFound."""
        async with self._db.transaction() as connection:
            kept = await connection.scalar(
                select(calls.c.facts).where(calls.c.id == call_id).with_for_update()
            )
            if kept is None:
                raise NotFound(f"there is no call {call_id}")
            merged = rows.facts_text({**rows.facts_from_text(kept), **facts})
            await connection.execute(update(calls).where(calls.c.id == call_id).values(facts=merged))

    async def interrupt_open(self, at: datetime) -> tuple[CallSid, ...]:
        """Close calls that an earlier run of the server left open; their sids.

        Their last assessment becomes their verdict, with a note. For the start only, before any call."""
        async with self._db.transaction() as connection:
            still_open = calls.c.status.in_([CallStatus.RINGING.value, CallStatus.LIVE.value])
            found = (await connection.execute(select(calls.c.id, calls.c.sid).where(still_open))).all()
            for call_id, _ in found:
                await connection.execute(
                    update(calls)
                    .where(calls.c.id == call_id)
                    .values(status=CallStatus.INTERRUPTED.value, ended_at=at)
                )
                await _close_judgement(connection, CallId(call_id), at)
            return tuple(CallSid(sid) for _, sid in found)

    async def find(self, call_sid: CallSid) -> Call | None:
        """The call itself, without what was said in it; None when there is none."""
        async with self._db.reading() as connection:
            row = (await connection.execute(select(calls).where(calls.c.sid == call_sid))).one_or_none()
            return rows.call_from_row(row, self._cipher) if row is not None else None

    async def record(self, call_sid: CallSid) -> CallRecord | None:
        """Everything kept about a call."""
        async with self._db.reading() as connection:
            return await history.read_record(connection, self._cipher, call_sid)

    async def search(self, query: CallQuery) -> CallPage:
        """A page of calls, newest first. Raises WireFormatError when the cursor is not one of ours."""
        async with self._db.reading() as connection:
            return await history.read_page(connection, self._cipher, query)

    async def stats(self) -> dict[str, object]:
        """Figures over all kept calls."""
        async with self._db.reading() as connection:
            return await history.read_stats(connection)

    async def add_feedback(self, call_id: CallId, given: Feedback) -> None:
        """Keep what a person says of the call; the latest word is the one that counts. Raises NotFound."""
        async with self._db.transaction() as connection:
            statement = update(calls).where(calls.c.id == call_id).values(feedback=given.label)
            if _changed(await connection.execute(statement)) == 0:
                raise NotFound(f"there is no call {call_id}")
            await connection.execute(insert(feedback).values(rows.feedback_values(call_id, given)))

    async def erase_before(self, instant: datetime) -> int:
        """Erase calls that began before and are over, with all that hangs on them; how many."""
        is_over = calls.c.status.in_([CallStatus.ENDED.value, CallStatus.INTERRUPTED.value])
        some = select(calls.c.id).where(calls.c.started_at < instant, is_over).limit(_ERASED_AT_ONCE)
        erased = 0
        while True:
            # A transaction for every few: live calls want to write as well.
            async with self._db.transaction() as connection:
                now_erased = _changed(await connection.execute(delete(calls).where(calls.c.id.in_(some))))
            erased += now_erased
            if now_erased < _ERASED_AT_ONCE:
                return erased

    async def erase_claims_before(self, instant: datetime) -> int:
        """Forget claims that no repetition can come for any more; how many."""
        async with self._db.transaction() as connection:
            return _changed(await connection.execute(delete(claims).where(claims.c.claimed_at < instant)))

    async def _write(self, writings: Sequence[_Writing]) -> None:
        by_table: defaultdict[Table, list[rows.Values]] = defaultdict(list)
        summaries: dict[CallId, rows.Values] = {}
        for writing in writings:
            for table, values in writing.inserts.items():
                by_table[table].extend(values)
            summaries[writing.call_id] = _merge(summaries.get(writing.call_id), writing.summary)
        try:
            async with self._db.transaction() as connection:
                # The calls first, in one order everywhere: their row locks then cannot form a ring.
                await connection.execute(_SUMMARISE, [summaries[call_id] for call_id in sorted(summaries)])
                for table, values in by_table.items():
                    await connection.execute(insert(table), values)
        except IntegrityError as error:
            if len(writings) > 1:
                raise
            raise await self._explain(writings[0].call_id) from error

    async def _explain(self, call_id: CallId) -> Exception:
        async with self._db.reading() as connection:
            if await connection.scalar(select(calls.c.id).where(calls.c.id == call_id)) is None:
                return NotFound(f"there is no call {call_id}")
        return Conflict(f"an utterance or assessment of call {call_id} is kept already")

    def _insert_or_ignore(self, table: Table) -> Insert:
        if self._db.dialect == "sqlite":
            return sqlite.insert(table).on_conflict_do_nothing()
        return postgresql.insert(table).on_conflict_do_nothing()


_SUMMARISE = (
    update(calls)
    .where(calls.c.id == bindparam("of_call"))
    .values(
        level=func.coalesce(bindparam("new_level", type_=calls.c.level.type), calls.c.level),
        score=func.coalesce(bindparam("new_score", type_=calls.c.score.type), calls.c.score),
        last_words=func.coalesce(bindparam("new_words", type_=calls.c.last_words.type), calls.c.last_words),
        utterances=calls.c.utterances + bindparam("more_utterances", type_=calls.c.utterances.type),
    )
)


def _prepare(call_id: CallId, entries: Sequence[Entry], at: datetime) -> _Writing:
    inserts: defaultdict[Table, list[rows.Values]] = defaultdict(list)
    level: int | None = None
    score: float | None = None
    words: str | None = None
    for entry in entries:
        match entry:
            case Utterance():
                inserts[utterances].append(rows.utterance_values(call_id, entry, at))
                words = rows.storable(entry.text)
            case Assessment():
                inserts[assessments].append(rows.assessment_values(call_id, entry))
                level, score = int(entry.level), entry.score
            case Gap():
                inserts[gaps].append(rows.gap_values(call_id, entry))
            case Timing():
                inserts[timings].append(rows.timing_values(call_id, entry))
            case _:
                assert_never(entry)
    summary = {
        "of_call": call_id,
        "new_level": level,
        "new_score": score,
        "new_words": words,
        "more_utterances": len(inserts[utterances]) if utterances in inserts else 0,
    }
    return _Writing(call_id, inserts, summary)


def _merge(earlier: rows.Values | None, later: rows.Values) -> rows.Values:
    if earlier is None:
        return later
    known = {name: value for name, value in later.items() if value is not None}
    return {**earlier, **known, "more_utterances": earlier["more_utterances"] + later["more_utterances"]}


async def _close_judgement(connection: AsyncConnection, call_id: CallId, at: datetime) -> None:
    latest = (
        select(assessments).where(assessments.c.call_id == call_id).order_by(assessments.c.revision.desc())
    )
    row = (await connection.execute(latest.limit(1))).one_or_none()
    if row is None or row.final:
        return
    last = rows.assessment_from_row(row)
    verdict = replace(
        last, revision=last.revision + 1, made_at=at, final=True, notes=(*last.notes, INTERRUPTED_NOTE)
    )
    await connection.execute(insert(assessments).values(rows.assessment_values(call_id, verdict)))


def _changed(result: CursorResult[Any]) -> int:
    return result.rowcount


def _is_fault_of_an_item(error: Exception) -> bool:
    """Whether the database took exception to a value, rather than being out of reach or out of room."""
    return isinstance(error, StatementError) and not isinstance(error, OperationalError | InterfaceError)
