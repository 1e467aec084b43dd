"""When a call is worth an analyst's time. Pure."""

from ringfence.model.assessment import RiskLevel


def wants_analyst(
    *, utterances_since_last: int, every: int, level: RiskLevel, previous_level: RiskLevel
) -> bool:
    """After every `every` utterances, and at once when the local level rose."""
    return utterances_since_last >= every or level > previous_level
