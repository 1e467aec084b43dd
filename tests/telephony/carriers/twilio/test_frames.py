"""Two readers of the same messages: the quick one may leave a message alone, but never reads another thing in it."""

import base64
import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.telephony.carriers.twilio.frames import read_any_frame, read_plain_frame

pytestmark = pytest.mark.unit

MULAW = bytes(range(160))
READERS = list(dict.fromkeys((read_any_frame, read_plain_frame)))


def message(mulaw: bytes = MULAW, **changes: Any) -> dict[str, Any]:
    return {
        "event": "media",
        "sequenceNumber": "4",
        "media": {
            "track": "inbound",
            "chunk": "2",
            "timestamp": "5",
            "payload": base64.b64encode(mulaw).decode(),
            **changes,
        },
        "streamSid": "MZ" + "0" * 32,
    }


def wire(text: dict[str, Any]) -> bytes:
    return json.dumps(text, separators=(",", ":")).encode()


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("size", [1, 2, 3, 159, 160, 161, 12_000])
def test_a_frame_is_read_as_it_was_sent(read: Any, size: int) -> None:
    mulaw = random.Random(size).randbytes(size)
    sent = message(mulaw, track="outbound", timestamp="123456789")
    for text in (wire(sent), wire(sent).decode(), json.dumps(sent)):
        assert read(text) == (1, 123_456_789, mulaw)


@pytest.mark.parametrize("read", READERS)
def test_the_order_of_the_fields_does_not_matter(read: Any) -> None:
    sent = message()
    media = dict(reversed(sent["media"].items()))
    assert read(wire(dict(reversed((sent | {"media": media}).items())))) == (0, 5, MULAW)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    "text",
    [
        wire({"event": "stop"}),
        wire({"event": "media"}),
        wire(message() | {"event": "dtmf"}),
        wire(message(track="sideways")),
        wire(message(timestamp="soon")),
        wire(message(payload="QQ=")),
        wire(message(payload="Q===")),
        wire(message(payload="====")),
        wire(message(payload="QQ==QQ==")),
        wire(message(payload="=QQQ")),
        wire(message(payload="Q\u00e9==")),
        wire(message(payload="QQ\n=")),
        wire(message())[:-1],
        wire(message()) + b"}",
        wire(message()) + b"\0",
        b'{"event":"media","media":{}}',
        b"",
        "",
        "\ud800",
    ],
)
def test_what_is_no_frame_is_none_of_theirs(read: Any, text: bytes | str) -> None:
    assert read(text) is None


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_other_kinds_of_buffers_are_left_alone_or_read_alike(kind: Any) -> None:
    assert read_plain_frame(kind(wire(message()))) in (None, (0, 5, MULAW))


def test_a_said_time_is_read_and_none_is_told() -> None:
    unsaid = message()
    del unsaid["media"]["timestamp"]
    assert read_any_frame(wire(unsaid)) == (0, -1, MULAW)
    assert read_any_frame(wire(message(timestamp=7))) == (0, 7, MULAW)


def agree(text: bytes | str) -> None:
    plain = read_plain_frame(text)
    assert plain is None or plain == read_any_frame(text), text


_scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
_words = st.sampled_from(
    ["media", "inbound", "outbound", "event", "5", "05", "-1", "1e2", "", "QUJD", "QQ==", "QR=="]
)
_media = st.lists(
    st.tuples(st.sampled_from(["track", "timestamp", "payload", "chunk", "new"]), _words | _scalars),
    max_size=6,
)
_fields = st.lists(
    st.tuples(st.sampled_from(["event", "media", "streamSid", "new"]), _words | _scalars | _media), max_size=5
)


def written(fields: Any, ascii_only: bool) -> str:
    """JSON of pairs, in which a name may come twice."""
    if not isinstance(fields, list):
        return json.dumps(fields, ensure_ascii=ascii_only)
    return "{" + ",".join(f"{json.dumps(name)}:{written(value, ascii_only)}" for name, value in fields) + "}"


@settings(max_examples=2_000, deadline=None)
@given(_fields, st.booleans())
def test_strange_messages_are_read_alike(fields: Any, ascii_only: bool) -> None:
    text = written(fields, ascii_only)
    agree(text)
    agree(text.encode("utf-8", "surrogatepass"))


SPOILERS = [
    b"", b'"', b"\\", b"\\u0061", b"\\\"", b"\0", b"\xff", b"\xc3\xa9", b"\xed\xa0\x80", b"{", b"}", b":", b",", b" ",
    b"\n", b"=", b"==", b"-", b"0", b"99999999999999999999", b"null", b'"event":"stop",', b'"payload":"QQ==",',
    b'"track":"outbound",', b'"media":{},', b"[" * 1_200, b"A" * 70_000,
]  # fmt: skip


def test_spoilt_messages_are_read_alike() -> None:
    chance = random.Random(20)
    for _ in range(20_000):
        text = bytearray(wire(message(chance.randbytes(chance.choice((0, 1, 2, 3, 20, 160))))))
        for _ in range(chance.randrange(1, 4)):
            start = chance.randrange(len(text) + 1)
            end = min(len(text), start + chance.choice((0, 0, 1, 2, 8, 200)))
            text[start:end] = chance.choice(SPOILERS[:-2] if chance.random() < 0.99 else SPOILERS)
        agree(bytes(text))
        agree(text.decode("utf-8", "replace"))
        if chance.random() < 0.1:
            agree(text.decode("utf-8", "surrogateescape"))
