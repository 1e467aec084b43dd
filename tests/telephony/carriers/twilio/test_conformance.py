import pytest

from ringfence.contracts import Carrier
from ringfence.telephony.carriers.twilio import TwilioOptions, create
from ringfence.testing.conformance import CarrierConformance

pytestmark = pytest.mark.unit

PUBLIC_URL = "https://calls.example.org"
MEDIA_URL = "wss://calls.example.org/api/v1/twilio/media-stream"


class TestTwilio(CarrierConformance):
    def carrier(self) -> Carrier:
        return create(TwilioOptions(PUBLIC_URL, ("0123456789abcdef0123456789abcdef",), MEDIA_URL))

    def without_secret(self) -> Carrier:
        return create(TwilioOptions(PUBLIC_URL, (), MEDIA_URL))
