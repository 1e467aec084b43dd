"""Who looked is written down, once in a while."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from ringfence.access.roles import Principal, Role
from ringfence.testing.clock import ManualClock
from ringfence.web.looks import SAME_LOOK, Looks
from ringfence.web.services import Services

pytestmark = pytest.mark.db

ANA = Principal("Ana", Role.OPERATOR)
LUIS = Principal("Luis", Role.VIEWER)


def test_looking_again_within_a_while_is_the_same_look(
    open_services: Callable[[], AbstractAsyncContextManager[Services]],
) -> None:
    async def story() -> None:
        async with open_services() as services:
            looks = Looks(services)
            assert isinstance(services.clock, ManualClock)
            for principal, subject, wait_s in (
                (ANA, "call 1", 0),
                (ANA, "call 1", SAME_LOOK.total_seconds() - 1),
                (LUIS, "call 1", 0),
                (ANA, "call 2", 0),
                (ANA, "call 1", 1),
            ):
                services.clock.advance(wait_s)
                await looks.note(principal, "call.viewed", subject)
            entries = await services.audit.entries()
        assert [(entry.who, entry.subject) for entry in entries] == [
            ("Ana", "call 1"),
            ("Luis", "call 1"),
            ("Ana", "call 2"),
            ("Ana", "call 1"),
        ]

    asyncio.run(story())
