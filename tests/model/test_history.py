from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ringfence.model.assessment import Assessment, RiskLevel
from ringfence.model.calls import Call, CallId, CallSid
from ringfence.model.history import CallRecord

pytestmark = pytest.mark.unit

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RECORD = CallRecord(Call(CallId("c"), CallSid("CA1"), "+15550111", "+15550100", "en", NOW), (), ())


def test_a_call_without_a_judgement_counts_as_low() -> None:
    assert RECORD.level is RiskLevel.LOW


def test_the_latest_judgement_is_the_level_of_the_call() -> None:
    first = Assessment(1, 0, RiskLevel.HIGH, 0.8, False, (), "", "d", "local", NOW)
    last = replace(first, revision=2, level=RiskLevel.CRITICAL)
    assert replace(RECORD, assessments=(first, last)).level is RiskLevel.CRITICAL
