"""Reading calls back: one of them whole, pages of the history, and figures over all."""

import base64
import binascii
import statistics
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Select, exists, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from ringfence.contracts import Cipher
from ringfence.model.assessment import RiskLevel
from ringfence.model.calls import CallSid, CallStatus
from ringfence.model.errors import WireFormatError
from ringfence.model.history import CallPage, CallQuery, CallRecord
from ringfence.telephony import rows
from ringfence.telephony.tables import assessments, audio_chunks, calls, feedback, gaps, timings, utterances

MOST_A_PAGE = 200
_TIMINGS_LOOKED_AT = 10_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


async def read_record(connection: AsyncConnection, cipher: Cipher, call_sid: CallSid) -> CallRecord | None:
    """Everything kept about a call, or None when there is no such call."""
    row = (await connection.execute(select(calls).where(calls.c.sid == call_sid))).one_or_none()
    if row is None:
        return None

    async def of_call(statement: Select[Any]) -> list[Any]:
        return list((await connection.execute(statement)).all())

    heard = select(utterances).where(utterances.c.call_id == row.id).order_by(utterances.c.index)
    judged = select(assessments).where(assessments.c.call_id == row.id).order_by(assessments.c.revision)
    missed = select(gaps).where(gaps.c.call_id == row.id).order_by(gaps.c.start_ms, gaps.c.id)
    measured = select(timings).where(timings.c.call_id == row.id).order_by(timings.c.id)
    said = select(feedback).where(feedback.c.call_id == row.id).order_by(feedback.c.id)
    has_audio = await connection.scalar(select(exists().where(audio_chunks.c.call_id == row.id)))
    return CallRecord(
        call=rows.call_from_row(row, cipher),
        transcript=tuple(rows.utterance_from_row(found) for found in await of_call(heard)),
        assessments=tuple(rows.assessment_from_row(found) for found in await of_call(judged)),
        gaps=tuple(rows.gap_from_row(found) for found in await of_call(missed)),
        timings=tuple(rows.timing_from_row(found) for found in await of_call(measured)),
        feedback=tuple(rows.feedback_from_row(found) for found in await of_call(said)),
        facts=rows.facts_from_text(row.facts),
        has_audio=bool(has_audio),
    )


async def read_page(connection: AsyncConnection, cipher: Cipher, query: CallQuery) -> CallPage:
    """Calls that match, newest first. Raises WireFormatError when the cursor is not one of ours."""
    limit = max(1, min(query.limit, MOST_A_PAGE))
    statement = _matching(query, cipher).order_by(calls.c.started_at.desc(), calls.c.id.desc())
    found = (await connection.execute(statement.limit(limit + 1))).all()
    page = found[:limit]
    return CallPage(
        calls=tuple(rows.summary_from_row(row, cipher) for row in page),
        next_cursor=_cursor(page[-1].started_at, page[-1].id) if len(found) > limit else None,
    )


def _matching(query: CallQuery, cipher: Cipher) -> Select[Any]:
    statement = select(calls)
    if query.since is not None:
        statement = statement.where(calls.c.started_at >= query.since)
    if query.until is not None:
        statement = statement.where(calls.c.started_at < query.until)
    if query.number:
        index = cipher.index(query.number, rows.NUMBER_INDEX)
        statement = statement.where(
            or_(calls.c.caller_number_index == index, calls.c.called_number_index == index)
        )
    if query.min_level is not None:
        statement = statement.where(calls.c.level >= int(query.min_level))
    if query.status is not None:
        statement = statement.where(calls.c.status == query.status.value)
    if words := rows.fold(rows.storable(query.text)).strip():
        said = utterances.c.folded.contains(words, autoescape=True)
        statement = statement.where(exists().where(utterances.c.call_id == calls.c.id, said))
    if query.cursor is not None:
        started_at, call_id = _position(query.cursor)
        statement = statement.where(tuple_(calls.c.started_at, calls.c.id) < tuple_(started_at, call_id))
    return statement


def _cursor(started_at: datetime, call_id: str) -> str:
    text = f"{(started_at - _EPOCH) // _MICROSECOND}:{call_id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _position(cursor: str) -> tuple[datetime, str]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        microseconds, _, call_id = base64.urlsafe_b64decode(padded.encode()).decode().partition(":")
        if not call_id or "\0" in call_id:
            raise ValueError("no id")
        return _EPOCH + int(microseconds) * _MICROSECOND, call_id
    except (ValueError, OverflowError, binascii.Error):
        raise WireFormatError("the cursor is not one that an earlier page gave") from None


async def read_stats(connection: AsyncConnection) -> dict[str, object]:
    """Figures over all kept calls. Timings are milliseconds, over the latest ones."""
    by_status = await _counts(connection, calls.c.status)
    by_level = await _counts(connection, calls.c.level)
    judged = calls.c.level >= int(RiskLevel.MEDIUM)
    verdicts = (
        await connection.execute(
            select(calls.c.feedback, judged.label("danger"), func.count().label("number"))
            .where(calls.c.feedback.is_not(None))
            .group_by(calls.c.feedback, judged)
        )
    ).all()
    told = {(row.feedback, bool(row.danger)): int(row.number) for row in verdicts}
    return {
        "calls": sum(by_status.values()),
        "calls_by_status": {status.value: by_status.get(status.value, 0) for status in CallStatus},
        "calls_by_level": {level.word: by_level.get(int(level), 0) for level in RiskLevel},
        "utterances": int(await connection.scalar(select(func.count()).select_from(utterances)) or 0),
        "feedback": {
            "scam_caught": told.get(("scam", True), 0),
            "scam_missed": told.get(("scam", False), 0),
            "benign_alarmed": told.get(("benign", True), 0),
            "benign_passed": told.get(("benign", False), 0),
        },
        "timings_ms": await _timings(connection),
    }


async def _counts(connection: AsyncConnection, column: Any) -> dict[Any, int]:
    found = await connection.execute(select(column, func.count()).group_by(column))
    return {value: int(number) for value, number in found.all()}


async def _timings(connection: AsyncConnection) -> dict[str, dict[str, float]]:
    latest = select(timings.c.step, timings.c.elapsed_ms).order_by(timings.c.id.desc())
    by_step: defaultdict[str, list[float]] = defaultdict(list)
    for step, elapsed_ms in (await connection.execute(latest.limit(_TIMINGS_LOOKED_AT))).all():
        by_step[step].append(elapsed_ms)
    return {step: _spread(sorted(values)) for step, values in sorted(by_step.items())}


def _spread(ascending: list[float]) -> dict[str, float]:
    return {
        "count": len(ascending),
        "median": statistics.median(ascending),
        "p95": ascending[min(len(ascending) - 1, int(0.95 * len(ascending)))],
    }
