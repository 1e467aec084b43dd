"""What models may cost, per call and per day. Pure: the instant is an argument."""

from collections import OrderedDict
from datetime import UTC, date, datetime

REMEMBERED_CALLS = 10_000


class Budget:
    """Money spent on models; above either cap the local detector goes on alone.

    Kept in memory: a restart begins anew.
    """

    def __init__(self, call_limit_usd: float, day_limit_usd: float) -> None:
        self._call_limit_usd = call_limit_usd
        self._day_limit_usd = day_limit_usd
        self._by_call: OrderedDict[str, float] = OrderedDict()
        self._day: date | None = None
        self._spent_today_usd = 0.0

    def allows(self, call_id: str, now: datetime) -> bool:
        """Whether one more question may be asked. A cap of 0 allows none."""
        self._turn_day(now)
        return (
            self._by_call.get(call_id, 0.0) < self._call_limit_usd
            and self._spent_today_usd < self._day_limit_usd
        )

    def spend(self, call_id: str, cost_usd: float, now: datetime) -> None:
        self._turn_day(now)
        self._spent_today_usd += cost_usd
        self._by_call[call_id] = self._by_call.pop(call_id, 0.0) + cost_usd
        while len(self._by_call) > REMEMBERED_CALLS:
            self._by_call.popitem(last=False)

    def spent_today_usd(self, now: datetime) -> float:
        self._turn_day(now)
        return self._spent_today_usd

    def _turn_day(self, now: datetime) -> None:
        today = now.astimezone(UTC).date()
        if today != self._day:
            self._day = today
            self._spent_today_usd = 0.0
