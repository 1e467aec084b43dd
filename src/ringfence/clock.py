"""The real clock, and the only place that reads it."""

import time
from datetime import UTC, datetime


class SystemClock:
    """Satisfies `contracts.Clock`."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Seconds on a clock that never goes back; only differences mean anything."""
        return time.monotonic()
