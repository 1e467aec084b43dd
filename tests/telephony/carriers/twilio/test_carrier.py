import pytest
from twilio.request_validator import RequestValidator

from ringfence import providers
from ringfence.contracts import WebhookRequest
from ringfence.model.calls import CallInstructions, CallStatus
from ringfence.telephony.carriers import twilio

pytestmark = pytest.mark.unit

BASE = "https://calls.example.org"
MEDIA = "wss://calls.example.org/api/v1/twilio/media-stream"


def carrier(*tokens: str) -> twilio.TwilioCarrier:
    return twilio.TwilioCarrier(twilio.TwilioOptions(BASE, tokens, MEDIA))


def test_the_carrier_is_found_by_the_name_of_its_file() -> None:
    assert "twilio" in providers.names("carrier")
    made = providers.load("carrier", "twilio").create(twilio.TwilioOptions(BASE, ("t",), MEDIA))
    assert made.name == "twilio"


@pytest.mark.parametrize(("tokens", "expected"), [((), False), (("",), False), (("t",), True)])
def test_it_is_configured_once_it_has_a_token(tokens: tuple[str, ...], expected: bool) -> None:
    assert carrier(*tokens).is_configured is expected


def test_tokens_are_not_shown() -> None:
    assert "secret" not in repr(twilio.TwilioOptions(BASE, ("secret",), MEDIA))


def test_a_webhook_is_verified_and_read() -> None:
    fields = {
        "CallSid": "CA1",
        "CallStatus": "completed",
        "StreamSid": "MZ1",
        "StreamEvent": "stream-stopped",
    }
    body = "&".join(f"{name}={value}" for name, value in fields.items()).encode()
    signature = RequestValidator("t").compute_signature(BASE + "/hook", fields)
    headers = {"x-twilio-signature": signature, "content-type": "application/x-www-form-urlencoded"}
    request = WebhookRequest("POST", "/hook", headers, body)
    ours = carrier("t")
    assert ours.verify(request)
    form = ours.read_form(request)
    assert ours.read_incoming_call(form).sid == "CA1"
    assert ours.read_call_status(form).status is CallStatus.ENDED
    assert ours.read_stream_status(form).event == "stopped"


def test_instructions_become_a_document() -> None:
    assert "<Pause" in carrier("t").render(CallInstructions())


def test_every_socket_gets_a_decoder_of_its_own() -> None:
    ours = carrier("t")
    assert ours.media_decoder() is not ours.media_decoder()
