"""What Twilio's webhooks say ("TwiML Voice: request parameters", "Call resource: status callbacks", "Stream").

Unknown fields are ignored: Twilio adds some without notice. A number may be withheld or a SIP address.
"""

import re
from urllib.parse import parse_qsl

from ringfence.contracts import FormFields, WebhookRequest
from ringfence.model.calls import (
    CallSid,
    CallStatus,
    CallStatusChanged,
    Direction,
    IncomingCall,
    StreamStatusChanged,
)
from ringfence.model.errors import WireFormatError
from ringfence.model.numbers import WITHHELD
from ringfence.telephony.attestation import read_attestation

FORM_TYPE = "application/x-www-form-urlencoded"
MAX_FIELDS = 1_000

SID = re.compile(r"[A-Za-z0-9_-]{2,64}")
"""Twilio's are two letters and 32 hexadecimal digits; those of compatible carriers differ."""
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_LONGEST_ADDRESS = 256  # characters; a SIP address with its parameters

_STATUSES = {
    "queued": CallStatus.RINGING,
    "initiated": CallStatus.RINGING,
    "ringing": CallStatus.RINGING,
    "in-progress": CallStatus.LIVE,
    "answered": CallStatus.LIVE,
    "completed": CallStatus.ENDED,
    "busy": CallStatus.ENDED,
    "failed": CallStatus.ENDED,
    "no-answer": CallStatus.ENDED,
    "canceled": CallStatus.ENDED,
}


def content_type(request: WebhookRequest) -> str:
    """The media type alone, in lower case; empty when there is none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def read_fields(request: WebhookRequest) -> FormFields:
    """The fields of a form POST, or of a GET's query. Raises WireFormatError."""
    if request.method.upper() == "GET":
        return parse_fields(request.target.partition("?")[2].encode("utf-8", "replace"))
    if content_type(request) != FORM_TYPE:
        raise WireFormatError(f"a webhook's body is {FORM_TYPE}")
    return parse_fields(request.body)


def parse_fields(body: bytes) -> FormFields:
    """In order, blank values and repetitions kept. Raises WireFormatError when there are too many."""
    try:
        return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise WireFormatError(f"a form has at most {MAX_FIELDS} fields") from None


def read_incoming_call(form: FormFields) -> IncomingCall:
    """Raises WireFormatError when the call has no usable id."""
    fields = _first_values(form)
    forwarded_from = _address(fields.get("ForwardedFrom", ""))
    return IncomingCall(
        sid=_call_sid(fields),
        caller_number=_address(fields.get("From", "")) or WITHHELD,
        called_number=_address(fields.get("To", "")) or WITHHELD,
        direction=Direction.OUTBOUND
        if fields.get("Direction", "").startswith("outbound")
        else Direction.INBOUND,
        attestation=read_attestation(fields.get("StirVerstat")),
        forwarded_from=forwarded_from or None,
    )


def read_call_status(form: FormFields) -> CallStatusChanged:
    """Raises WireFormatError for a call without an id or a status nobody documented."""
    fields = _first_values(form)
    word = fields.get("CallStatus", "").strip().lower()
    status = _STATUSES.get(word)
    if status is None:
        raise WireFormatError("CallStatus is missing or not one of Twilio's")
    sequence = fields.get("SequenceNumber", "")
    return CallStatusChanged(
        _call_sid(fields), status, word, int(sequence) if re.fullmatch(r"[0-9]{1,9}", sequence) else 0
    )


def read_stream_status(form: FormFields) -> StreamStatusChanged:
    """Raises WireFormatError for one without a call, a stream or an event."""
    fields = _first_values(form)
    stream_sid = fields.get("StreamSid", "")
    event = fields.get("StreamEvent", "").strip().lower().removeprefix("stream-")
    if not SID.fullmatch(stream_sid) or not re.fullmatch(r"[a-z-]{1,32}", event):
        raise WireFormatError("StreamSid or StreamEvent is missing or malformed")
    return StreamStatusChanged(
        _call_sid(fields), stream_sid, event, _clean(fields.get("StreamError", ""))[:256]
    )


def _first_values(form: FormFields) -> dict[str, str]:
    """A repeated field's first value stands."""
    return dict(reversed(form))


def _call_sid(fields: dict[str, str]) -> CallSid:
    sid = fields.get("CallSid", "")
    if not SID.fullmatch(sid):
        raise WireFormatError("CallSid is missing or malformed")
    return CallSid(sid)


def _address(text: str) -> str:
    return _clean(text)[:_LONGEST_ADDRESS]


def _clean(text: str) -> str:
    return _UNPRINTABLE.sub("", text).strip()
