import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from ringfence.bus.memory import MemoryBus
from ringfence.contracts import Brief, Listening, SpeechStream
from ringfence.detection.budget import Budget
from ringfence.detection.detector import load_detector
from ringfence.model.assessment import AnalystReport, Assessment, RiskLevel
from ringfence.model.calls import Call, CallId, CallSid, CallStatus, Party
from ringfence.model.errors import ProviderError
from ringfence.model.media import AudioReceived, KeypadPressed, MediaCounters, StreamStarted, StreamStopped
from ringfence.model.speech import Segment, SpeechEvent, Utterance
from ringfence.monitoring import messages
from ringfence.monitoring.outbox import Entry
from ringfence.monitoring.session import GRACE_PULSES, SILENT_PULSES, CallSession, SessionParts
from ringfence.testing import ManualClock

pytestmark = pytest.mark.unit

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
CALL = Call(CallId("id-1"), CallSid("CA1"), "+15550111", "+15550100", "en", NOW)
STARTED = StreamStarted("MZ1", CALL.sid, (Party.REMOTE, Party.SUBSCRIBER), {})
ASKS_FOR_CODE = "this is your bank read me the six digit code we sent you and do not tell anyone"


class Stream:
    """Says what the test tells it to; remembers what it was fed."""

    def __init__(self, party: Party) -> None:
        self.party = party
        self.fed = b""
        self.is_closed = False
        self._said: asyncio.Queue[SpeechEvent | Exception | None] = asyncio.Queue()

    def push(self, mulaw: bytes) -> None:
        self.fed += mulaw

    def say(self, text: str) -> None:
        self._said.put_nowait(Segment(self.party, text, 0, 100, engine="fake"))

    def fail(self, error: Exception) -> None:
        self._said.put_nowait(error)

    async def finish(self) -> None:
        self._said.put_nowait(None)

    async def events(self) -> AsyncIterator[SpeechEvent]:
        while (event := await self._said.get()) is not None:
            if isinstance(event, Exception):
                raise event
            yield event

    async def aclose(self) -> None:
        self.is_closed = True


class Engine:
    name = "fake"

    def __init__(self, error: Exception | None = None) -> None:
        self.streams: dict[Party, Stream] = {}
        self._error = error

    def understands(self, language: str) -> bool:
        return True

    async def open(self, listening: Listening) -> SpeechStream:
        if self._error:
            raise self._error
        stream = self.streams[listening.party] = Stream(listening.party)
        return stream

    async def aclose(self) -> None: ...


class Analyst:
    name = "fake:model"

    def __init__(self, answer: Callable[[Brief], Coroutine[Any, Any, AnalystReport]]) -> None:
        self.analyse = answer


class Store:
    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.status: CallStatus | None = None
        self.facts: Mapping[str, object] = {}

    async def append(self, call_id: CallId, entries: Sequence[Entry], at: datetime) -> None:
        self.entries += entries

    async def set_status(self, call_id: CallId, status: CallStatus, at: datetime) -> bool:
        self.status = status
        return True

    async def set_facts(self, call_id: CallId, facts: Mapping[str, object]) -> None:
        self.facts = facts

    def kept(self, kind: type) -> list[Any]:
        return [entry for entry in self.entries if isinstance(entry, kind)]


class Bus(MemoryBus):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[dict[str, Any]] = []

    def publish(self, topic: str, message: dict[str, Any]) -> None:
        if topic == messages.topic(CALL.sid):
            self.seen.append(message)

    @property
    def types(self) -> list[str]:
        return [message["type"] for message in self.seen]


@dataclass
class Scene:
    session: CallSession
    engine: Engine
    store: Store
    bus: Bus
    clock: ManualClock
    closed: list[CallSession] = field(default_factory=list)

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                await asyncio.sleep(0.001)

    async def listening(self) -> Stream:
        self.session.attach(STARTED)
        await self.until(lambda: len(self.engine.streams) == 2)
        await asyncio.sleep(0)
        return self.engine.streams[Party.REMOTE]


