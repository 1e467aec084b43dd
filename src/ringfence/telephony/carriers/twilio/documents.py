"""What we answer: TwiML ("TwiML Voice: Say, Stream, Dial, Pause").

A forked stream does not hold the line: Twilio goes on with what follows it, and hangs up when nothing does.
"""

import re
from xml.etree.ElementTree import Element, SubElement, tostring

from ringfence.model.calls import CallInstructions, StreamInstruction

STREAM_NAME = "ringfence"
PARAMETER_LIMIT = 500
"""Characters of one stream parameter, name and value together (Twilio, "Stream")."""
LONGEST_CALL_S = 14_400  # four hours: Twilio's limit for a call
_PAUSE_S = 3_600

_VOICES = {
    "ca": "ca-ES",
    "da": "da-DK",
    "de": "de-DE",
    "en": "en-US",
    "es": "es-MX",
    "fi": "fi-FI",
    "fr": "fr-FR",
    "it": "it-IT",
    "ja": "ja-JP",
    "ko": "ko-KR",
    "nb": "nb-NO",
    "nl": "nl-NL",
    "pl": "pl-PL",
    "pt": "pt-BR",
    "ru": "ru-RU",
    "sv": "sv-SE",
    "zh": "zh-CN",
}
_REGIONS = frozenset({"en-AU", "en-CA", "en-GB", "en-IN", "es-ES", "fr-CA", "pt-PT", "zh-HK", "zh-TW"})
"""Beside the voices above: what `<Say>` speaks without an extra voice."""
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2


def render(instructions: CallInstructions) -> str:
    """The document for a call that came in. Raises ValueError for a stream parameter too long to send."""
    response = Element("Response")
    if instructions.notice:
        say = SubElement(response, "Say", language=spoken_language(instructions.language))
        say.text = _xml(instructions.notice)
    if instructions.stream is not None:
        _add_stream(response, instructions.stream)
    if instructions.connect_to:
        dial = SubElement(response, "Dial")
        if instructions.caller_id:
            dial.set("callerId", _xml(instructions.caller_id))
        dial.text = _xml(instructions.connect_to)
    else:
        for _ in range(LONGEST_CALL_S // _PAUSE_S):
            SubElement(response, "Pause", length=str(_PAUSE_S))
    return '<?xml version="1.0" encoding="UTF-8"?>' + tostring(response, encoding="unicode")


def spoken_language(tag: str) -> str:
    """The language of `<Say>` nearest to a BCP-47 tag."""
    language, _, region = tag.partition("-")
    regional = f"{language.lower()}-{region.upper()}"
    if regional in _REGIONS or regional in _VOICES.values():
        return regional
    return _VOICES.get(language.lower(), _VOICES["en"])


def _add_stream(response: Element, stream: StreamInstruction) -> None:
    element = SubElement(
        SubElement(response, "Start"),
        "Stream",
        name=STREAM_NAME,
        url=_xml(stream.url),
        track="both_tracks" if stream.both_tracks else "inbound_track",
    )
    if stream.status_callback_url:
        element.set("statusCallback", _xml(stream.status_callback_url))
    for name, value in stream.parameters.items():
        if len(name) + len(value) >= PARAMETER_LIMIT:
            raise ValueError(
                f"stream parameter '{name}' and its value are under {PARAMETER_LIMIT} characters"
            )
        SubElement(element, "Parameter", name=_xml(name), value=_xml(value))


def _xml(text: str) -> str:
    return _NOT_XML.sub("", text)
