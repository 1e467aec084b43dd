"""Reads the document with which a server tells the carrier what to do with a call.

Knows the verbs that the simulated carrier can obey; names every other one, since a real carrier might obey it.
"""

from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree as ET

STREAM_PARAMETER_LIMIT = 500  # characters, name and value together; Twilio, "TwiML Voice: Stream"


class BadDocument(ValueError):
    """What a carrier would hang up on."""


@dataclass(frozen=True, slots=True)
class Say:
    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Stream:
    url: str
    parameters: dict[str, str]
    tracks: tuple[Literal["inbound", "outbound"], ...]
    status_callback: str
    is_connect: bool
    """`<Connect>`: the document waits for the socket; `<Start>`: it goes on at once."""


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


@dataclass(frozen=True, slots=True)
class Dial:
    number: str


@dataclass(frozen=True, slots=True)
class Hangup:
    pass


@dataclass(frozen=True, slots=True)
class Unknown:
    verb: str


Verb = Say | Stream | Pause | Dial | Hangup | Unknown
_TRACKS: dict[str, tuple[Literal["inbound", "outbound"], ...]] = {
    "inbound_track": ("inbound",),
    "outbound_track": ("outbound",),
    "both_tracks": ("inbound", "outbound"),
}


def parse(content_type: str, body: bytes) -> list[Verb]:
    """The verbs in order. Raises BadDocument."""
    kind = content_type.split(";", maxsplit=1)[0].strip().lower()
    if kind not in ("application/xml", "text/xml"):
        raise BadDocument(f"content type {kind or 'missing'} instead of application/xml")
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise BadDocument("a document type declaration")
    try:
        root = ET.fromstring(body)
    except ET.ParseError as error:
        raise BadDocument(f"not well-formed: {error}") from None
    if root.tag != "Response":
        raise BadDocument(f"root <{root.tag}> instead of <Response>")
    return [verb for element in root for verb in _verbs(element)]


def _verbs(element: ET.Element) -> list[Verb]:
    match element.tag:
        case "Say":
            return [Say((element.text or "").strip(), element.get("language", "en-US"))]
        case "Start" | "Connect":
            is_connect = element.tag == "Connect"
            return [
                _stream(child, is_connect) if child.tag == "Stream" else Unknown(f"{element.tag}/{child.tag}")
                for child in element
            ]
        case "Pause":
            return [Pause(float(element.get("length", "1")))]
        case "Dial":
            numbers = [child.text or "" for child in element if child.tag == "Number"]
            others: list[Verb] = [Unknown(f"Dial/{child.tag}") for child in element if child.tag != "Number"]
            number = (numbers[0] if numbers else element.text or "").strip()
            return [*others, Dial(number)] if number else others
        case "Hangup" | "Reject":
            return [Hangup()]
        case _:
            return [Unknown(element.tag)]


def _stream(element: ET.Element, is_connect: bool) -> Stream:
    url = element.get("url", "")
    if not url.startswith(("ws://", "wss://")) or "?" in url:
        raise BadDocument(f"a stream's address must be ws or wss and without a query: '{url}'")
    parameters = {
        child.get("name", ""): child.get("value", "") for child in element if child.tag == "Parameter"
    }
    for name, value in parameters.items():
        if len(name) + len(value) > STREAM_PARAMETER_LIMIT:
            raise BadDocument(f"stream parameter '{name}' is longer than {STREAM_PARAMETER_LIMIT} characters")
    track = element.get("track", "inbound_track")
    if track not in _TRACKS or (is_connect and track != "inbound_track"):
        raise BadDocument(f"a stream cannot carry track '{track}' here")
    return Stream(url, parameters, _TRACKS[track], element.get("statusCallback", ""), is_connect)