def play(
    scene: Callable[[Scene], Coroutine[Any, Any, None]], engine: Engine | None = None, **parts: Any
) -> None:
    async def run() -> None:
        heard = engine or Engine()
        store, bus, clock = Store(), Bus(), ManualClock(NOW)
        closed: list[CallSession] = []
        shared = SessionParts(
            clock=clock, bus=bus, store=store, detector=load_detector(), engine=heard, **parts
        )
        await scene(Scene(CallSession(CALL, shared, closed.append), heard, store, bus, clock, closed))
        async with asyncio.timeout(2):
            while len(asyncio.all_tasks()) > 1:
                await asyncio.sleep(0.001)

    asyncio.run(run())


def frame(party: Party = Party.REMOTE, at_ms: int = 0) -> AudioReceived:
    return AudioReceived(party, b"\x7f" * 800, at_ms)


def report(score: float = 0.9) -> AnalystReport:
    return AnalystReport(score, (), "It is a scam.", model="fake:model", cost_usd=0.3)


def test_each_party_is_heard_by_a_stream_of_its_own() -> None:
    async def scene(s: Scene) -> None:
        await s.listening()
        s.session.receive(frame(Party.REMOTE))
        s.session.receive(frame(Party.SUBSCRIBER))
        s.session.receive(frame(Party.SUBSCRIBER, 100))
        s.session.end()
        await s.session.closed()
        assert [len(s.engine.streams[party].fed) for party in (Party.REMOTE, Party.SUBSCRIBER)] == [800, 1600]

    play(scene)


def test_audio_that_comes_before_the_engine_is_open_is_not_lost() -> None:
    async def scene(s: Scene) -> None:
        s.session.attach(STARTED)
        s.session.receive(frame())
        await s.until(lambda: s.engine.streams)
        s.session.end()
        await s.session.closed()
        assert len(s.engine.streams[Party.REMOTE].fed) == 800

    play(scene)


def test_words_are_kept_shown_and_judged() -> None:
    async def scene(s: Scene) -> None:
        (await s.listening()).say(ASKS_FOR_CODE)
        await s.until(lambda: "analysis.complete" in s.bus.types)
        assert s.store.kept(Utterance)[0].text == ASKS_FOR_CODE
        assert s.session.monitor.level >= RiskLevel.MEDIUM
        assert s.session.line()["last_words"] == ASKS_FOR_CODE
        assert s.session.snapshot()["transcript"][0]["role"] == "user"
        s.session.end()
        await s.session.closed()

    play(scene)


def test_a_stop_ends_the_call_and_closes_its_record() -> None:
    async def scene(s: Scene) -> None:
        await s.listening()
        counters = MediaCounters(lost_chunks=3)
        s.session.watch(counters)
        s.session.receive(frame())
        s.session.receive(KeypadPressed(Party.REMOTE, "7"))
        s.session.receive(StreamStopped(CALL.sid))
        s.session.media_closed()
        await s.session.closed()
        assert s.store.status is CallStatus.ENDED
        assert (s.store.facts["frames"], s.store.facts["lost_chunks"], s.store.facts["keys_pressed"]) == (
            1,
            3,
            1,
        )
        assert s.bus.types[-1] == "call.stopped"
        assert s.closed == [s.session]
        assert all(stream.is_closed for stream in s.engine.streams.values())
        assert "protection.paused" not in s.bus.types

    play(scene)


def test_the_last_words_are_still_heard_after_the_end() -> None:
    async def scene(s: Scene) -> None:
        stream = await s.listening()
        s.session.end()
        stream.say("goodbye then")
        await s.session.closed()
        assert s.bus.types.index("transcript.update") < s.bus.types.index("call.stopped")

    play(scene)


def test_an_engine_that_cannot_open_pauses_protection_and_the_call_goes_on() -> None:
    async def scene(s: Scene) -> None:
        s.session.attach(STARTED)
        await s.until(lambda: "protection.paused" in s.bus.types)
        s.session.receive(frame())
        s.session.end()
        await s.session.closed()
        assert s.store.status is CallStatus.ENDED

    play(scene, Engine(ProviderError("no model")))


@pytest.mark.parametrize("error", [ProviderError("broke"), RuntimeError("a bug")])
def test_an_engine_that_breaks_in_mid_call_does_not_end_it(error: Exception) -> None:
    async def scene(s: Scene) -> None:
        (await s.listening()).fail(error)
        await s.until(lambda: "protection.paused" in s.bus.types)
        s.engine.streams[Party.SUBSCRIBER].say("who is this")
        await s.until(lambda: "transcript.update" in s.bus.types)
        s.session.end()
        await s.session.closed()

    play(scene)


