"""Audio messages of the media socket: nearly every message is one, so this is the path that has to be quick.

Two readers give the same. `_frames`, in C, takes the messages that look as Twilio writes them, at about half the
cost; it is there where a compiler was found at the installation. `read_any_frame` takes those as well, and
everything else that JSON allows.
"""

from collections.abc import Callable

import msgspec

Frame = tuple[int, int, bytes]
"""The track's place in `TRACKS`; milliseconds since the start of the stream, -1 for not said; mu-law."""

TRACKS = ("inbound", "outbound")
UNREADABLE = (msgspec.MsgspecError, RecursionError, ValueError)


class _Media(msgspec.Struct, gc=False):
    payload: bytes  # msgspec decodes the base64
    track: str = TRACKS[0]
    timestamp: int = -1


class _Message(msgspec.Struct, gc=False):
    event: str
    media: _Media | None = None


_read = msgspec.json.Decoder(_Message, strict=False).decode


def read_any_frame(message: bytes | str) -> Frame | None:
    """None for whatever is not a message with audio of a known track."""
    try:
        read = _read(message)
    except UNREADABLE:
        return None
    media = read.media
    if media is None or read.event != "media" or media.track not in TRACKS:
        return None
    return TRACKS.index(media.track), media.timestamp, media.payload


read_plain_frame: Callable[[bytes | str], Frame | None]
"""The quickest reader there is; None also for a frame that it leaves to `read_any_frame`."""
try:
    from ringfence.telephony.carriers.twilio._frames import read as read_plain_frame
except ImportError:
    read_plain_frame = read_any_frame
IS_NATIVE = read_plain_frame is not read_any_frame
