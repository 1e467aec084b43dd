"""A telephone network that exists only here: it plays the carrier against any running server.

It signs its webhooks, obeys the document it gets, opens the media socket, sends real audio at the pace of a
telephone, and reports how the call went, in order or not. The server cannot tell it from the real one, which is
what makes `make demo` and the end-to-end tests mean something.
"""

import asyncio
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import format_datetime
from types import TracebackType
from typing import Self, assert_never
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

import httpx

from ringfence.clock import SystemClock
from ringfence.contracts import Clock
from ringfence.model.calls import Party
from ringfence.testing import twiml
from ringfence.testing.line import Faults, Line, LineReport
from ringfence.testing.script import BYTES_PER_MS, CallScript
from ringfence.testing.signature import HEADER, sign

__all__ = ["Faults", "PlacedCall", "ServerUnreachable", "SimulatedCall", "SimulatedCarrier"]

INCOMING_CALL = "/api/v1/twilio/incoming-call"
CALL_STATUS = "/api/v1/twilio/call-status"
ACCOUNT_SID = "AC00000000000000000000000000000001"
SPOKEN_CHARACTERS_S = 15.0  # how fast the carrier's own voice reads a sentence


class ServerUnreachable(Exception):
    """Nobody answers at the address; the message says which."""


@dataclass(frozen=True, slots=True)
class SimulatedCall:
    """A call to place: who, what is said, and what goes wrong."""

    caller: bytes
    """Mu-law at 8 kHz; what the calling party says, from the first moment of the talk."""
    called: bytes = b""
    """Likewise, of the party that is called."""
    from_number: str = "+15550100"
    to_number: str = "+15550101"
    language: str | None = None
    """Put on the webhook's address, as a carrier number of that language would have it."""
    speed: float = 1.0
    """Times faster than a telephone."""
    digits: tuple[tuple[int, str], ...] = ()
    """Keys that the caller presses: offset into the talk in milliseconds, and the key."""
    faults: Faults = field(default_factory=Faults)
    webhook_copies: int = 1
    """The carrier asks that often, at the same moment, what to do with the call."""
    callback_copies: int = 1
    """Every status callback comes that often."""
    callbacks_out_of_order: bool = False
    """The end is told before the beginning."""
    verstat: str = "TN-Validation-Passed-A"
    forwarded_from: str = ""
    sid: str = ""
    """The carrier's id; a fresh one when empty."""

    @classmethod
    def from_script(cls, script: CallScript, *, speed: float = 1.0, faults: Faults | None = None) -> Self:
        return cls(
            caller=script.track(Party.REMOTE),
            called=script.track(Party.SUBSCRIBER),
            from_number=script.from_number,
            to_number=script.to_number,
            language=script.language,
            speed=speed,
            faults=faults or Faults(),
        )

    @property
    def duration_ms(self) -> int:
        return max(len(self.caller), len(self.called)) // BYTES_PER_MS


class PlacedCall:
    """A call under way: what the server said, what was obeyed, how it ended."""

    def __init__(self, sid: str, call: SimulatedCall) -> None:
        self.sid = sid
        self.call = call
        self.replies: list[tuple[str, int]] = []
        """Path and HTTP status of every webhook, in order; 0 where nobody answered."""
        self.verbs: list[twiml.Verb] = []
        self.said: list[str] = []
        """Sentences that the carrier spoke for the server."""
        self.dialled: list[str] = []
        self.not_obeyed: list[str] = []
        """Verbs that this carrier does not know."""
        self.lines: list[LineReport] = []
        self.outcome = "ringing"
        """`ringing`, `talking`, `completed`, `cut short` (the document ended first), or `refused: …`."""
        self._over = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._talk_started_s: float | None = None
        self._talk_ended_s: float | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def position_ms(self) -> int:
        """How much of the talk has been spoken."""
        if self._talk_started_s is None:
            return 0
        until_s = self._loop.time() if self._talk_ended_s is None else self._talk_ended_s
        elapsed_s = until_s - self._talk_started_s
        return min(self.call.duration_ms, int(elapsed_s * 1_000 * self.call.speed))

    @property
    def is_over(self) -> bool:
        return self._task is None or self._task.done()

    @property
    def reply(self) -> int:
        """HTTP status with which the server answered the first webhook; 0 when it did not."""
        return self.replies[0][1] if self.replies else 0

    @property
    def problem(self) -> str:
        """One sentence on what kept the call from being heard; empty when nothing did."""
        if self.outcome.startswith("refused"):
            return self.outcome
        for line in self.lines:
            if line.refusal:
                return f"the media socket was refused: {line.refusal}"
            if line.broken:
                return f"the media socket: {line.broken}"
        if self.is_over and not self.lines:
            return "the server asked for no audio"
        return ""

    def hang_up(self) -> None:
        """The caller has enough; `finished` still has to be awaited."""
        self._over.set()

    async def finished(self) -> Self:
        """Wait for the end: every message sent, every callback answered."""
        if self._task is not None:
            await asyncio.shield(self._task)
        return self


