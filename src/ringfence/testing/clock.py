"""A clock that stands still until it is told to move. Satisfies `contracts.Clock`."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


class ManualClock:
    def __init__(self, start: datetime = EPOCH) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock's instants are aware: give the start a time zone")
        self._now = start.astimezone(UTC)
        self._elapsed = timedelta()

    def now(self) -> datetime:
        return self._now

    def monotonic_s(self) -> float:
        return self._elapsed.total_seconds()

    def advance(self, seconds: float) -> datetime:
        """Move both clocks on; the new instant. Raises ValueError for a step back."""
        if seconds < 0:
            raise ValueError("time does not go back; set the wall clock with `set_wall`")
        step = timedelta(seconds=seconds)
        self._elapsed += step
        self._now += step
        return self._now

    def set_wall(self, instant: datetime) -> None:
        """Move the wall clock alone, back as well: what an administrator or a time server may do."""
        self._now = instant.astimezone(UTC)
