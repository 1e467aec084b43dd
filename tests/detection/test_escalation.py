"""When the analyst is asked."""

import pytest

from ringfence.detection.escalation import wants_analyst
from ringfence.model.assessment import RiskLevel

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("since", "level", "previous", "wanted"),
    [
        (1, RiskLevel.LOW, RiskLevel.LOW, False),
        (2, RiskLevel.HIGH, RiskLevel.HIGH, False),
        (3, RiskLevel.LOW, RiskLevel.LOW, True),
        (4, RiskLevel.HIGH, RiskLevel.HIGH, True),
        (1, RiskLevel.MEDIUM, RiskLevel.LOW, True),
        (1, RiskLevel.LOW, RiskLevel.MEDIUM, False),
    ],
)
def test_every_third_utterance_and_when_the_level_rises(
    since: int, level: RiskLevel, previous: RiskLevel, wanted: bool
) -> None:
    assert wants_analyst(utterances_since_last=since, every=3, level=level, previous_level=previous) is wanted
