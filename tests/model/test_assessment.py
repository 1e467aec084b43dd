import pytest

from ringfence.model.assessment import RiskLevel

pytestmark = pytest.mark.unit


def test_levels_rise_from_low_to_critical() -> None:
    assert [level.word for level in sorted(RiskLevel)] == ["low", "medium", "high", "critical"]


def test_danger_begins_at_medium() -> None:
    assert [level.is_danger for level in RiskLevel] == [False, True, True, True]
