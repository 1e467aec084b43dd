"""The messages of a media socket ("Media Streams: WebSocket messages"), turned into events of the house.

Numbers come as strings. A direction of audio is called a track and belongs to the leg that the stream hangs on:
`inbound` is what Twilio receives there. On the caller's leg that is the caller; where the stream's parameter
`leg` says `subscriber` it is the protected person.

Whether `chunk` counts for each track or for the whole stream is not documented, so losses are found by the
timestamps of each track, which are right either way.
"""

import msgspec

from ringfence.model.calls import CallSid, Party
from ringfence.model.errors import WireFormatError
from ringfence.model.media import (
    AudioReceived,
    KeypadPressed,
    MarkReached,
    MediaCounters,
    MediaEvent,
    StreamStarted,
    StreamStopped,
)
from ringfence.telephony.carriers.twilio.forms import SID
from ringfence.telephony.carriers.twilio.frames import (
    TRACKS,
    UNREADABLE,
    read_any_frame,
    read_plain_frame,
)

SAMPLES_PER_MS = 8
LEG_PARAMETER = "leg"
SUBSCRIBER_LEG = "subscriber"
_KEYS = frozenset("0123456789*#ABCD")
_LONGEST_LOSS_MS = 60_000
"""A jump in time beyond this is a clock that was set, not audio that was lost."""
_LATEST_MS = 24 * 3_600_000
"""No call lasts this long; Twilio's limit is four hours."""


class _Event(msgspec.Struct):
    event: str


class _Format(msgspec.Struct):
    encoding: str = "audio/x-mulaw"
    sampleRate: int = 8_000  # noqa: N815 (the wire's spelling)
    channels: int = 1


class _Start(msgspec.Struct, rename="camel"):
    call_sid: str
    stream_sid: str = ""
    tracks: list[str] = []
    custom_parameters: dict[str, str] = {}
    media_format: _Format = msgspec.field(default_factory=_Format)


class _StartMessage(msgspec.Struct, rename="camel"):
    start: _Start
    stream_sid: str = ""


class _Keypad(msgspec.Struct):
    digit: str
    track: str = "inbound_track"


class _KeypadMessage(msgspec.Struct):
    dtmf: _Keypad


class _Mark(msgspec.Struct):
    name: str = ""


class _MarkMessage(msgspec.Struct):
    mark: _Mark


_read_event = msgspec.json.Decoder(_Event).decode
_read_start = msgspec.json.Decoder(_StartMessage, strict=False).decode
_read_keypad = msgspec.json.Decoder(_KeypadMessage).decode
_read_mark = msgspec.json.Decoder(_MarkMessage).decode


class _Track:
    """One direction of audio: whose it is, and where its clock stands."""

    __slots__ = ("next_ms", "party")

    def __init__(self, party: Party) -> None:
        self.party = party
        self.next_ms = -1
        """When the next frame is due; -1 before the first."""


class TwilioMediaDecoder:
    """Satisfies `contracts.MediaDecoder`; one for each socket."""

    __slots__ = ("_call_sid", "_tracks", "counters")

    def __init__(self) -> None:
        self.counters = MediaCounters()
        self._tracks: tuple[_Track, ...] = ()
        """In the order of `TRACKS`; none before the start."""
        self._call_sid: CallSid | None = None

    def decode(self, message: bytes | str) -> MediaEvent | None:
        frame = read_plain_frame(message) or read_any_frame(message)
        if frame is None:
            return self._decode_rare(_event_of(message), message)
        place, timestamp_ms, mulaw = frame
        tracks = self._tracks
        if not tracks:
            raise WireFormatError("audio before the start")
        track = tracks[place]
        size = len(mulaw)
        if timestamp_ms == track.next_ms:
            track.next_ms = timestamp_ms + size // SAMPLES_PER_MS
        elif size:
            timestamp_ms = self._keep_time(track, timestamp_ms, size)
        return AudioReceived(track.party, mulaw, timestamp_ms) if size else None

    def _keep_time(self, track: _Track, timestamp_ms: int, size: int) -> int:
        """Account for a frame that is not the one due; the time at which it belongs."""
        if timestamp_ms > _LATEST_MS:
            raise WireFormatError("audio from the far future")
        duration_ms = max(1, size // SAMPLES_PER_MS)
        if timestamp_ms < 0:
            timestamp_ms = max(0, track.next_ms)
        early_ms = timestamp_ms - track.next_ms if track.next_ms >= 0 else 0
        if -_LONGEST_LOSS_MS < early_ms <= -duration_ms:
            self.counters.late_chunks += 1
            self.counters.lost_chunks = max(0, self.counters.lost_chunks - 1)  # It was counted as lost.
            return timestamp_ms
        if duration_ms <= 2 * early_ms < 2 * _LONGEST_LOSS_MS:
            self.counters.lost_chunks += (early_ms + duration_ms // 2) // duration_ms
        track.next_ms = timestamp_ms + size // SAMPLES_PER_MS
        return timestamp_ms

    def _decode_rare(self, event: str, message: bytes | str) -> MediaEvent | None:
        """Every message but audio. One of a kind we do not know tells us nothing."""
        try:
            match event:
                case "start":
                    return self._begin(_read_start(message))
                case "dtmf":
                    keypad = _read_keypad(message).dtmf
                    return KeypadPressed(self._track(keypad.track).party, _key(keypad.digit))
                case "mark":
                    return MarkReached(_read_mark(message).mark.name)
                case "stop":
                    if self._call_sid is None:
                        raise WireFormatError("a stream stopped that never started")
                    return StreamStopped(self._call_sid)
                case "media":
                    raise WireFormatError("a media message that cannot be read")
                case _:
                    return None
        except WireFormatError:
            raise
        except UNREADABLE:
            raise WireFormatError(f"a {event} message that cannot be read") from None

    def _begin(self, message: _StartMessage) -> StreamStarted:
        start, format_ = message.start, message.start.media_format
        stream_sid = start.stream_sid or message.stream_sid
        if self._call_sid is not None:
            raise WireFormatError("a stream started twice")
        if not SID.fullmatch(start.call_sid) or not SID.fullmatch(stream_sid):
            raise WireFormatError("a stream without a usable id")
        if (format_.encoding, format_.sampleRate, format_.channels) != ("audio/x-mulaw", 8_000, 1):
            raise WireFormatError("a stream that is not 8 kHz mono mu-law")
        caller, other = Party.REMOTE, Party.SUBSCRIBER
        if start.custom_parameters.get(LEG_PARAMETER) == SUBSCRIBER_LEG:
            caller, other = other, caller
        self._tracks = (_Track(caller), _Track(other))
        # Without a list of tracks it is Twilio's default: what the leg sends.
        parties = dict.fromkeys(self._track(name).party for name in start.tracks or ["inbound"])
        self._call_sid = CallSid(start.call_sid)
        return StreamStarted(stream_sid, self._call_sid, tuple(parties), start.custom_parameters)

    def _track(self, name: str) -> _Track:
        """Keys and starts may spell a track `inbound_track`, audio spells it `inbound`."""
        name = name.removesuffix("_track")
        if not self._tracks or name not in TRACKS:
            raise WireFormatError("something before the start, or of an unknown track")
        return self._tracks[TRACKS.index(name)]


def _event_of(message: bytes | str) -> str:
    try:
        return _read_event(message).event
    except UNREADABLE:
        raise WireFormatError("not a message of a media stream") from None


def _key(digit: str) -> str:
    if digit not in _KEYS:
        raise WireFormatError("not a key of a telephone")
    return digit
