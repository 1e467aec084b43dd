"""What is due, and that the sweep asks each store for exactly that."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from ringfence.privacy.retention import Cutoffs, Erase, Swept, Terms, cutoffs, sweep

pytestmark = pytest.mark.unit

NOW = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)
TERMS = Terms(audio=timedelta(days=30), calls=timedelta(days=365))


def test_each_kind_of_data_has_its_own_term() -> None:
    assert cutoffs(NOW, TERMS) == Cutoffs(
        audio=NOW - timedelta(days=30), calls=NOW - timedelta(days=365), claims=NOW - timedelta(days=7)
    )


def test_audio_never_outlives_its_call() -> None:
    terms = Terms(audio=timedelta(days=30), calls=timedelta(days=10))
    assert cutoffs(NOW, terms).audio == NOW - timedelta(days=10)


def test_a_sweep_erases_what_is_due_and_counts_it() -> None:
    asked: dict[str, datetime] = {}

    def store(name: str, erased: int) -> Erase:
        async def erase_before(instant: datetime) -> int:
            asked[name] = instant
            return erased

        return erase_before

    swept = asyncio.run(
        sweep(NOW, TERMS, calls=store("calls", 1), audio=store("audio", 2), claims=store("claims", 3))
    )
    assert swept == Swept(audio_chunks=2, calls=1, claims=3)
    due = cutoffs(NOW, TERMS)
    assert asked == {"calls": due.calls, "audio": due.audio, "claims": due.claims}
