"""One live call: a thin shell around the pure monitor that listens, performs effects, and feeds results back."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

from ringfence.contracts import Analyst, Brief, Bus, CallReviewer, Clock, Listening, SpeechEngine
from ringfence.detection.budget import Budget
from ringfence.detection.detector import Detector
from ringfence.model.assessment import AnalystReport
from ringfence.model.calls import Call, CallStatus, Party
from ringfence.model.errors import ProviderError
from ringfence.model.media import (
    AudioReceived,
    KeypadPressed,
    MediaCounters,
    MediaEvent,
    StreamStarted,
    StreamStopped,
)
from ringfence.model.speech import AudioDropped, EngineSwitched, Segment, SpeechEvent
from ringfence.monitoring import messages
from ringfence.monitoring.listener import LegListener
from ringfence.monitoring.monitor import (
    AnalystAnswered,
    AnalystFailed,
    AskAnalyst,
    AudioMissed,
    CallEnded,
    CallMonitor,
    CloseCall,
    EngineFailed,
    Event,
    Keep,
    MonitorPolicy,
    RaiseAlert,
    RecordingReviewed,
    SegmentHeard,
    Show,
    StreamLost,
    StreamResumed,
)
from ringfence.monitoring.outbox import CallRecordStore, Outbox
from ringfence.monitoring.recording import AudioArchive, Recording

log = logging.getLogger(__name__)

LAST_WORDS_S = 10.0
"""How long the engine may take, after the end, to say what it still holds."""
SILENT_PULSES = 4
"""Pulses (half seconds) without a frame after which the stream counts as lost: two seconds."""
GRACE_PULSES = 20
"""Pulses after a broken socket for which the call waits for a new stream: ten seconds."""


@dataclass(frozen=True, slots=True)
class SessionParts:
    """What every call of this process shares."""

    clock: Clock
    bus: Bus
    store: CallRecordStore
    detector: Detector
    engine: SpeechEngine | None = None
    analyst: Analyst | None = None
    final_analyst: Analyst | None = None
    budget: Budget | None = None
    reviewer: CallReviewer | None = None
    archive: AudioArchive | None = None
    """Where audio is kept; None where it is not."""
    analysis_every: int = 3
    analyst_deadline_s: float = 8.0
    final_deadline_s: float = 30.0
    review_deadline_s: float = 120.0


class CallSession:
    """See the module's docstring. Owned by the switchboard, which calls `check_pulse` twice a second."""

    def __init__(self, call: Call, parts: SessionParts, on_closed: Callable[["CallSession"], None]) -> None:
        self.call = call
        self.monitor = CallMonitor(
            call,
            parts.detector,
            MonitorPolicy(
                analysis_every=parts.analysis_every,
                has_analyst=parts.analyst is not None,
                has_final_analyst=parts.final_analyst is not None,
            ),
        )
        self._parts = parts
        self._on_closed = on_closed
        self._outbox = Outbox(call, parts.store, parts.bus, parts.clock)
        holds = parts.reviewer is not None
        self._recording = (
            Recording(call.id, parts.clock, archive=parts.archive, hold_for_review=holds)
            if parts.archive is not None or holds
            else None
        )
        self._legs: dict[Party, LegListener] = {}
        self._ears: set[asyncio.Task[None]] = set()
        self._advice: set[asyncio.Task[None]] = set()
        self._started_s: float | None = None
        self._base_ms = 0
        self._frames = 0
        self._frames_at_pulse = 0
        self._quiet_pulses = 0
        self._open_streams = 0
        self._streams = 0
        self._ending: asyncio.Task[None] | None = None
        self._counters: list[MediaCounters] = []
        self._keys_pressed = 0
        self._engines: dict[str, None] = {}

    @property
    def is_over(self) -> bool:
        """The last word was spoken; no stream can be attached any more."""
        return self._ending is not None

    # --- audio in

    def attach(self, started: StreamStarted) -> None:
        """A media stream was accepted for this call: the first, or one that takes over a lost one."""
        now_s = self._parts.clock.monotonic_s()
        if self._started_s is None:
            self._started_s = self._outbox.stream_started_s = now_s
        else:
            self._base_ms = self._elapsed_ms()
        self._open_streams += 1
        self._streams += 1
        self._quiet_pulses = 0
        self._tell(StreamResumed(self._elapsed_ms(), self._parts.clock.now()))
        if self._parts.engine is None:
            return
        for party in started.parties:
            self._listen(party, self._parts.engine)

    def receive(self, event: MediaEvent) -> None:
        """One event of the media socket. Called for every frame: synchronous, cheap, never raises."""
        if isinstance(event, AudioReceived):
            self._frames += 1
            if (leg := self._legs.get(event.party)) is not None:
                leg.feed(event)
            if self._recording is not None:
                self._recording.feed(event, self._base_ms)
        elif isinstance(event, KeypadPressed):
            self._keys_pressed += 1  # That a key was pressed; never which.
        elif isinstance(event, StreamStopped):
            self.end()

    def watch(self, counters: MediaCounters) -> None:
        """The counters of a stream of this call; read when the record is closed."""
        self._counters.append(counters)

    def media_closed(self) -> None:
        """A socket is gone, with or without a `stop` before. Without one the call waits for another stream."""
        self._open_streams -= 1
        if self._ending is None and self._open_streams == 0:
            self._tell(StreamLost("socket_lost", self._elapsed_ms(), self._parts.clock.now()))

    def check_pulse(self) -> None:
        """Notice within two seconds that no audio comes any more; end a call whose stream stays away."""
        if self._ending is not None:
            return
        if self._frames != self._frames_at_pulse:
            if self._quiet_pulses >= SILENT_PULSES:
                self._tell(StreamResumed(self._elapsed_ms(), self._parts.clock.now()))
            self._frames_at_pulse = self._frames
            self._quiet_pulses = 0
            return
        self._quiet_pulses += 1
        if self._quiet_pulses == SILENT_PULSES:
            self._tell(StreamLost("no_audio", self._elapsed_ms(), self._parts.clock.now()))
        if self._open_streams == 0 and self._quiet_pulses >= GRACE_PULSES:
            self.end()

    # --- the end

    def end(self, status: CallStatus = CallStatus.ENDED) -> None:
        """The call is over: hear the last words, judge for the last time, close the record. Once."""
        if self._ending is None:
            ended = CallEnded(self._parts.clock.now(), status, self._elapsed_ms())
            self._ending = asyncio.get_running_loop().create_task(self._finish(ended))

    async def closed(self) -> None:
        """Returns when the record is closed; only after `end()`."""
        if self._ending is not None:
            await asyncio.shield(self._ending)

    def give_up(self) -> None:
        """The process ends: what the store has not taken by now is left to the next start."""
        self._outbox.give_up()

    @property
    def elapsed_s(self) -> float:
        """Since the first stream; the system's clock may be set meanwhile."""
        return self._elapsed_ms() / 1000

    async def _finish(self, ended: CallEnded) -> None:
        """Whatever breaks on the way, the record is closed and the call let go."""
        try:
            await self._wind_up(ended)
        except Exception:
            log.exception("a call did not end in order", extra={"call_id": self.call.id})
        try:
            await self._outbox.close(CloseCall(ended.status, ended.at), self._facts())
        finally:
            self._on_closed(self)

    async def _wind_up(self, ended: CallEnded) -> None:
        self._outbox.show(messages.call_ended(self.call))
        await _cancel(self._advice)  # The last look, at everything, takes its place.
        try:
            async with asyncio.timeout(LAST_WORDS_S):
                await asyncio.gather(*(leg.finish() for leg in self._legs.values()))
                await asyncio.gather(*self._ears)
        except Exception:
            log.warning("the last words did not come in time", extra={"call_id": self.call.id})
        await _cancel(self._ears)
        self._legs.clear()
        if self._recording is not None:
            await self._recording.close()
            await self._review(self._recording)
        self._tell(ended)
        await asyncio.gather(*self._advice, return_exceptions=True)

    # --- words

    def _listen(self, party: Party, engine: SpeechEngine) -> None:
        listening = Listening(self.call.sid, self.call.caller_number, party, self.call.language)
        leg = LegListener(engine, listening, self._base_ms, self._heard)
        previous = self._legs.get(party)
        self._legs[party] = leg
        if previous is not None:
            _spawn(previous.finish(), self._ears)
        _spawn(leg.run(), self._ears)

    def _heard(self, event: SpeechEvent) -> None:
        now = self._parts.clock.now()
        match event:
            case Segment():
                self._engines[event.engine] = None
                self._tell(SegmentHeard(event, now))
            case EngineSwitched():
                log.warning(
                    "speech engine failed",
                    extra={"call_id": self.call.id, "provider": event.engine, "next": event.next_engine},
                )
                self._tell(EngineFailed(event, now))
            case AudioDropped():
                self._tell(AudioMissed(event, now))

    async def _review(self, recording: Recording) -> None:
        reviewer = self._parts.reviewer
        if reviewer is None:
            return
        segments: list[Segment] = []
        try:
            async with asyncio.timeout(self._parts.review_deadline_s):
                for party, mulaw in recording.held().items():
                    listening = Listening(self.call.sid, self.call.caller_number, party, self.call.language)
                    segments += await reviewer.review(mulaw, listening)
        except Exception as error:  # Any fault of a reviewer leaves the live judgement as it is.
            log.warning(
                "the recording could not be reviewed",
                extra={"call_id": self.call.id, "fault": type(error).__name__},
            )
        if segments:
            self._tell(RecordingReviewed(tuple(segments), self._parts.clock.now()))

    # --- judgement

    def _tell(self, event: Event) -> None:
        for effect in self.monitor.receive(event):
            match effect:
                case Keep() | Show():
                    self._outbox.add(effect)
                case AskAnalyst(brief):
                    _spawn(self._ask(brief), self._advice)
                case RaiseAlert(assessment):
                    log.info(
                        "risk level rose", extra={"call_id": self.call.id, "level": assessment.level.word}
                    )
                case CloseCall():
                    pass  # `_finish` closes the record once every task is done.

    async def _ask(self, brief: Brief) -> None:
        clock = self._parts.clock
        try:
            report = await self._analyse(brief)
        except (ProviderError, TimeoutError) as error:
            log.warning("analyst failed", extra={"call_id": self.call.id, "fault": type(error).__name__})
            self._tell(AnalystFailed(str(error) or "deadline", brief.final, clock.now()))
        except Exception as error:  # Any bug of an adviser is a failed advice, never a failed call.
            log.exception("analyst failed unexpectedly", extra={"call_id": self.call.id})
            self._tell(AnalystFailed(type(error).__name__, brief.final, clock.now()))
        else:
            self._tell(AnalystAnswered(report, brief.final, clock.now()))

    async def _analyse(self, brief: Brief) -> AnalystReport:
        parts = self._parts
        analyst = parts.final_analyst if brief.final else parts.analyst
        if analyst is None:
            raise ProviderError("no analyst is configured")
        if parts.budget is not None and not parts.budget.allows(self.call.id, parts.clock.now()):
            raise ProviderError("the budget for models is spent")
        async with asyncio.timeout(parts.final_deadline_s if brief.final else parts.analyst_deadline_s):
            report = await analyst.analyse(brief)
        if parts.budget is not None:
            parts.budget.spend(self.call.id, report.cost_usd, parts.clock.now())
        return report

    # --- small things

    def snapshot(self) -> messages.Message:
        """The state so far, for a monitor that connects."""
        monitor = self.monitor
        return messages.call_state(
            self.call,
            monitor.level,
            monitor.transcript,
            monitor.assessment,
            is_protected=monitor.is_protected,
        )

    def line(self) -> messages.Message:
        """This call in the list of live calls."""
        monitor = self.monitor
        last_words = monitor.transcript[-1].text if monitor.transcript else ""
        return messages.call_line(
            self.call, last_words, monitor.assessment, is_protected=monitor.is_protected
        )

    def _elapsed_ms(self) -> int:
        if self._started_s is None:
            return 0
        return round((self._parts.clock.monotonic_s() - self._started_s) * 1000)

    def _facts(self) -> dict[str, object]:
        counters = self._counters
        return {
            "frames": self._frames,
            "lost_chunks": sum(each.lost_chunks for each in counters),
            "late_chunks": sum(each.late_chunks for each in counters),
            "bad_messages": sum(each.bad_messages for each in counters),
            "streams": self._streams,
            "keys_pressed": self._keys_pressed,
            "engines": list(self._engines),
        }


def _spawn(work: Coroutine[object, object, None], tasks: set[asyncio.Task[None]]) -> None:
    task = asyncio.get_running_loop().create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)


async def _cancel(tasks: set[asyncio.Task[None]]) -> None:
    running = tuple(tasks)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
