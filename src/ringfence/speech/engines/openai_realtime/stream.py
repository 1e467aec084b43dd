"""One party's stream: the session that takes its audio, those that still owe words, and the next one in time."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from ringfence.contracts import Listening
from ringfence.model.errors import ProviderError
from ringfence.model.speech import SpeechEvent
from ringfence.speech.engines.openai_realtime.ledger import Ledger
from ringfence.speech.engines.openai_realtime.protocol import (
    HOPELESS_CODES,
    Account,
    ServerEvent,
    append,
    commit,
    commit_id,
    open_session,
    read_event,
)
from ringfence.speech.voice import speech_judge

log = logging.getLogger(__name__)

MAX_NONSENSE = 20
"""Unreadable messages after which a session is left."""
COMPLETED = "conversation.item.input_audio_transcription.completed"
DELTA = "conversation.item.input_audio_transcription.delta"
FAILED = "conversation.item.input_audio_transcription.failed"


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds, but for `attempts`."""

    open_limit: float = 8.0
    renew_after: float = 55 * 60.0
    """Sessions end after 60 minutes without a warning."""
    linger: float = 10.0
    """How long a session that was replaced may take for the words it owes."""
    answer_limit: float = 15.0
    """A commit without an answer for so long: the session is taken for dead."""
    finish_limit: float = 10.0
    send_limit: float = 10.0
    first_pause: float = 0.25
    """Before the second attempt to connect; doubles with each."""
    longest_pause: float = 4.0
    attempts: int = 5
    """Failures in a row, without a word between them, after which the engine gives up."""


DEFAULT_TIMES = Times()


class _Session:
    def __init__(self, number: int, socket: ClientConnection, born: float) -> None:
        self.number = number
        self.socket = socket
        self.born = born
        self.lost: str | None = None
        self.replaced_at: float | None = None
        self.reader: asyncio.Task[None] | None = None
        self.nonsense = 0

    async def close(self) -> None:
        if self.reader is not None:
            self.reader.cancel()
            await asyncio.gather(self.reader, return_exceptions=True)
        await self.socket.close()


