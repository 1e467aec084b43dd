"""Who looked at or changed what: a log that is only added to, and that shows when it was tampered with.

Every entry carries a hash over itself and the entry before it, so a changed, removed or inserted entry breaks
the chain at that place. The database itself refuses to update or delete (triggers of the first migration).
A log cut off at its end looks whole: whoever must prove more keeps `head()` somewhere else from time to time.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, MetaData, Row, Table, Text, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ringfence.columns import Instant
from ringfence.contracts import Database

metadata = MetaData()

audit_log = Table(
    "audit_log",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("who", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

_BEGINNING = "0" * 64
_ADVISORY_LOCK = 0x41756469  # any number that nothing else in this program locks
_READ_AT_ONCE = 1000
MOST_A_PAGE = 1000


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the log."""

    number: int
    """From 1, without a hole."""
    at: datetime
    who: str
    """Such as `key:console` or `system`."""
    action: str
    """A static word, such as `call.viewed`."""
    subject: str
    """What it was done to: an id of ours or of the carrier's, never a name or a phone number."""
    hash: str = ""
    """SHA-256 over this entry and the hash before it, hexadecimal."""


class AuditLog:
    """See the module's docstring."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, who: str, action: str, subject: str, at: datetime) -> AuditEntry:
        """Write one entry; on return it is committed."""
        async with self._db.transaction() as connection:
            # One at a time across all processes: each entry needs the hash before it. SQLite has one writer.
            if self._db.dialect == "postgresql":
                await connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
            number, previous = await _head(connection)
            entry = AuditEntry(number + 1, at.astimezone(UTC), _clean(who), _clean(action), _clean(subject))
            entry = _hashed(entry, previous)
            await connection.execute(
                insert(audit_log).values(
                    number=entry.number,
                    at=entry.at,
                    who=entry.who,
                    action=entry.action,
                    subject=entry.subject,
                    hash=entry.hash,
                )
            )
            return entry

    async def entries(self, after: int = 0, limit: int = 100) -> tuple[AuditEntry, ...]:
        """Entries with a higher number than `after`, oldest first."""
        async with self._db.reading() as connection:
            return await _read(connection, after, max(1, min(limit, MOST_A_PAGE)))

    async def latest(self, limit: int = 100) -> tuple[AuditEntry, ...]:
        """The last entries, newest first."""
        statement = (
            select(audit_log).order_by(audit_log.c.number.desc()).limit(max(1, min(limit, MOST_A_PAGE)))
        )
        async with self._db.reading() as connection:
            return tuple(_from_row(row) for row in (await connection.execute(statement)).all())

    async def head(self) -> tuple[int, str]:
        """Number and hash of the last entry: with them, a copy elsewhere shows a log that was cut off."""
        async with self._db.reading() as connection:
            return await _head(connection)

    async def verify(self) -> bool:
        """Whether every entry is the one that was written, in its place."""
        last, previous = 0, _BEGINNING
        async with self._db.reading() as connection:
            while entries := await _read(connection, last, _READ_AT_ONCE):
                for entry in entries:
                    if entry.number != last + 1 or entry != _hashed(entry, previous):
                        return False
                    last, previous = entry.number, entry.hash
        return True


async def _head(connection: AsyncConnection) -> tuple[int, str]:
    statement = select(audit_log.c.number, audit_log.c.hash).order_by(audit_log.c.number.desc()).limit(1)
    row = (await connection.execute(statement)).one_or_none()
    return (row.number, row.hash) if row is not None else (0, _BEGINNING)


async def _read(connection: AsyncConnection, after: int, limit: int) -> tuple[AuditEntry, ...]:
    statement = select(audit_log).where(audit_log.c.number > after).order_by(audit_log.c.number).limit(limit)
    return tuple(_from_row(row) for row in (await connection.execute(statement)).all())


def _from_row(row: Row[Any]) -> AuditEntry:
    return AuditEntry(row.number, row.at, row.who, row.action, row.subject, row.hash)


def _hashed(entry: AuditEntry, previous: str) -> AuditEntry:
    content = json.dumps(
        [previous, entry.number, entry.at.isoformat(), entry.who, entry.action, entry.subject],
        separators=(",", ":"),
    )
    digest = hashlib.sha256(content.encode()).hexdigest()
    return AuditEntry(entry.number, entry.at, entry.who, entry.action, entry.subject, digest)


def _clean(words: str) -> str:
    # PostgreSQL's text holds neither NUL nor halves of surrogate pairs.
    return words.replace("\0", "").encode("utf-8", "replace").decode()
