"""Satisfies `contracts.Carrier` in Twilio's terms."""

from dataclasses import dataclass, field

from ringfence.contracts import Carrier, FormFields, WebhookRequest
from ringfence.model.calls import CallInstructions, CallStatusChanged, IncomingCall, StreamStatusChanged
from ringfence.telephony.carriers.twilio import documents, forms
from ringfence.telephony.carriers.twilio.media import TwilioMediaDecoder
from ringfence.telephony.carriers.twilio.signature import SignatureCheck


@dataclass(frozen=True, slots=True)
class TwilioOptions:
    public_url: str
    """Address under which Twilio calls us: scheme, host, perhaps port and path; no slash at the end."""
    auth_tokens: tuple[str, ...] = field(repr=False)
    """The account's token, and a second one while it is being rotated. Empty: every request is refused."""
    media_url: str
    """Address of the media socket, as it stands in our instructions."""
    account_sid: str = ""


def create(options: TwilioOptions) -> Carrier:
    return TwilioCarrier(options)


class TwilioCarrier:
    name = "twilio"

    def __init__(self, options: TwilioOptions) -> None:
        self._check = SignatureCheck(options.public_url, options.media_url, options.auth_tokens)
        self.is_configured = self._check.has_token

    def verify(self, request: WebhookRequest) -> bool:
        return self._check.accepts(request)

    def read_form(self, request: WebhookRequest) -> FormFields:
        return forms.read_fields(request)

    def read_incoming_call(self, form: FormFields) -> IncomingCall:
        return forms.read_incoming_call(form)

    def read_call_status(self, form: FormFields) -> CallStatusChanged:
        return forms.read_call_status(form)

    def read_stream_status(self, form: FormFields) -> StreamStatusChanged:
        return forms.read_stream_status(form)

    def render(self, instructions: CallInstructions) -> str:
        return documents.render(instructions)

    def media_decoder(self) -> TwilioMediaDecoder:
        return TwilioMediaDecoder()