def test_silence_on_the_line_is_noticed_after_two_seconds_and_its_end_too() -> None:
    async def scene(s: Scene) -> None:
        await s.listening()
        s.session.receive(frame())
        for _ in range(SILENT_PULSES + 1):
            s.session.check_pulse()
        await s.until(lambda: "protection.paused" in s.bus.types)
        s.session.receive(frame(at_ms=3000))
        s.session.check_pulse()
        await s.until(lambda: "protection.resumed" in s.bus.types)
        s.session.end()
        await s.session.closed()

    play(scene)


def test_a_broken_socket_is_told_at_once_and_another_stream_can_take_over() -> None:
    async def scene(s: Scene) -> None:
        await s.listening()
        s.session.media_closed()
        await s.until(lambda: "protection.paused" in s.bus.types)
        s.clock.advance(3)
        first = s.engine.streams[Party.REMOTE]
        s.session.attach(STARTED)
        await s.until(lambda: s.engine.streams[Party.REMOTE] is not first)
        s.engine.streams[Party.REMOTE].say("hello again")
        await s.until(lambda: "transcript.update" in s.bus.types)
        assert s.store.kept(Utterance)[0].start_ms == 3000
        assert "protection.resumed" in s.bus.types
        s.session.end()
        await s.session.closed()

    play(scene)


def test_the_old_socket_of_a_call_that_has_a_new_one_is_not_missed() -> None:
    async def scene(s: Scene) -> None:
        await s.listening()
        s.session.attach(STARTED)
        s.session.media_closed()
        for _ in range(GRACE_PULSES):
            s.session.receive(frame())
            s.session.check_pulse()
        assert "protection.paused" not in s.bus.types
        assert not s.session.is_over
        s.session.end()
        await s.session.closed()

    play(scene)


def test_an_engine_that_refuses_audio_leaves_the_other_party_heard() -> None:
    class Refusing(Engine):
        async def open(self, listening: Listening) -> SpeechStream:
            stream = await super().open(listening)
            if listening.party is Party.SUBSCRIBER:
                stream.push = _refuse  # type: ignore[method-assign]
            return stream

    def _refuse(mulaw: bytes) -> None:
        raise RuntimeError("not now")

    async def scene(s: Scene) -> None:
        remote = await s.listening()
        for n in range(20):
            s.session.receive(frame(at_ms=n * 100))
            s.session.receive(frame(Party.SUBSCRIBER, at_ms=n * 100))
        await s.until(lambda: "protection.paused" in s.bus.types)
        remote.say("hello")
        await s.until(lambda: "transcript.update" in s.bus.types)
        assert len(remote.fed) == 20 * 800
        s.session.end()
        await s.session.closed()

    play(scene, Refusing())


def test_a_call_whose_stream_stays_away_is_ended() -> None:
    async def scene(s: Scene) -> None:
        await s.listening()
        s.session.media_closed()
        for _ in range(GRACE_PULSES):
            s.session.check_pulse()
        assert s.session.is_over
        await s.session.closed()
        assert s.store.status is CallStatus.ENDED

    play(scene)


def test_the_analyst_joins_in_and_has_the_last_look() -> None:
    finals: list[bool] = []

    async def answer(brief: Brief) -> AnalystReport:
        finals.append(brief.final)
        return report()

    async def scene(s: Scene) -> None:
        stream = await s.listening()
        for text in ("hello", "how are you", "it is your nephew"):
            stream.say(text)
        await s.until(lambda: any(m.get("source") == "analyst:fake:model" for m in s.bus.seen))
        s.session.end()
        await s.session.closed()
        assert finals == [False, True]
        verdict = s.store.kept(Assessment)[-1]
        assert verdict.final
        assert verdict.level >= RiskLevel.HIGH

    play(scene, analyst=Analyst(answer), final_analyst=Analyst(answer))


