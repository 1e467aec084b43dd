"""The calls of this process: answered, joined to their audio, and let go."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol
from uuid import uuid4

from ringfence.model.calls import (
    Call,
    CallId,
    CallInstructions,
    CallSid,
    CallStatus,
    CallStatusChanged,
    IncomingCall,
    StreamInstruction,
    StreamStatusChanged,
)
from ringfence.model.media import StreamStarted
from ringfence.monitoring import messages
from ringfence.monitoring.outbox import CallRecordStore
from ringfence.monitoring.session import CallSession, SessionParts
from ringfence.telephony import stream_pass

log = logging.getLogger(__name__)

PULSE_S = 0.5
STORE_WITHIN_S = 2.0
CLOSE_WITHIN_S = 45.0
"""At a shutdown: last words, a last analysis and the records. What a dead store cannot take then is given up."""
GIVE_UP_WITHIN_S = 6.0
NEVER_HEARD_AFTER = timedelta(minutes=3)
"""A call whose stream has not come by then (a pass lives two minutes) was never heard; its record is closed."""

NOTICES = {
    "en": "This call is monitored to protect against fraud.",
    "es": "Esta llamada se supervisa para proteger contra el fraude.",
}
"""What a caller is told where the operator wants it, by language."""


class MediaRefused(Exception):
    """A media stream that does not belong to a call of ours; `reason` is for the log, never for the peer."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CallStore(CallRecordStore, Protocol):
    """What the switchboard needs of the history; `telephony.store.CallStore` is one."""

    async def open_call(self, call: Call) -> Call: ...

    async def find(self, call_sid: CallSid) -> Call | None: ...

    async def claim(self, key: str, at: datetime) -> bool: ...


@dataclass(frozen=True, slots=True)
class SwitchboardPolicy:
    media_url: str
    stream_status_url: str
    pass_secret: bytes
    language: str = "en"
    notice: bool = False
    connect_to: str | None = None
    max_calls: int = 500
    call_limit_s: int = 14_400


