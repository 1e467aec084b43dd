import pytest

from ringfence.model.errors import ProviderError

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("retryable", [True, False])
def test_a_provider_says_whether_trying_again_can_help(retryable: bool) -> None:
    error = ProviderError("busy", retryable=retryable)
    assert (str(error), error.retryable) == ("busy", retryable)
