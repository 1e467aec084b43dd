import pytest

from ringfence.model.calls import CallStatus, Party

pytestmark = pytest.mark.unit


def test_the_calling_party_is_the_user_and_the_protected_one_the_callee() -> None:
    assert [party.role for party in (Party.REMOTE, Party.SUBSCRIBER)] == ["user", "callee"]


def test_a_call_is_over_when_it_ended_or_was_interrupted() -> None:
    assert [status for status in CallStatus if status.is_over] == [CallStatus.ENDED, CallStatus.INTERRUPTED]