class SimulatedCarrier:
    """Places calls on the server at `base_url`; an async context manager that ends them all on leaving.

    `public_url` is the address that the server believes to have, where that is another one: requests are
    signed for it and sent to `base_url`.
    """

    def __init__(
        self,
        base_url: str,
        auth_token: str,
        account_sid: str = ACCOUNT_SID,
        *,
        public_url: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._public_url = (public_url or base_url).rstrip("/")
        self._auth_token = auth_token
        self._account_sid = account_sid
        self._clock = clock or SystemClock()
        self._http = httpx.AsyncClient(timeout=15.0, trust_env=False)  # Twilio's own limit for an answer
        self._calls: list[PlacedCall] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for placed in self._calls:
            placed.hang_up()
        await asyncio.gather(*(placed.finished() for placed in self._calls), return_exceptions=True)
        await self._http.aclose()

    async def place(self, call: SimulatedCall) -> PlacedCall:
        """Ring. Returns once the server has answered; the call goes on by itself.

        Raises ServerUnreachable. A refusal is no exception: it stands in the outcome."""
        placed = PlacedCall(call.sid or f"CA{uuid.uuid4().hex}", call)
        query = f"?language={quote(call.language)}" if call.language else ""
        token = str(uuid.uuid4())
        try:
            answers = await asyncio.gather(
                *(
                    self._post(placed, INCOMING_CALL + query, self._fields(placed, "ringing"), token)
                    for _ in range(max(1, call.webhook_copies))
                )
            )
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            raise ServerUnreachable(f"no server answers at {self._base_url}: {reason}") from None
        answer = answers[0]
        if answer.status_code // 100 != 2:
            placed.outcome = f"refused: HTTP {answer.status_code}"
            return placed
        try:
            placed.verbs = twiml.parse(answer.headers.get("content-type", ""), answer.content)
        except twiml.BadDocument as error:
            placed.outcome = f"refused: the server's instructions cannot be read: {error}"
            return placed
        self._calls.append(placed)
        placed._task = asyncio.create_task(self._carry(placed))
        return placed

    # --- one call

    async def _carry(self, placed: PlacedCall) -> None:
        lines: list[Line] = []
        late: list[tuple[str, int]] = []
        answered = ("in-progress", 1)
        if placed.call.callbacks_out_of_order:
            late.append(answered)
        else:
            await self._tell(placed, *answered)
        try:
            await self._obey(placed, lines)
        finally:
            placed._talk_ended_s = asyncio.get_running_loop().time()
            for line in lines:
                await line.close()
        for line in lines:
            if not line.report.refusal:
                await self._tell_stream(placed, line, "stream-stopped")
        placed.outcome = "completed" if self._was_spoken(placed) else "cut short"
        await self._tell(placed, "completed", 2)
        for status, sequence in late:
            await self._tell(placed, status, sequence)

    async def _obey(self, placed: PlacedCall, lines: list[Line]) -> None:
        call = placed.call
        for verb in placed.verbs:
            if placed._over.is_set():
                return
            match verb:
                case twiml.Say(text):
                    placed.said.append(text)
                    await self._wait(placed, len(text) / SPOKEN_CHARACTERS_S / call.speed)
                case twiml.Stream():
                    lines.append(await self._open(placed, verb))
                    if verb.is_connect:
                        await self._talk(placed, lines, None)
                case twiml.Pause(seconds):
                    await self._talk(placed, lines, seconds)
                case twiml.Dial(number):
                    placed.dialled.append(number)
                    await self._talk(placed, lines, None)
                case twiml.Hangup():
                    return
                case twiml.Unknown(name):
                    placed.not_obeyed.append(name)
                case _:
                    assert_never(verb)

    async def _open(self, placed: PlacedCall, stream: twiml.Stream) -> Line:
        report = LineReport(f"MZ{uuid.uuid4().hex}")
        placed.lines.append(report)
        line = Line(
            stream,
            account_sid=self._account_sid,
            call_sid=placed.sid,
            caller=placed.call.caller,
            called=placed.call.called,
            speed=placed.call.speed,
            faults=placed.call.faults,
            digits=placed.call.digits,
            report=report,
        )
        await line.open(self._reach, self._auth_token)
        await self._tell_stream(placed, line, "stream-error" if report.refusal else "stream-started")
        return line

    async def _talk(self, placed: PlacedCall, lines: list[Line], at_most_s: float | None) -> None:
        """Let the parties talk, until they have said all, or the verb's time is up, or somebody hangs up."""
        loop = asyncio.get_running_loop()
        if placed._talk_started_s is None:
            placed._talk_started_s = loop.time()
            placed.outcome = "talking"
        for line in lines:
            line.talk()
        end_s = placed._talk_started_s + placed.call.duration_ms / 1_000 / placed.call.speed
        left_s = max(0.0, end_s - loop.time())
        limit_s = None if at_most_s is None else at_most_s / placed.call.speed
        if limit_s is not None and limit_s < left_s:
            await self._wait(placed, limit_s)
            return
        await self._wait(placed, left_s)
        sending = [line.pumping for line in lines if line.pumping is not None]
        if sending and not placed._over.is_set():
            over = asyncio.create_task(placed._over.wait())
            sent = asyncio.ensure_future(asyncio.wait(sending))
            await asyncio.wait((sent, over), return_when=asyncio.FIRST_COMPLETED)
            sent.cancel()
            over.cancel()
        placed._over.set()

    @staticmethod
    async def _wait(placed: PlacedCall, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(placed._over.wait(), seconds)

    @staticmethod
    def _was_spoken(placed: PlacedCall) -> bool:
        return placed.position_ms >= placed.call.duration_ms

    # --- requests

    def _fields(self, placed: PlacedCall, status: str) -> list[tuple[str, str]]:
        call = placed.call
        fields = [
            ("CallSid", placed.sid),
            ("AccountSid", self._account_sid),
            ("From", call.from_number),
            ("To", call.to_number),
            ("Caller", call.from_number),
            ("Called", call.to_number),
            ("CallStatus", status),
            ("ApiVersion", "2010-04-01"),
            ("Direction", "inbound"),
        ]
        if call.verstat:
            fields.append(("StirVerstat", call.verstat))
        if call.forwarded_from:
            fields.append(("ForwardedFrom", call.forwarded_from))
        return fields

    async def _tell(self, placed: PlacedCall, status: str, sequence: int) -> None:
        fields = [
            *self._fields(placed, status),
            ("SequenceNumber", str(sequence)),
            ("Timestamp", format_datetime(self._clock.now())),
            ("CallbackSource", "call-progress-events"),
        ]
        if status == "completed":
            fields += [("CallDuration", str(placed.position_ms // 1_000)), ("Duration", "1")]
        await self._call_back(placed, CALL_STATUS, fields)

    async def _tell_stream(self, placed: PlacedCall, line: Line, event: str) -> None:
        url = line.stream.status_callback
        if not url:
            return
        fields = [
            ("AccountSid", self._account_sid),
            ("CallSid", placed.sid),
            ("StreamSid", line.report.stream_sid),
            ("StreamName", line.report.stream_sid),
            ("StreamEvent", event),
            ("Timestamp", self._clock.now().astimezone(UTC).isoformat()),
        ]
        if event == "stream-error":
            fields.append(("StreamError", f"31920: {line.report.refusal}"))
        await self._call_back(placed, url, fields)

    async def _call_back(self, placed: PlacedCall, where: str, fields: list[tuple[str, str]]) -> None:
        token = str(uuid.uuid4())
        for _ in range(max(1, placed.call.callback_copies)):
            try:
                await self._post(placed, where, fields, token)
            except httpx.TransportError:
                placed.replies.append((urlsplit(where).path, 0))

    async def _post(
        self, placed: PlacedCall, where: str, fields: list[tuple[str, str]], token: str
    ) -> httpx.Response:
        signed_url = where if "://" in where else self._public_url + where
        answer = await self._http.post(
            self._reach(signed_url),
            content=urlencode(fields),
            headers={
                "Content-Type": "application/x-www-form-urlencoded",
                "I-Twilio-Idempotency-Token": token,
                HEADER: sign(self._auth_token, signed_url, fields),
            },
        )
        placed.replies.append((urlsplit(where).path, answer.status_code))
        return answer

    def _reach(self, url: str) -> str:
        """Where an address on the server's public host is really reached from here."""
        public, base, parts = urlsplit(self._public_url), urlsplit(self._base_url), urlsplit(url)
        if parts.netloc != public.netloc or public.netloc == base.netloc:
            return url
        is_socket = parts.scheme.startswith("ws")
        scheme = ("wss" if base.scheme == "https" else "ws") if is_socket else base.scheme
        return urlunsplit((scheme, base.netloc, parts.path, parts.query, ""))