class Switchboard:
    """Start with `run()` in a task group; stop with `shutdown`."""

    def __init__(
        self, parts: SessionParts, store: CallStore, policy: SwitchboardPolicy, new_nonce: Callable[[], str]
    ) -> None:
        self._parts = parts
        self._store = store
        self._policy = policy
        self._new_nonce = new_nonce
        self._sessions: dict[CallSid, CallSession] = {}
        self._expected: dict[CallSid, float] = {}
        """Calls that were answered and not heard yet, and since when (monotonic seconds)."""
        self._chores: set[asyncio.Task[None]] = set()
        self.accepting = True
        """False while draining: new calls are connected unheard."""

    @property
    def active_calls(self) -> int:
        return len(self._sessions)

    def active(self) -> list[messages.Message]:
        """The live calls of this process, oldest first."""
        return [session.line() for session in self._sessions.values()]

    def snapshot(self, call_sid: CallSid) -> messages.Message | None:
        """The state so far of a live call; None for any other."""
        session = self._sessions.get(call_sid)
        return session.snapshot() if session else None

    # --- the carrier's door

    async def answer(self, incoming: IncomingCall, *, language: str | None = None) -> CallInstructions:
        """Put the call on record and say what the carrier shall do. One call to the store; repeatable."""
        clock = self._parts.clock
        now = clock.now()
        self._expected[incoming.sid] = clock.monotonic_s()
        call = await self._store.open_call(
            Call(
                id=CallId(str(uuid4())),
                sid=incoming.sid,
                caller_number=incoming.caller_number,
                called_number=incoming.called_number,
                language=language or self._policy.language,
                started_at=now,
                direction=incoming.direction,
                attestation=incoming.attestation,
            )
        )
        if call.status.is_over or not self.accepting or self.active_calls >= self._policy.max_calls:
            log.warning("a call is connected without being heard", extra={"call_id": call.id})
            return self.unheard(language=call.language)
        nonce = stream_pass.issue(self._policy.pass_secret, call.sid, now, self._new_nonce())
        stream = StreamInstruction(
            url=self._policy.media_url,
            parameters={"pass": nonce, "language": call.language},
            status_callback_url=self._policy.stream_status_url,
        )
        return self._instructions(call.language, stream)

    def unheard(self, *, language: str | None = None) -> CallInstructions:
        """The safe answer: connect the call, without listening."""
        return self._instructions(language or self._policy.language, None)

    async def connect_media(self, started: StreamStarted) -> CallSession:
        """The session of the call that the stream belongs to. Raises MediaRefused."""
        now = self._parts.clock.now()
        text = started.parameters.get("pass", "")
        nonce = stream_pass.check(self._policy.pass_secret, started.call_sid, text, now)
        if nonce is None:
            raise MediaRefused("no valid pass")
        if not await self._store.claim(f"stream:{nonce}", now):
            raise MediaRefused("the pass was used before")
        call = await self._store.find(started.call_sid)
        if call is None or call.status.is_over:
            raise MediaRefused("no such live call")
        session = self._sessions.get(call.sid)
        if session is not None and session.is_over:
            raise MediaRefused("no such live call")
        if session is None:
            if self.active_calls >= self._policy.max_calls:
                raise MediaRefused("too many calls")
            call = replace(call, status=CallStatus.LIVE)
            session = CallSession(call, self._parts, self._closed)
            self._sessions[call.sid] = session
            self._expected.pop(call.sid, None)
            session.attach(started)
            await self._note_live(session, now)
            self._parts.bus.publish(messages.ALL_CALLS, messages.call_started(call))
            log.info("a call is heard", extra={"call_id": call.id})
        else:
            session.attach(started)
        return session

    async def _note_live(self, session: CallSession, at: datetime) -> None:
        """A record that does not say so is no reason not to hear a call."""
        try:
            async with asyncio.timeout(STORE_WITHIN_S):
                await self._store.set_status(session.call.id, CallStatus.LIVE, at)
        except asyncio.CancelledError:
            session.media_closed()  # Whoever wanted to connect has gone.
            raise
        except Exception as error:
            log.warning(
                "a call is heard, but its record does not say so",
                extra={"call_id": session.call.id, "error": type(error).__name__},
            )

    async def call_status(self, change: CallStatusChanged) -> None:
        """The carrier's word on the call. Repeated and late ones change nothing."""
        if not change.status.is_over:
            return
        self._expected.pop(change.sid, None)
        if (session := self._sessions.get(change.sid)) is not None:
            session.end()
        elif (call := await self._store.find(change.sid)) is not None:
            await self._close_record(call, change.status)

    async def stream_status(self, change: StreamStatusChanged) -> None:
        """The carrier's word on a stream; an error is noted, the socket's own end does the rest."""
        if change.event == "error":
            log.warning("the carrier reports a stream error", extra={"error": change.error[:20]})

    # --- life

    async def run(self) -> None:
        """Feel the pulse of every call, twice a second, until cancelled."""
        while True:
            await asyncio.sleep(PULSE_S)
            for session in tuple(self._sessions.values()):
                try:
                    session.check_pulse()
                except Exception:  # One call's trouble must not stop the others' pulse.
                    log.exception("a call's pulse could not be felt", extra={"call_id": session.call.id})
                if session.elapsed_s > self._policy.call_limit_s:
                    session.end()
            now_s = self._parts.clock.monotonic_s()
            for sid, since_s in tuple(self._expected.items()):
                if now_s - since_s > NEVER_HEARD_AFTER.total_seconds():
                    del self._expected[sid]
                    chore = asyncio.get_running_loop().create_task(self._close_unheard(sid))
                    self._chores.add(chore)
                    chore.add_done_callback(self._chores.discard)

    async def _close_unheard(self, sid: CallSid) -> None:
        """Close the record of a call whose stream never came: nobody else might."""
        try:
            async with asyncio.timeout(STORE_WITHIN_S):
                call = await self._store.find(sid)
                if call is not None and call.status is CallStatus.RINGING and sid not in self._sessions:
                    await self._close_record(call, CallStatus.ENDED)
        except Exception as error:
            log.warning("a call's record could not be closed yet", extra={"error": type(error).__name__})
            self._expected[sid] = self._parts.clock.monotonic_s()

    async def _close_record(self, call: Call, status: CallStatus) -> None:
        """End a call that was never heard, and tell whoever waits for it to begin."""
        now = self._parts.clock.now()
        if await self._store.set_status(call.id, status, now):
            ended = replace(call, status=status, ended_at=now)
            self._parts.bus.publish(messages.topic(call.sid), messages.call_stopped(ended))

    async def shutdown(self, *, drain_s: float) -> None:
        """Take no new calls, let live ones finish for so long, then close the rest as interrupted."""
        self.accepting = False
        deadline_s = self._parts.clock.monotonic_s() + drain_s
        while self._sessions and self._parts.clock.monotonic_s() < deadline_s:
            await asyncio.sleep(PULSE_S / 5)
        sessions = tuple(self._sessions.values())
        for session in sessions:
            session.end(CallStatus.INTERRUPTED)
        await _all_closed(sessions, CLOSE_WITHIN_S)
        if unfinished := [session for session in sessions if session.call.sid in self._sessions]:
            log.error("calls could not be closed in time", extra={"count": len(unfinished)})
            for session in unfinished:
                session.give_up()
            await _all_closed(unfinished, GIVE_UP_WITHIN_S)
        for chore in self._chores:
            chore.cancel()

    def _closed(self, session: CallSession) -> None:
        if self._sessions.get(session.call.sid) is session:
            del self._sessions[session.call.sid]
        log.info("a call is over", extra={"call_id": session.call.id, "level": session.monitor.level.word})

    def _instructions(self, language: str, stream: StreamInstruction | None) -> CallInstructions:
        notice = None
        if self._policy.notice and stream is not None:
            notice = NOTICES.get(language.partition("-")[0], NOTICES["en"])
        return CallInstructions(
            notice=notice, language=language, stream=stream, connect_to=self._policy.connect_to
        )


async def _all_closed(sessions: Sequence[CallSession], within_s: float) -> None:
    waiting = [asyncio.ensure_future(session.closed()) for session in sessions]
    if waiting:
        _, late = await asyncio.wait(waiting, timeout=within_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
