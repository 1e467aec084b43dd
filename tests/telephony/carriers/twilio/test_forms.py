import pytest

from ringfence.contracts import WebhookRequest
from ringfence.model.calls import Attestation, CallStatus, Direction
from ringfence.model.errors import WireFormatError
from ringfence.telephony.carriers.twilio import forms

pytestmark = pytest.mark.unit

SID = "CA" + "0" * 31 + "1"
CALL = [("CallSid", SID), ("From", "+15550100"), ("To", "+15550101"), ("Direction", "inbound")]


def form_request(body: bytes, content_type: str = forms.FORM_TYPE) -> WebhookRequest:
    return WebhookRequest("POST", "/x?language=es", {"content-type": content_type}, body)


def test_blank_and_repeated_fields_are_kept_in_order() -> None:
    assert forms.read_fields(form_request(b"a=1&b=&a=2&c")) == [("a", "1"), ("b", ""), ("a", "2"), ("c", "")]


def test_percent_signs_and_plus_signs_are_decoded() -> None:
    assert forms.read_fields(form_request(b"From=%2B15550100&n=Jos%C3%A9+P")) == [
        ("From", "+15550100"),
        ("n", "José P"),
    ]


def test_a_get_carries_its_fields_in_the_query() -> None:
    assert forms.read_fields(WebhookRequest("GET", "/x?CallSid=CA1", {})) == [("CallSid", "CA1")]


@pytest.mark.parametrize(
    "request_",
    [
        form_request(b"a=1&" * 2_000),
        form_request(b"{}", "application/json"),
        WebhookRequest("POST", "/x", {}, b"a=1"),
    ],
    ids=["too many fields", "JSON", "no type"],
)
def test_what_is_no_form_is_refused(request_: WebhookRequest) -> None:
    with pytest.raises(WireFormatError):
        forms.read_fields(request_)


def test_an_incoming_call_is_read() -> None:
    call = forms.read_incoming_call([*CALL, ("StirVerstat", "TN-Validation-Passed-A-Diverted"), ("New", "x")])
    assert (call.sid, call.caller_number, call.called_number) == (SID, "+15550100", "+15550101")
    assert call.direction is Direction.INBOUND
    assert call.attestation is Attestation.A
    assert call.forwarded_from is None


@pytest.mark.parametrize("direction", ["outbound-api", "outbound-dial"])
def test_an_outbound_leg_is_told_apart(direction: str) -> None:
    call = forms.read_incoming_call([("CallSid", SID), ("Direction", direction)])
    assert call.direction is Direction.OUTBOUND


def test_a_forwarded_call_says_from_where() -> None:
    call = forms.read_incoming_call([*CALL, ("ForwardedFrom", "+15550102")])
    assert call.forwarded_from == "+15550102"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("", "anonymous"),
        ("anonymous", "anonymous"),
        ("sip:ana@example.org", "sip:ana@example.org"),
        ("client:\x00ana\n", "client:ana"),
        ("9" * 1_000, "9" * 256),
    ],
    ids=["withheld", "in a word", "SIP", "control characters", "endless"],
)
def test_a_caller_need_not_have_a_number(sent: str, kept: str) -> None:
    assert forms.read_incoming_call([("CallSid", SID), ("From", sent)]).caller_number == kept


def test_of_a_repeated_field_the_first_counts() -> None:
    assert forms.read_incoming_call([*CALL, ("From", "+15550199")]).caller_number == "+15550100"


@pytest.mark.parametrize("sid", ["", "C", "CA../../etc", "CA" + "1" * 63, "CA 1", "CAñ1"])
def test_a_call_without_a_usable_id_is_refused(sid: str) -> None:
    with pytest.raises(WireFormatError):
        forms.read_incoming_call([("CallSid", sid)])


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("queued", CallStatus.RINGING),
        ("initiated", CallStatus.RINGING),
        ("ringing", CallStatus.RINGING),
        ("in-progress", CallStatus.LIVE),
        ("completed", CallStatus.ENDED),
        ("busy", CallStatus.ENDED),
        ("failed", CallStatus.ENDED),
        ("no-answer", CallStatus.ENDED),
        ("canceled", CallStatus.ENDED),
    ],
)
def test_every_documented_status_has_its_place(word: str, status: CallStatus) -> None:
    change = forms.read_call_status([*CALL, ("CallStatus", word), ("SequenceNumber", "3")])
    assert (change.sid, change.status, change.carrier_status, change.sequence) == (SID, status, word, 3)


@pytest.mark.parametrize("sequence", ["", "x", "-1", "9" * 40])
def test_a_strange_sequence_number_counts_as_zero(sequence: str) -> None:
    change = forms.read_call_status([*CALL, ("CallStatus", "ringing"), ("SequenceNumber", sequence)])
    assert change.sequence == 0


@pytest.mark.parametrize("word", ["", "exploded"])
def test_an_unknown_status_is_refused(word: str) -> None:
    with pytest.raises(WireFormatError):
        forms.read_call_status([*CALL, ("CallStatus", word)])


@pytest.mark.parametrize("event", ["started", "stopped", "error"])
def test_a_stream_status_is_read(event: str) -> None:
    change = forms.read_stream_status(
        [
            ("CallSid", SID),
            ("StreamSid", "MZ1"),
            ("StreamEvent", f"stream-{event}"),
            ("StreamError", "31921\x00"),
        ]
    )
    assert (change.sid, change.stream_sid, change.event, change.error) == (SID, "MZ1", event, "31921")


@pytest.mark.parametrize("missing", ["CallSid", "StreamSid", "StreamEvent"])
def test_a_stream_status_with_something_missing_is_refused(missing: str) -> None:
    form = [("CallSid", SID), ("StreamSid", "MZ1"), ("StreamEvent", "stream-started")]
    with pytest.raises(WireFormatError):
        forms.read_stream_status([(name, value) for name, value in form if name != missing])
