import asyncio
from collections.abc import AsyncIterator, Callable
from itertools import pairwise

import pytest

from ringfence.contracts import Listening, SpeechEngine, SpeechStream
from ringfence.model.calls import CallSid, Party
from ringfence.model.errors import ProviderError
from ringfence.model.speech import AudioDropped, EngineSwitched, Segment, SpeechEvent
from ringfence.speech import fallback
from ringfence.speech.fallback import FallbackEngine

pytestmark = pytest.mark.unit

LISTENING = Listening(CallSid("CA1"), "+15550100", Party.REMOTE, "en")
SECOND = 8000
VOICE, QUIET = b"\x10", b"\xff"


class Stream:
    """Hears a "word" in every whole second of voice; fails when it is told to."""

    def __init__(self, engine: "Engine") -> None:
        self.engine = engine
        self.given = bytearray()
        self.closed = False
        self._told = 0
        self._queue: asyncio.Queue[SpeechEvent | ProviderError | None] = asyncio.Queue()

    def push(self, mulaw: bytes) -> None:
        self.given += mulaw
        while self.engine.hears and len(self.given) >= (self._told + 1) * SECOND:
            second = self.given[self._told * SECOND : (self._told + 1) * SECOND]
            if VOICE in bytes(second):
                self.tell(Segment(Party.REMOTE, "word", self._told * 1000, self._told * 1000 + 1000))
            self._told += 1

    def tell(self, event: SpeechEvent | ProviderError | None) -> None:
        self._queue.put_nowait(event)

    async def finish(self) -> None:
        if self.engine.dies_at_the_end:
            self.tell(ProviderError("died at the end"))
        self.tell(None)

    async def events(self) -> AsyncIterator[SpeechEvent]:
        while (event := await self._queue.get()) is not None:
            if isinstance(event, ProviderError):
                raise event
            yield event

    async def aclose(self) -> None:
        self.closed = True


class Engine:
    def __init__(
        self,
        name: str,
        *,
        opens: bool = True,
        hears: bool = True,
        dies_at_the_end: bool = False,
        language: str = "en",
    ) -> None:
        self.name = name
        self.opens = opens
        self.hears = hears
        self.dies_at_the_end = dies_at_the_end
        self.language = language
        self.streams: list[Stream] = []
        self.closed = False

    def understands(self, language: str) -> bool:
        return language == self.language

    async def open(self, listening: Listening) -> SpeechStream:
        if not self.opens:
            raise ProviderError(f"{self.name} is away")
        self.streams.append(Stream(self))
        return self.streams[-1]

    async def aclose(self) -> None:
        self.closed = True


async def settle() -> None:
    """Let every task run until it waits for something from outside."""
    for _ in range(50):
        await asyncio.sleep(0)


def play(
    engines: list[Engine], scenario: Callable[[SpeechStream], list[tuple[bytes, Callable[[], None]]]]
) -> list[SpeechEvent]:
    """Push each piece, let everything settle, do what follows it; finish; every event."""

    async def main() -> list[SpeechEvent]:
        typed: list[SpeechEngine] = list(engines)
        chain = FallbackEngine(typed)
        stream = await chain.open(LISTENING)
        await settle()
        for piece, then in scenario(stream):
            for start in range(0, len(piece), 800):
                stream.push(piece[start : start + 800])
            await settle()
            then()
            await settle()
        await stream.finish()
        events = [event async for event in stream.events()]
        await stream.aclose()
        await chain.aclose()
        return events

    return asyncio.run(main())


def nothing() -> None: ...


def words(events: list[SpeechEvent]) -> list[int]:
    """Where the words begin."""
    return [event.start_ms for event in events if isinstance(event, Segment)]


def switches(events: list[SpeechEvent]) -> list[EngineSwitched]:
    return [event for event in events if isinstance(event, EngineSwitched)]


def test_one_engine_that_works_is_passed_through() -> None:
    events = play([Engine("a"), Engine("b")], lambda _: [(VOICE * 3 * SECOND, nothing)])
    assert words(events) == [0, 1000, 2000]
    assert switches(events) == []