@pytest.mark.parametrize("fault", ["slow", "down", "bug"])
def test_an_analyst_that_fails_leaves_the_local_judgement(fault: str) -> None:
    async def answer(brief: Brief) -> AnalystReport:
        if fault == "slow":
            await asyncio.Event().wait()
        raise ProviderError("503") if fault == "down" else ValueError("nonsense")

    async def scene(s: Scene) -> None:
        (await s.listening()).say(ASKS_FOR_CODE)
        await s.until(lambda: any("analyst_unavailable" in m.get("notes", ()) for m in s.bus.seen))
        assert s.session.monitor.level >= RiskLevel.MEDIUM
        s.session.end()
        await s.session.closed()

    play(scene, analyst=Analyst(answer), analysis_every=1, analyst_deadline_s=0.02)


def test_the_end_does_not_wait_for_a_live_analysis() -> None:
    async def answer(brief: Brief) -> AnalystReport:
        if not brief.final:
            await asyncio.Event().wait()
        return report()

    async def scene(s: Scene) -> None:
        (await s.listening()).say("hello")
        await s.until(lambda: "transcript.update" in s.bus.types)
        s.session.end()
        async with asyncio.timeout(1):
            await s.session.closed()
        assert s.store.kept(Assessment)[-1].final

    play(
        scene, analyst=Analyst(answer), final_analyst=Analyst(answer), analysis_every=1, analyst_deadline_s=60
    )


def test_above_the_budget_the_local_detector_goes_on_alone() -> None:
    asked = 0

    async def answer(brief: Brief) -> AnalystReport:
        nonlocal asked
        asked += 1
        return report(0.1)

    async def scene(s: Scene) -> None:
        stream = await s.listening()
        for n in range(6):
            stream.say(f"line number {n}")
            await s.until(lambda: s.bus.types.count("transcript.update") > n)  # noqa: B023
            await s.until(lambda: not s.session._advice)
        assert asked == 2
        s.session.end()
        await s.session.closed()

    play(scene, analyst=Analyst(answer), analysis_every=1, budget=Budget(0.5, 25.0))


def test_the_recording_is_heard_once_more_after_the_call() -> None:
    class Reviewer:
        async def review(self, mulaw: bytes, listening: Listening) -> tuple[Segment, ...]:
            heard = ASKS_FOR_CODE if listening.party is Party.REMOTE else ""
            return (Segment(listening.party, heard, 0, len(mulaw) // 8),)

    async def scene(s: Scene) -> None:
        await s.listening()
        s.session.receive(frame())
        s.session.end()
        await s.session.closed()
        assert s.store.kept(Assessment)[-1].level >= RiskLevel.MEDIUM

    play(scene, reviewer=Reviewer())


def test_a_reviewer_that_breaks_costs_neither_the_verdict_nor_the_record() -> None:
    class Reviewer:
        async def review(self, mulaw: bytes, listening: Listening) -> tuple[Segment, ...]:
            raise RuntimeError("out of memory")

    async def scene(s: Scene) -> None:
        (await s.listening()).say(ASKS_FOR_CODE)
        await s.until(lambda: s.store.kept(Assessment))
        s.session.receive(frame())
        s.session.end()
        await s.session.closed()
        assert s.store.kept(Assessment)[-1].final
        assert (s.store.status, s.closed) == (CallStatus.ENDED, [s.session])

    play(scene, reviewer=Reviewer())


def test_a_call_whose_judgement_breaks_is_closed_and_let_go_all_the_same() -> None:
    def breaks(event: object) -> Any:
        raise RuntimeError("a bug")

    async def scene(s: Scene) -> None:
        await s.listening()
        s.session.monitor.receive = breaks  # type: ignore[method-assign]
        s.session.end()
        await s.session.closed()
        assert (s.store.status, s.closed) == (CallStatus.ENDED, [s.session])
        assert s.bus.types[-1] == "call.stopped"

    play(scene)


def test_without_an_engine_a_call_holds_no_task() -> None:
    async def scene(s: Scene) -> None:
        session = CallSession(
            CALL,
            SessionParts(clock=s.clock, bus=s.bus, store=s.store, detector=load_detector()),
            s.closed.append,
        )
        session.attach(STARTED)
        for n in range(100):
            session.receive(frame(at_ms=n * 100))
        assert len(asyncio.all_tasks()) == 1
        session.end()
        await session.closed()

    play(scene)