class RealtimeStream:
    """Satisfies `contracts.SpeechStream`."""

    def __init__(
        self,
        account: Account,
        listening: Listening,
        times: Times,
        engine: str,
        on_closed: Callable[["RealtimeStream"], None],
    ) -> None:
        self._account = account
        self._listening = listening
        self._times = times
        self._on_closed = on_closed
        self._ledger = Ledger(listening.party, engine, speech_judge())
        self._sessions: list[_Session] = []  # the last one takes the audio; the others still owe words
        self._session_count = 0
        self._failures = 0
        self._fatal: ProviderError | None = None
        self._wake = asyncio.Event()
        self._finished_at: float | None = None
        self._queue: asyncio.Queue[SpeechEvent | ProviderError | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._over = False

    async def start(self) -> None:
        """Open the first session. Raises ProviderError."""
        await self._open()
        self._task = asyncio.get_running_loop().create_task(self._run())

    def push(self, mulaw: bytes) -> None:
        if self._finished_at is None and not self._over:
            self._ledger.hear(mulaw)
            self._release()
            self._wake.set()

    async def finish(self) -> None:
        if self._finished_at is None:
            self._finished_at = self._now()
            self._ledger.finish()
            self._wake.set()

    async def events(self) -> AsyncIterator[SpeechEvent]:
        while True:
            event = await self._queue.get()
            if event is None:
                return
            if isinstance(event, ProviderError):
                raise event
            yield event

    async def aclose(self) -> None:
        if self._task is not None:
            if not self._over:  # else it is closing already, and must not be disturbed in that
                self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._close()
        self._queue.put_nowait(None)

    # the one task

    async def _run(self) -> None:
        end: ProviderError | None = None
        try:
            while not self._is_done():
                await self._keep_a_session()
                await self._send_pending()
                self._leave_old_sessions()
                self._release()
                await self._sleep()
            self._ledger.give_up_all()
            self._release()
        except ProviderError as error:
            end = error
        finally:
            self._queue.put_nowait(end)
            await self._close()

    def _is_done(self) -> bool:
        if self._fatal is not None:
            raise self._fatal
        if self._finished_at is None:
            return False
        return self._ledger.is_settled or self._now() - self._finished_at > self._times.finish_limit

    async def _keep_a_session(self) -> None:
        """There is a current session, and it is neither lost nor too old."""
        current = self._sessions[-1] if self._sessions else None
        if current is not None and current.lost is None:
            since = self._ledger.owed_since(current.number)
            if since is not None and self._now() - since > self._times.answer_limit:
                current.lost = "no answer to a commit"
        if current is None or current.lost is not None:
            await self._reconnect(current)
        elif self._now() - current.born > self._times.renew_after:
            await self._renew(current)

    async def _reconnect(self, lost: _Session | None) -> None:
        if lost is not None:
            log.info(
                "realtime session lost", extra={"call_sid": self._listening.call_sid, "reason": lost.lost}
            )
            await self._leave(lost)
            self._failures += 1
        while True:
            if self._fatal is not None:
                raise self._fatal
            if self._failures >= self._times.attempts:
                raise ProviderError(f"openai-realtime: {self._failures} failures in a row", retryable=True)
            if self._failures:
                pause = self._times.first_pause * 2 ** (self._failures - 1)
                await asyncio.sleep(min(pause, self._times.longest_pause))
            try:
                await self._open()
                return
            except ProviderError as error:
                if not error.retryable:
                    raise
                self._failures += 1

    async def _renew(self, current: _Session) -> None:
        """The next session first; only then the old one gets no more audio."""
        try:
            await self._open()
        except ProviderError:
            current.born += self._times.linger  # a later try; the session still works
            return
        current.replaced_at = self._now()
        self._ledger.take_back(current.number, only_open=True)

    async def _open(self) -> None:
        try:
            async with asyncio.timeout(self._times.open_limit):
                socket = await open_session(self._account, self._listening.language, self._times.open_limit)
        except TimeoutError:
            raise ProviderError(
                "openai-realtime: the session was not set up in time", retryable=True
            ) from None
        self._session_count += 1
        session = _Session(self._session_count, socket, self._now())
        session.reader = asyncio.get_running_loop().create_task(self._read(session))
        self._sessions.append(session)

    async def _send_pending(self) -> None:
        session = self._sessions[-1]
        try:
            async with asyncio.timeout(self._times.send_limit):
                for turn, piece in self._ledger.to_send(session.number):
                    if session.lost is not None:
                        return
                    await session.socket.send(commit(turn.number) if piece is None else append(piece))
                    self._ledger.sent(turn, piece, self._now())
        except (ConnectionClosed, OSError, TimeoutError) as error:
            session.lost = session.lost or type(error).__name__

    def _leave_old_sessions(self) -> None:
        for session in self._sessions[:-1]:
            waited = self._now() - (session.replaced_at or 0.0)
            owes = self._ledger.owed_since(session.number) is not None
            if session.lost is not None or not owes or waited > self._times.linger:
                self._sessions.remove(session)
                self._ledger.take_back(session.number)
                task = asyncio.get_running_loop().create_task(session.close())
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)

    async def _leave(self, session: _Session) -> None:
        self._sessions.remove(session)
        self._ledger.take_back(session.number)
        await session.close()

    async def _sleep(self) -> None:
        """Until something happens; a quarter of a second at most, for the deadlines."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.25):
                await self._wake.wait()
        self._wake.clear()

    async def _close(self) -> None:
        if not self._over:
            self._over = True
            self._on_closed(self)
        sessions, self._sessions = self._sessions, []
        for session in sessions:
            await session.close()
        await asyncio.gather(*self._closing)

    # what comes back

    async def _read(self, session: _Session) -> None:
        try:
            async for message in session.socket:
                event = read_event(message)
                if event is None:
                    session.nonsense += 1
                    if session.nonsense > MAX_NONSENSE:
                        session.lost = "unreadable messages"
                        break
                else:
                    self._take(session, event)
                    self._release()
        except (ConnectionClosed, OSError) as error:
            session.lost = session.lost or type(error).__name__
        finally:
            session.lost = session.lost or "the connection ended"
            self._wake.set()

    def _take(self, session: _Session, event: ServerEvent) -> None:
        if event.type == "error":
            self._take_error(session, event)
        elif event.item_id is None:
            return
        elif event.type == "input_audio_buffer.committed":
            self._ledger.committed(session.number, event.item_id, event.previous_item_id)
        elif event.type == DELTA and event.delta:
            interim = self._ledger.delta(session.number, event.item_id, event.delta)
            if interim is not None:
                self._queue.put_nowait(interim)
        elif event.type == COMPLETED:
            if self._ledger.completed(session.number, event.item_id, event.transcript or ""):
                self._failures = 0
            self._wake.set()
        elif event.type == FAILED:
            self._ledger.failed(session.number, event.item_id)
            self._wake.set()

    def _take_error(self, session: _Session, event: ServerEvent) -> None:
        if event.error is None:
            return
        log.warning(
            "realtime session reports an error",
            extra={"call_sid": self._listening.call_sid, "code": event.error.code, "kind": event.error.type},
        )
        if event.error.code in HOPELESS_CODES:
            self._fatal = ProviderError(f"openai-realtime: {event.error.sentence()}")
        elif event.error.code == "session_expired":
            session.lost = "expired"
        elif (number := (event.error.event_id or "").removeprefix(commit_id(0)[:-1])).isdigit():
            self._ledger.refused(session.number, int(number))
        self._wake.set()

    def _release(self) -> None:
        for event in self._ledger.release():
            self._queue.put_nowait(event)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
