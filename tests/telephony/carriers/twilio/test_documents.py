"""Judged by a parser and by the vendor's own classes: no element or attribute that those do not know."""

import inspect
import re
from collections.abc import Mapping
from xml.etree import ElementTree as ET

import pytest
from twilio.twiml import voice_response

from ringfence.model.calls import CallInstructions, StreamInstruction
from ringfence.telephony.carriers.twilio.documents import render, spoken_language

pytestmark = pytest.mark.unit

STREAM = StreamInstruction(
    "wss://calls.example.org/api/v1/twilio/media-stream",
    {"pass": 'a<b&"c', "language": "es"},
    "https://calls.example.org/api/v1/twilio/stream-status?x=1&y=2",
)
EVERYTHING = CallInstructions(
    "Se supervisa <esta> & otras", "es-CL", STREAM, connect_to="+56900000001", caller_id="+56900000002"
)
# Which method of the vendor's package makes an element inside another one; its parameters are the attributes.
MAKERS = {
    ("Response", "Say"): voice_response.VoiceResponse.say,
    ("Response", "Start"): voice_response.VoiceResponse.start,
    ("Response", "Dial"): voice_response.VoiceResponse.dial,
    ("Response", "Pause"): voice_response.VoiceResponse.pause,
    ("Start", "Stream"): voice_response.Start.stream,
    ("Stream", "Parameter"): voice_response.Stream.parameter,
}


def parse(document: str) -> ET.Element:
    return ET.fromstring(document.encode())


def check(element: ET.Element) -> None:
    for child in element:
        known = {
            re.sub(r"_(.)", lambda letter: letter[1].upper(), name)
            for name in inspect.signature(MAKERS[element.tag, child.tag]).parameters
        }
        assert set(child.attrib) <= known, child.tag
        check(child)


def stream_parameters(root: ET.Element) -> Mapping[str, str]:
    return {item.attrib["name"]: item.attrib["value"] for item in root.iter("Parameter")}


@pytest.mark.parametrize(
    "instructions",
    [
        EVERYTHING,
        CallInstructions(),
        CallInstructions(stream=STREAM),
        CallInstructions(connect_to="+15550100"),
    ],
    ids=["everything", "nothing", "stream only", "unheard"],
)
def test_the_vendors_package_knows_every_element_and_attribute(instructions: CallInstructions) -> None:
    root = parse(render(instructions))
    assert root.tag == "Response"
    check(root)


def test_the_vendors_package_would_write_the_same_document() -> None:
    response = voice_response.VoiceResponse()
    response.say(EVERYTHING.notice, language="es-MX")
    start = voice_response.Start()
    stream = voice_response.Stream(
        name="ringfence", url=STREAM.url, track="both_tracks", status_callback=STREAM.status_callback_url
    )
    for name, value in STREAM.parameters.items():
        stream.parameter(name=name, value=value)
    response.append(start)
    start.append(stream)
    response.dial("+56900000001", caller_id="+56900000002")
    assert ET.canonicalize(render(EVERYTHING)) == ET.canonicalize(str(response))


def test_the_notice_comes_before_the_stream_and_the_connection_last() -> None:
    assert [element.tag for element in parse(render(EVERYTHING))] == ["Say", "Start", "Dial"]


def test_the_document_goes_on_for_as_long_as_a_call_may_last() -> None:
    root = parse(render(CallInstructions(stream=STREAM)))
    assert root[0].tag == "Start"
    assert sum(int(pause.attrib["length"]) for pause in root.iter("Pause")) == 4 * 3_600


def test_parameters_arrive_as_they_were_given() -> None:
    assert stream_parameters(parse(render(EVERYTHING))) == STREAM.parameters


def test_one_track_is_asked_for_where_one_is_wanted() -> None:
    instruction = StreamInstruction(STREAM.url, {}, "", both_tracks=False)
    stream = next(parse(render(CallInstructions(stream=instruction))).iter("Stream"))
    assert stream.attrib["track"] == "inbound_track"
    assert "statusCallback" not in stream.attrib


def test_the_callers_own_number_stays_unless_another_is_given() -> None:
    dial = next(parse(render(CallInstructions(connect_to="+15550100"))).iter("Dial"))
    assert dial.text == "+15550100"
    assert dial.attrib == {}


def test_characters_that_xml_cannot_carry_are_left_out() -> None:
    root = parse(render(CallInstructions(notice="a\x00b\x0b\ud800c", language="en")))
    assert root[0].text == "abc"


def test_a_parameter_too_long_for_the_carrier_is_refused() -> None:
    with pytest.raises(ValueError, match="500"):
        render(CallInstructions(stream=StreamInstruction("wss://x/y", {"pass": "p" * 496}, "")))


@pytest.mark.parametrize(
    ("tag", "spoken"),
    [
        ("en", "en-US"),
        ("en-GB", "en-GB"),
        ("es", "es-MX"),
        ("es-CL", "es-MX"),
        ("es-es", "es-ES"),
        ("xx", "en-US"),
    ],
)
def test_a_language_is_spoken_by_the_nearest_voice(tag: str, spoken: str) -> None:
    assert spoken_language(tag) == spoken