def test_an_engine_that_does_not_open_is_passed_over_and_no_word_is_lost() -> None:
    events = play([Engine("a", opens=False), Engine("b")], lambda _: [(VOICE * 2 * SECOND, nothing)])
    assert words(events) == [0, 1000]
    (switch,) = switches(events)
    assert (switch.engine, switch.next_engine, switch.reason) == ("a", "b", "a is away")
    assert switch.gap_start_ms == switch.gap_end_ms


def test_an_engine_that_fails_in_mid_call_is_replaced_from_the_last_word_on() -> None:
    first, second = Engine("a"), Engine("b")

    def scenario(_: SpeechStream) -> list[tuple[bytes, Callable[[], None]]]:
        def fail() -> None:
            first.streams[0].tell(ProviderError("broke"))

        return [(VOICE * (2 * SECOND + 4000), fail), (VOICE * 2 * SECOND, nothing)]

    events = play([first, second], scenario)
    assert words(events) == [0, 1000, 2000, 3000]
    (switch,) = switches(events)
    assert (switch.engine, switch.next_engine, switch.reason) == ("a", "b", "broke")
    assert (switch.gap_start_ms, switch.gap_end_ms) == (2000, 2000)
    assert first.streams[0].closed


def test_what_is_too_old_to_be_kept_is_told_as_a_gap() -> None:
    deaf, second = Engine("a", hears=False), Engine("b")

    def scenario(_: SpeechStream) -> list[tuple[bytes, Callable[[], None]]]:
        return [
            (VOICE * 50 * SECOND, lambda: deaf.streams[0].tell(ProviderError("broke"))),
            (QUIET * SECOND, nothing),
        ]

    events = play([deaf, second], scenario)
    (switch,) = switches(events)
    assert (switch.gap_start_ms, switch.gap_end_ms) == (0, 20_000)
    assert words(events) == list(range(20_000, 50_000, 1000))


def test_silence_that_no_engine_heard_is_no_gap() -> None:
    deaf, second = Engine("a", hears=False), Engine("b")

    def scenario(_: SpeechStream) -> list[tuple[bytes, Callable[[], None]]]:
        return [
            (QUIET * 50 * SECOND, lambda: deaf.streams[0].tell(ProviderError("broke"))),
            (VOICE * SECOND, nothing),
        ]

    events = play([deaf, second], scenario)
    (switch,) = switches(events)
    assert switch.gap_start_ms == switch.gap_end_ms
    assert len(second.streams[0].given) < 3 * SECOND


def test_an_engine_that_fails_after_the_end_is_replaced_too() -> None:
    events = play(
        [Engine("a", hears=False, dies_at_the_end=True), Engine("b")],
        lambda _: [(VOICE * 2 * SECOND, nothing)],
    )
    assert words(events) == [0, 1000]
    assert [switch.next_engine for switch in switches(events)] == ["b"]


def test_an_engine_that_ends_before_the_call_has_failed() -> None:
    first = Engine("a")

    def scenario(_: SpeechStream) -> list[tuple[bytes, Callable[[], None]]]:
        return [(VOICE * SECOND, lambda: first.streams[0].tell(None)), (VOICE * SECOND, nothing)]

    events = play([first, Engine("b")], scenario)
    assert words(events) == [0, 1000]
    assert [switch.reason for switch in switches(events)] == ["a ended before the call"]


def test_when_none_is_left_the_call_goes_on_and_what_it_costs_is_told() -> None:
    first = Engine("a")

    def scenario(_: SpeechStream) -> list[tuple[bytes, Callable[[], None]]]:
        def fail() -> None:
            first.streams[0].tell(ProviderError("broke"))

        return [(VOICE * (SECOND + 4000), fail), (VOICE * 5 * SECOND, nothing)]

    events = play([first, Engine("b", opens=False)], scenario)
    assert words(events) == [0]
    switch, dropped = events[-2:]
    assert switch == EngineSwitched(Party.REMOTE, "a", "", "broke; b is away", 1000, 1500)
    assert dropped == AudioDropped(Party.REMOTE, 1500, 5000)


