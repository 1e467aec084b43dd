import base64
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.model.calls import CallSid, Party
from ringfence.model.errors import WireFormatError
from ringfence.model.media import (
    AudioReceived,
    KeypadPressed,
    MarkReached,
    MediaCounters,
    StreamStarted,
    StreamStopped,
)
from ringfence.telephony.carriers.twilio import frames
from ringfence.telephony.carriers.twilio import media as messages
from ringfence.telephony.carriers.twilio.media import TwilioMediaDecoder

pytestmark = pytest.mark.unit

CALL = CallSid("CA" + "a" * 32)
STREAM = "MZ" + "b" * 32
CONNECTED = {"event": "connected", "protocol": "Call", "version": "1.0.0"}


@pytest.fixture(
    autouse=True,
    params=dict.fromkeys((frames.read_any_frame, frames.read_plain_frame)),
    ids=lambda read: read.__name__,
)
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "read_plain_frame", request.param)


def start(tracks: tuple[str, ...] = ("inbound", "outbound"), **changes: Any) -> dict[str, Any]:
    """As the documentation shows it; numbers at the top are strings."""
    return {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": STREAM,
        "start": {
            "accountSid": "AC" + "0" * 32,
            "streamSid": STREAM,
            "callSid": CALL,
            "tracks": list(tracks),
            "customParameters": {"pass": "p", "language": "es"},
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            **changes,
        },
    }


def media(
    timestamp_ms: int | str, *, track: str = "inbound", chunk: int = 1, mulaw: bytes = b"\x11" * 160
) -> dict[str, Any]:
    payload = base64.b64encode(mulaw).decode()
    return {
        "event": "media",
        "sequenceNumber": "2",
        "streamSid": STREAM,
        "media": {"track": track, "chunk": str(chunk), "timestamp": str(timestamp_ms), "payload": payload},
    }


def started(**changes: Any) -> TwilioMediaDecoder:
    decoder = TwilioMediaDecoder()
    decoder.decode(json.dumps(start(**changes)))
    return decoder


def tell(decoder: TwilioMediaDecoder, message: dict[str, Any]) -> Any:
    return decoder.decode(json.dumps(message).encode())


def test_the_first_message_of_a_socket_tells_nothing() -> None:
    assert tell(TwilioMediaDecoder(), CONNECTED) is None


def test_a_start_names_the_call_and_brings_our_parameters_back() -> None:
    event = tell(TwilioMediaDecoder(), start())
    assert event == StreamStarted(
        STREAM,
        CALL,
        (Party.REMOTE, Party.SUBSCRIBER),
        {"pass": "p", "language": "es"},
    )


@pytest.mark.parametrize("text", [True, False], ids=["text", "bytes"])
def test_audio_is_handed_over_as_it_came(text: bool) -> None:
    message = json.dumps(media(5, mulaw=bytes(range(160))))
    event = started().decode(message if text else message.encode())
    assert event == AudioReceived(Party.REMOTE, bytes(range(160)), 5)


@pytest.mark.parametrize(
    ("parameters", "track", "party"),
    [
        ({}, "inbound", Party.REMOTE),
        ({}, "outbound", Party.SUBSCRIBER),
        ({"leg": "caller"}, "inbound", Party.REMOTE),
        ({"leg": "subscriber"}, "inbound", Party.SUBSCRIBER),
        ({"leg": "subscriber"}, "outbound", Party.REMOTE),
    ],
)
def test_a_track_belongs_to_a_party_by_the_leg_it_hangs_on(
    parameters: dict[str, str], track: str, party: Party
) -> None:
    decoder = started(customParameters=parameters)
    assert tell(decoder, media(0, track=track)).party is party


@pytest.mark.parametrize(
    ("tracks", "parties"),
    [
        (("inbound",), (Party.REMOTE,)),
        (("outbound",), (Party.SUBSCRIBER,)),
        (("inbound_track", "outbound_track"), (Party.REMOTE, Party.SUBSCRIBER)),
        ((), (Party.REMOTE,)),
    ],
)
def test_the_start_says_whom_we_shall_hear(tracks: tuple[str, ...], parties: tuple[Party, ...]) -> None:
    assert tell(TwilioMediaDecoder(), start(tracks)).parties == parties


@pytest.mark.parametrize("size", [1, 8, 160, 1_600, 12_000])
def test_frames_of_any_size_are_audio(size: int) -> None:
    assert len(tell(started(), media(0, mulaw=b"\x22" * size)).mulaw) == size


def test_an_empty_frame_tells_nothing() -> None:
    decoder = started()
    for at_ms in (0, 0, 40, 20):
        assert tell(decoder, media(at_ms, mulaw=b"")) is None
    assert tell(decoder, media(0)).timestamp_ms == 0
    assert decoder.counters == MediaCounters()


def test_a_frame_without_a_time_follows_the_last_one() -> None:
    decoder = started()
    tell(decoder, media(40))
    message = media(0)
    del message["media"]["timestamp"]
    assert tell(decoder, message).timestamp_ms == 60


def test_frames_in_their_order_count_as_nothing_lost() -> None:
    decoder = started()
    for at_ms in (5, 25, 45):
        tell(decoder, media(at_ms))
    assert decoder.counters == MediaCounters()


