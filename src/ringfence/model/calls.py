"""A call, its legs and parties, and what the carrier is told to do with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType

CallId = NewType("CallId", str)
"""Ours: a UUID, one for the whole conversation. Outside it is called `recording_id`."""

CallSid = NewType("CallSid", str)
"""The carrier's id of the leg on which the call came in."""


class Party(StrEnum):
    """Who speaks. The carrier's tracks are turned into parties by the media decoder and end there."""

    REMOTE = "remote"
    SUBSCRIBER = "subscriber"

    @property
    def role(self) -> str:
        """The name in the monitor messages: `user` calls, `callee` is protected."""
        return "user" if self is Party.REMOTE else "callee"


class CallStatus(StrEnum):
    """Where a call stands. It only moves down this list; INTERRUPTED is an end, found at a restart."""

    RINGING = "ringing"
    LIVE = "live"
    ENDED = "ended"
    INTERRUPTED = "interrupted"

    @property
    def is_over(self) -> bool:
        return self in (CallStatus.ENDED, CallStatus.INTERRUPTED)


class Direction(StrEnum):
    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Attestation(StrEnum):
    """What the originating carrier vouches for (RFC 8588): the number, never the caller's honesty."""

    A = "A"
    B = "B"
    C = "C"
    FAILED = "failed"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """What the carrier's webhook says about a call that rings."""

    sid: CallSid
    caller_number: str
    """E.164, or whatever the carrier sends for a withheld number or a SIP caller."""
    called_number: str
    direction: Direction = Direction.INBOUND
    attestation: Attestation = Attestation.ABSENT
    forwarded_from: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One conversation, from first ring to last hang-up."""

    id: CallId
    sid: CallSid
    caller_number: str
    called_number: str
    language: str
    """BCP-47 tag of the line's language, such as `en` or `es-CL`."""
    started_at: datetime
    status: CallStatus = CallStatus.RINGING
    direction: Direction = Direction.INBOUND
    attestation: Attestation = Attestation.ABSENT
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CallStatusChanged:
    """The carrier's word on a leg's progress."""

    sid: CallSid
    status: CallStatus
    carrier_status: str
    """The carrier's own word, such as `no-answer`."""
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class StreamStatusChanged:
    """The carrier's word on a media stream: `started`, `stopped` or `error`."""

    sid: CallSid
    stream_sid: str
    event: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class StreamInstruction:
    """Fork the call's audio to a socket of ours."""

    url: str
    """Absolute ws or wss address, without a query string."""
    parameters: Mapping[str, str]
    status_callback_url: str
    both_tracks: bool = True


@dataclass(frozen=True, slots=True)
class CallInstructions:
    """What the carrier shall do with a call that came in, in this order."""

    notice: str | None = None
    """A sentence spoken to the caller first: that the call is monitored."""
    language: str = "en"
    stream: StreamInstruction | None = None
    """None connects the call without listening: the safe answer when a part of ours is down."""
    connect_to: str | None = None
    """The number to ring and join. None keeps the line open for whoever answers on the carrier's side."""
    caller_id: str | None = field(default=None)
    """Caller ID on the leg to `connect_to`; None keeps the caller's own."""
