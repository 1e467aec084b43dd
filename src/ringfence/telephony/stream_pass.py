"""The pass that ties a media socket to its call: made with the instructions, shown in the stream's first message.

The carrier drops the query of a stream's address, so the pass travels as a stream parameter. It names its call,
the moment it was made and a nonce, under a keyed hash; whoever accepts it claims the nonce once in the store.
Pure: time and randomness are arguments.
"""

import base64
import hmac
import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from ringfence.model.calls import CallSid

LIFETIME = timedelta(minutes=2)
CLOCK_SKEW = timedelta(seconds=5)
"""How far ahead the clock of the process that made a pass may be."""

_NONCE = re.compile(r"[A-Za-z0-9_-]{8,64}")
_PASS = re.compile(r"([0-9]{1,12})\.([A-Za-z0-9_-]{8,64})\.([A-Za-z0-9_-]{43})", re.ASCII)


def issue(secret: bytes, call_sid: CallSid, now: datetime, nonce: str) -> str:
    """A pass for one stream of that call, good for `LIFETIME`. The nonce is 8 to 64 URL-safe characters."""
    if not _NONCE.fullmatch(nonce):
        raise ValueError("a nonce is 8 to 64 letters, digits, underscores or hyphens")
    made = str(int(now.timestamp()))
    return f"{made}.{nonce}.{_seal(secret, call_sid, made, nonce)}"


def check(secret: bytes, call_sid: CallSid, text: str, now: datetime) -> str | None:
    """The nonce to be claimed once; None for a pass that is forged, of another call, or too old."""
    match = _PASS.fullmatch(text)
    if match is None:
        return None
    made, nonce, seal = match.groups()
    if not hmac.compare_digest(seal, _seal(secret, call_sid, made, nonce)):
        return None
    age = now - datetime.fromtimestamp(int(made), UTC)
    return nonce if -CLOCK_SKEW <= age <= LIFETIME else None


def _seal(secret: bytes, call_sid: CallSid, made: str, nonce: str) -> str:
    text = f"ringfence stream\n{call_sid}\n{made}\n{nonce}"
    digest = hmac.new(secret, text.encode("utf-8", "surrogatepass"), sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