@pytest.mark.parametrize(
    "per_track", [True, False], ids=["chunks count per track", "chunks count per stream"]
)
def test_lost_chunks_are_counted_however_the_carrier_numbers_them(per_track: bool) -> None:
    decoder = started()
    for frame in range(50):
        for place, track in enumerate(("inbound", "outbound")):
            if track == "inbound" and frame in (10, 11, 30):
                continue
            chunk = frame + 1 if per_track else 2 * frame + place + 1
            tell(decoder, media(5 + 20 * frame, track=track, chunk=chunk))
    assert decoder.counters.lost_chunks == 3
    assert decoder.counters.late_chunks == 0


def test_a_chunk_that_comes_late_is_late_and_no_longer_lost() -> None:
    decoder = started()
    times = [tell(decoder, media(at_ms)).timestamp_ms for at_ms in (0, 20, 60, 40, 80)]
    assert times == [0, 20, 60, 40, 80]
    assert (decoder.counters.lost_chunks, decoder.counters.late_chunks) == (0, 1)


def test_a_trembling_clock_loses_nothing() -> None:
    decoder = started()
    for at_ms in (0, 21, 39, 60, 82, 100):
        tell(decoder, media(at_ms))
    assert (decoder.counters.lost_chunks, decoder.counters.late_chunks) == (0, 0)


def test_a_clock_that_jumps_is_not_taken_for_lost_audio() -> None:
    decoder = started()
    for at_ms in (0, 10**7, 10**7 + 20, 0, 20):
        tell(decoder, media(at_ms))
    assert (decoder.counters.lost_chunks, decoder.counters.late_chunks) == (0, 0)


def test_keys_marks_and_the_end_are_told() -> None:
    decoder = started()
    pressed = {"event": "dtmf", "streamSid": STREAM, "dtmf": {"track": "inbound_track", "digit": "1"}}
    assert tell(decoder, pressed) == KeypadPressed(Party.REMOTE, "1")
    assert tell(decoder, {"event": "mark", "mark": {"name": "label"}}) == MarkReached("label")
    assert tell(decoder, {"event": "stop", "stop": {"callSid": CALL}}) == StreamStopped(CALL)


@pytest.mark.parametrize(
    "message",
    [
        {"event": "brand-new", "media": "not what you think", "start": 7},
        {"event": "brand-new"},
        {**CONNECTED, "extra": [1, {"a": None}]},
    ],
)
def test_unknown_events_tell_nothing(message: dict[str, Any]) -> None:
    assert tell(started(), message) is None


def test_unknown_fields_are_ignored() -> None:
    message = media(0)
    message["media"]["new"] = {"deep": [1, 2]}
    message["another"] = None
    assert isinstance(tell(started(), message), AudioReceived)


@pytest.mark.parametrize(
    "message",
    [
        media(0, track="sideways"),
        {"event": "media"},
        {"event": "media", "media": {"track": "inbound"}},
        {"event": "media", "media": {"track": "inbound", "payload": "!!!"}},
        {"event": "media", "media": {"track": "inbound", "payload": 7}},
        media("soon"),
        media(10**8),
        media(10**30),
        {"event": "dtmf", "dtmf": {"digit": "12"}},
        {"event": "dtmf", "dtmf": {"digit": "1", "track": "sideways"}},
        {"event": "dtmf"},
        {"event": "mark"},
        {"event": 7},
        {},
        start(),
    ],
    ids=range(15),
)
def test_what_cannot_be_meant_is_an_error_of_the_wire(message: dict[str, Any]) -> None:
    with pytest.raises(WireFormatError):
        tell(started(), message)


@pytest.mark.parametrize(
    "message", [media(0), {"event": "stop"}, {"event": "dtmf", "dtmf": {"digit": "1"}}], ids=str
)
def test_nothing_counts_before_the_start(message: dict[str, Any]) -> None:
    with pytest.raises(WireFormatError):
        tell(TwilioMediaDecoder(), message)


@pytest.mark.parametrize(
    "changes",
    [
        {"callSid": ""},
        {"callSid": "../etc"},
        {"streamSid": "\n"},
        {"mediaFormat": {"encoding": "audio/l16", "sampleRate": 8000, "channels": 1}},
        {"mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 16000, "channels": 1}},
        {"mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 2}},
        {"tracks": ["sideways"]},
        {"customParameters": {"pass": {"nested": 1}}},
    ],
    ids=str,
)
def test_a_start_that_cannot_be_used_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(WireFormatError):
        tell(TwilioMediaDecoder(), start(**changes))


HOSTILE = [
    "",
    "{",
    "null",
    "[]",
    "\ud800",
    '{"event":"\\ud800"}',
    "[" * 10_000,
    '{"event":"media","x":' + "[" * 9_000,
]


@pytest.mark.parametrize("message", HOSTILE, ids=range(len(HOSTILE)))
def test_garbage_is_an_error_of_the_wire_and_nothing_else(message: str) -> None:
    with pytest.raises(WireFormatError):
        started().decode(message)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["event", "media", "start", "track", "payload", "dtmf", "stop"]), inner
        )
    ),
    max_leaves=12,
)


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=200) | _json.map(json.dumps))
def test_nothing_but_an_error_of_the_wire_is_ever_raised(message: bytes | str) -> None:
    decoder = started()
    with suppress(WireFormatError):
        decoder.decode(message)
    assert tell(decoder, media(0)).mulaw == b"\x11" * 160