def test_engines_that_do_not_understand_the_language_are_left_out() -> None:
    spanish = Engine("a", language="es")
    events = play([spanish, Engine("b")], lambda _: [(VOICE * SECOND, nothing)])
    assert spanish.streams == []
    assert words(events) == [0]
    assert switches(events) == []


def test_without_any_engine_for_the_language_it_says_so() -> None:
    events = play([Engine("a", language="es")], lambda _: [(VOICE * SECOND, nothing)])
    switch = events[0]
    assert isinstance(switch, EngineSwitched)
    assert (switch.engine, switch.next_engine) == ("", "")
    assert "'en'" in switch.reason


def test_every_engine_in_turn_is_tried() -> None:
    engines = [Engine("a"), Engine("b"), Engine("c")]

    def scenario(_: SpeechStream) -> list[tuple[bytes, Callable[[], None]]]:
        return [
            (VOICE * SECOND, lambda: engines[0].streams[0].tell(ProviderError("one"))),
            (VOICE * SECOND, lambda: engines[1].streams[0].tell(ProviderError("two"))),
            (VOICE * SECOND, nothing),
        ]

    events = play(engines, scenario)
    assert words(events) == [0, 1000, 2000]
    told = switches(events)
    assert [(one.engine, one.next_engine) for one in told] == [("a", "b"), ("b", "c")]
    assert all(earlier.gap_end_ms <= later.gap_start_ms for earlier, later in pairwise(told))


def test_letting_go_closes_the_engines_stream() -> None:
    engine = Engine("a")

    async def main() -> None:
        stream = await FallbackEngine([engine]).open(LISTENING)
        await settle()
        await stream.aclose()
        await stream.aclose()

    asyncio.run(main())
    assert engine.streams[0].closed


def test_closing_closes_every_engine() -> None:
    engines = [Engine("a"), Engine("b")]
    asyncio.run(FallbackEngine(engines).aclose())
    assert all(engine.closed for engine in engines)


def test_it_understands_what_any_of_its_engines_understands() -> None:
    fallback = FallbackEngine([Engine("a"), Engine("b", language="es")])
    assert fallback.understands("es")
    assert not fallback.understands("fr")
    assert fallback.name == "a,b"


def test_an_engine_that_cannot_prepare_itself_is_passed_over() -> None:
    warmed: list[str] = []

    class Local(Engine):
        async def warm(self) -> None:
            if not self.opens:
                raise ProviderError("no model")
            warmed.append(self.name)

    asyncio.run(FallbackEngine([Engine("hosted"), Local("a", opens=False), Local("b"), Local("c")]).warm())
    assert warmed == ["b"]


def test_the_last_engine_is_tried_again_when_its_fault_may_pass() -> None:
    engine = Engine("a", hears=False)

    def dies() -> None:
        engine.hears = True
        engine.streams[-1].tell(ProviderError("its process ended", retryable=True))

    events = play([engine], lambda _: [(VOICE * 2 * SECOND, dies), (VOICE * SECOND, nothing)])
    assert words(events) == [0, 1000, 2000]
    (switch,) = switches(events)
    assert (switch.engine, switch.next_engine, switch.reason) == ("a", "a", "its process ended")
    assert switch.gap_start_ms == switch.gap_end_ms


def test_an_engine_that_fails_for_good_is_not_tried_again() -> None:
    engine = Engine("a")
    events = play(
        [engine],
        lambda _: [(VOICE * SECOND, lambda: engine.streams[-1].tell(ProviderError("no such model")))],
    )
    assert len(engine.streams) == 1
    assert switches(events)[-1].next_engine == ""


def test_the_last_engine_is_not_tried_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fallback, "AGAIN_AFTER_S", (0.0, 0.0))
    engine = Engine("a")

    def dies() -> None:
        engine.streams[-1].tell(ProviderError("its process ended", retryable=True))

    pieces: list[tuple[bytes, Callable[[], None]]] = [(VOICE * SECOND, dies)]
    events = play([engine], lambda _: pieces * 5)
    assert len(engine.streams) == 3
    assert switches(events)[-1].next_engine == ""
