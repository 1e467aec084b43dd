import pytest
from twilio.twiml.voice_response import Dial as OfficialDial
from twilio.twiml.voice_response import Start, VoiceResponse

from ringfence.testing.twiml import BadDocument, Dial, Hangup, Pause, Say, Stream, Unknown, parse

pytestmark = pytest.mark.unit

XML = "application/xml"


def test_what_the_carriers_own_package_writes_is_understood() -> None:
    document = VoiceResponse()
    document.say("This call is monitored.", language="en-GB")
    start = Start()
    stream = start.stream(
        url="wss://calls.example.org/media",
        track="both_tracks",
        status_callback="https://calls.example.org/s",
    )
    stream.parameter(name="pass", value="abc")
    document.append(start)
    dial = OfficialDial()
    dial.number("+15550101")
    document.append(dial)
    document.pause(length=60)
    document.hangup()
    assert parse(f"{XML}; charset=utf-8", str(document).encode()) == [
        Say("This call is monitored.", "en-GB"),
        Stream(
            "wss://calls.example.org/media",
            {"pass": "abc"},
            ("inbound", "outbound"),
            "https://calls.example.org/s",
            is_connect=False,
        ),
        Dial("+15550101"),
        Pause(60.0),
        Hangup(),
    ]


def test_verbs_nobody_here_obeys_are_named() -> None:
    body = b"<Response><Gather/><Start><Transcription/></Start><Dial><Conference>x</Conference></Dial></Response>"
    assert parse(XML, body) == [Unknown("Gather"), Unknown("Start/Transcription"), Unknown("Dial/Conference")]


@pytest.mark.parametrize(
    ("content_type", "body", "reason"),
    [
        ("application/json", b"<Response/>", "content type"),
        (XML, b"<Response>", "not well-formed"),
        (XML, b"<Answer/>", "root"),
        (XML, b"<!DOCTYPE x [<!ENTITY a 'b'>]><Response>&a;</Response>", "document type"),
        (XML, b'<Response><Start><Stream url="wss://x/y?z=1"/></Start></Response>', "without a query"),
        (XML, b'<Response><Start><Stream url="https://x/y"/></Start></Response>', "ws or wss"),
        (
            XML,
            b'<Response><Connect><Stream url="wss://x" track="both_tracks"/></Connect></Response>',
            "track",
        ),
        (
            XML,
            b'<Response><Start><Stream url="wss://x"><Parameter name="p" value="%s"/></Stream></Start></Response>'
            % (b"x" * 500),
            "longer than 500",
        ),
    ],
    ids=[
        "json",
        "broken",
        "other root",
        "entities",
        "query",
        "not a socket",
        "both on connect",
        "long parameter",
    ],
)
def test_what_a_carrier_would_hang_up_on_is_refused(content_type: str, body: bytes, reason: str) -> None:
    with pytest.raises(BadDocument, match=reason):
        parse(content_type, body)
