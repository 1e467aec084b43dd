"""Seal what is kept once more, with the newest key, while calls go on."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Column, Row, Table, select, update

from ringfence.contracts import Cipher, Database
from ringfence.telephony.audio_store import chunk_context
from ringfence.telephony.rows import CALLED, CALLER
from ringfence.telephony.tables import audio_chunks, calls

_AT_ONCE = 200

Context = Callable[[Row[Any]], str]


def _caller(_: Row[Any]) -> str:
    return CALLER


def _called(_: Row[Any]) -> str:
    return CALLED


def _audio(row: Row[Any]) -> str:
    return chunk_context(row.call_id, row.party, row.start_ms)


_SEALED: Sequence[tuple[Table, Column[bytes], Context]] = (
    (calls, calls.c.caller_number_sealed, _caller),
    (calls, calls.c.called_number_sealed, _called),
    (audio_chunks, audio_chunks.c.sealed, _audio),
)
"""Every sealed column of this room, and to what its values are bound."""


async def reseal(db: Database, cipher: Cipher, is_current: Callable[[bytes], bool]) -> int:
    """Seal again every value that `is_current` does not hold for; how many those were.

    Small transactions; nobody waits long. A value that cannot be opened any more raises ValueError."""
    resealed = 0
    for table, column, context in _SEALED:
        last: Any = None
        while True:
            page = select(table).order_by(table.c.id).limit(_AT_ONCE)
            async with db.reading() as connection:
                found = (
                    await connection.execute(page if last is None else page.where(table.c.id > last))
                ).all()
            if not found:
                break
            last = found[-1].id
            stale = [row for row in found if not is_current(bytes(row._mapping[column]))]
            if not stale:
                continue
            async with db.transaction() as connection:
                for row in stale:
                    sealed = bytes(row._mapping[column])
                    again = cipher.seal(cipher.open(sealed, context(row)), context(row))
                    # Whoever changed or erased the row meanwhile is right.
                    await connection.execute(
                        update(table).where(table.c.id == row.id, column == sealed).values({column: again})
                    )
            resealed += len(stale)
    return resealed
