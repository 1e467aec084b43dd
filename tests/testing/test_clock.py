from datetime import UTC, datetime, timedelta

import pytest

from ringfence.testing.clock import EPOCH, ManualClock

pytestmark = pytest.mark.unit


def test_time_stands_still_until_it_is_moved() -> None:
    clock = ManualClock()
    assert (clock.now(), clock.monotonic_s()) == (EPOCH, 0.0)
    assert clock.advance(1.5) == EPOCH + timedelta(seconds=1.5)
    assert (clock.now(), clock.monotonic_s()) == (EPOCH + timedelta(seconds=1.5), 1.5)


def test_the_wall_clock_can_be_set_back_but_elapsed_time_cannot() -> None:
    clock = ManualClock()
    clock.advance(10)
    clock.set_wall(datetime(2025, 1, 1, tzinfo=UTC))
    assert clock.monotonic_s() == 10
    assert clock.now() == datetime(2025, 1, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="does not go back"):
        clock.advance(-1)


def test_a_start_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        ManualClock(datetime(2026, 1, 1))  # noqa: DTZ001
