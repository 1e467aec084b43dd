"""Who looked at a call, written into the audit log before it is shown.

A console asks again and again for what it shows. The same person looking at the same thing within a quarter of
an hour is one entry, in this process.
"""

from collections import OrderedDict
from datetime import datetime, timedelta

from ringfence.access.roles import Principal
from ringfence.web.services import Services

SAME_LOOK = timedelta(minutes=15)
REMEMBERED = 10_000


class Looks:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._latest: OrderedDict[tuple[str, str, str], datetime] = OrderedDict()

    async def note(self, principal: Principal, action: str, subject: str) -> None:
        """`action` such as `call.viewed`. Raises when the log cannot be written: then nothing is shown."""
        now = self._services.clock.now()
        look = (principal.name, action, subject)
        before = self._latest.get(look)
        if before is not None and now - before < SAME_LOOK:
            return
        await self._services.audit.add(principal.name, action, subject, now)
        self._latest[look] = now
        self._latest.move_to_end(look)
        if len(self._latest) > REMEMBERED:
            self._latest.popitem(last=False)
