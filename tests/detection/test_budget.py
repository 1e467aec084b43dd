"""Money spent on models is capped."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from ringfence.detection import budget
from ringfence.detection.budget import Budget

pytestmark = pytest.mark.unit

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_call_stops_asking_at_its_cap_and_others_go_on() -> None:
    purse = Budget(0.10, 10.0)
    assert purse.allows("a", NOON)
    purse.spend("a", 0.06, NOON)
    assert purse.allows("a", NOON)
    purse.spend("a", 0.06, NOON)
    assert not purse.allows("a", NOON)
    assert purse.allows("b", NOON)


def test_at_the_days_cap_nobody_asks_until_the_next_day_in_utc() -> None:
    purse = Budget(1.0, 1.0)
    purse.spend("a", 1.0, NOON)
    assert not purse.allows("b", NOON)
    assert not purse.allows("b", NOON.replace(hour=23, minute=59))
    assert purse.allows("b", NOON + timedelta(hours=12))


def test_the_day_is_that_of_utc_wherever_the_clock_stands() -> None:
    purse = Budget(1.0, 1.0)
    evening_in_santiago = datetime(2026, 3, 1, 22, tzinfo=timezone(timedelta(hours=-3)))
    purse.spend("a", 1.0, NOON)
    assert purse.allows("b", evening_in_santiago)
    assert purse.spent_today_usd(evening_in_santiago) == 0


def test_a_cap_of_nothing_allows_nothing() -> None:
    assert not Budget(0, 10).allows("a", NOON)
    assert not Budget(10, 0).allows("a", NOON)


def test_calls_long_over_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "REMEMBERED_CALLS", 3)
    purse = Budget(1.0, 100.0)
    for call in "abcd":
        purse.spend(call, 1.0, NOON)
    assert purse.allows("a", NOON)
    assert not purse.allows("d", NOON)
