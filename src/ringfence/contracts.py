"""Every socket in the wall: reading this file is reading what can be replaced.

A provider is one file that satisfies one of these protocols; `docs/how-to/write-a-provider.md` shows one.
Retries, deadlines and metrics belong to the callers, never to a provider. Units are in the names.
Failure is `ProviderError`, which a caller turns into an event or tries elsewhere.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from ringfence.model.assessment import AnalystReport, Judgement
from ringfence.model.calls import (
    CallInstructions,
    CallSid,
    CallStatusChanged,
    IncomingCall,
    Party,
    StreamStatusChanged,
)
from ringfence.model.media import MediaCounters, MediaEvent
from ringfence.model.speech import Segment, SpeechEvent, Utterance

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware, UTC."""
        ...

    def monotonic_s(self) -> float: ...


# --- calls in ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A carrier's request as it came over the wire; nothing decoded, nothing trusted."""

    method: str
    target: str
    """Raw, undecoded path and query, as in the request line."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = b""
    is_websocket: bool = False


FormFields = Sequence[tuple[str, str]]
"""Decoded form fields in order, repetitions kept, blank values kept."""


class MediaDecoder(Protocol):
    """Reads one media socket; keeps the stream's state between messages. Pure: no I/O, no clock."""

    counters: MediaCounters

    def decode(self, message: bytes | str) -> MediaEvent | None:
        """One text message. None: understood, nothing to tell. Raises WireFormatError, nothing else."""
        ...


class Carrier(Protocol):
    """Who gives us calls. Pure but for its secrets: all of this runs in the answering path."""

    name: str
    is_configured: bool
    """Whether it holds the secret that verifies requests; without it every request is refused."""

    def verify(self, request: WebhookRequest) -> bool:
        """Whether the carrier itself made this request (webhook or socket upgrade). Never raises."""
        ...

    def read_form(self, request: WebhookRequest) -> FormFields:
        """Raises WireFormatError."""
        ...

    def read_incoming_call(self, form: FormFields) -> IncomingCall:
        """Raises WireFormatError."""
        ...

    def read_call_status(self, form: FormFields) -> CallStatusChanged:
        """Raises WireFormatError."""
        ...

    def read_stream_status(self, form: FormFields) -> StreamStatusChanged:
        """Raises WireFormatError."""
        ...

    def render(self, instructions: CallInstructions) -> str:
        """The document that tells the carrier what to do (XML)."""
        ...

    def media_decoder(self) -> MediaDecoder:
        """A fresh decoder, one a socket."""
        ...


# --- sound to words --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Listening:
    """Whom an engine is asked to listen to."""

    call_sid: CallSid
    caller_number: str
    party: Party
    language: str
    """BCP-47; `auto` lets an engine that can find out do so."""


class SpeechStream(Protocol):
    """One party of one call inside an engine."""

    def push(self, mulaw: bytes) -> None:
        """Hand over G.711 mu-law at 8 kHz, any length, in order, silence included.

        Never blocks, never raises. What a full queue cannot take is dropped and told by an
        `AudioDropped` in `events()`."""
        ...

    async def finish(self) -> None:
        """No more audio will come: `events()` gives what is left and ends."""
        ...

    def events(self) -> AsyncIterator[SpeechEvent]:
        """What was heard, in order; ends after `finish()`. Iterate once. Raises ProviderError."""
        ...

    async def aclose(self) -> None:
        """Let go at once of everything; safe to call twice."""
        ...


@runtime_checkable
class SpeechEngine(Protocol):
    """Opens streams; owns what they share (processes, models, connections)."""

    name: str

    def understands(self, language: str) -> bool:
        """Whether speech in that BCP-47 language can become words here."""
        ...

    async def open(self, listening: Listening) -> SpeechStream:
        """Raises ProviderError."""
        ...

    async def aclose(self) -> None: ...


class CallReviewer(Protocol):
    """An engine that hears a whole recording once more, after the call, with more care."""

    async def review(self, mulaw: bytes, listening: Listening) -> tuple[Segment, ...]:
        """Raises ProviderError."""
        ...


# --- words to judgement ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Brief:
    """What an analyst is given. Secrets are already out of the words."""

    language: str
    transcript: tuple[Utterance, ...]
    judgement: Judgement
    """What the local detector found."""
    final: bool
    """The call is over and this is the last look."""


class Analyst(Protocol):
    """An LLM adviser. It has no tools, cannot act, and cannot lower what the local detector found."""

    name: str
    """Such as `anthropic:claude-…`; kept with every assessment it has part in."""

    async def analyse(self, brief: Brief) -> AnalystReport:
        """Raises ProviderError. The caller sets the deadline."""
        ...


# --- the ground ------------------------------------------------------------------------------------


class Database(Protocol):
    """SQLite or PostgreSQL; the same SQLAlchemy Core statements serve both."""

    dialect: str
    """`sqlite` or `postgresql`."""

    def transaction(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A connection for writing; commits on leaving, rolls back on an exception."""
        ...

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A connection for reading; never waits for a writer on SQLite."""
        ...

    async def forget_erased(self) -> None:
        """After an erasure: leave no copy of what was erased in files of ours, while the server goes on."""
        ...


class Cipher(Protocol):
    """Field encryption for what is kept: AES-256-GCM with named keys."""

    def seal(self, plaintext: bytes, context: str) -> bytes:
        """`context` (table.column) is bound to the value: it opens only there."""
        ...

    def open(self, sealed: bytes, context: str) -> bytes:
        """Raises ValueError when the value was changed, moved, or its key is gone."""
        ...

    def index(self, value: str, context: str) -> str:
        """A keyed hash by which equal values can be found; 64 hexadecimal digits."""
        ...


class Subscription(Protocol):
    """Messages of one topic from the moment of subscribing. A reader too slow for them is cut off."""

    def __aiter__(self) -> AsyncIterator[dict[str, Any]]: ...


class Bus(Protocol):
    """Finished facts for whoever looks on. It never carries audio and decides no order inside a call."""

    def publish(self, topic: str, message: dict[str, Any]) -> None:
        """Never blocks, never raises."""
        ...

    def subscribe(self, topic: str) -> AbstractAsyncContextManager[Subscription]: ...
