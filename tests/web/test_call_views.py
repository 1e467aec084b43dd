"""Kept calls as they are shown, where the shape of a call decides."""

from datetime import UTC, datetime

import pytest

from ringfence.model.calls import Call, CallId, CallSid, Direction
from ringfence.model.history import CallRecord
from ringfence.web import call_views

pytestmark = pytest.mark.unit

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def call(direction: Direction) -> Call:
    return Call(CallId("id-1"), CallSid("CA1"), "+15550111", "+15550100", "en", NOW, direction=direction)


@pytest.mark.parametrize(
    ("direction", "legs"),
    [
        (Direction.INBOUND, [("remote", "+15550111", "CA1"), ("subscriber", "+15550100", None)]),
        (Direction.OUTBOUND, [("subscriber", "+15550111", "CA1"), ("remote", "+15550100", None)]),
    ],
)
def test_whoever_placed_the_call_is_on_the_leg_that_the_carrier_named(
    direction: Direction, legs: list[tuple[str, str, str | None]]
) -> None:
    shown = call_views.detail(CallRecord(call(direction), (), ()))
    assert [(leg.party, leg.number, leg.call_sid) for leg in shown.legs] == legs


def test_a_call_of_which_nothing_was_heard_is_shown_as_such() -> None:
    shown = call_views.detail(CallRecord(call(Direction.INBOUND), (), ()))
    assert (shown.risk_level, shown.score, shown.detector) == ("low", 0, "")
    assert (shown.transcript, shown.assessments) == ([], [])
