"""One socket's life without a server, in time that jumps: nothing here waits."""

import asyncio
import base64
import gc
import json
import logging
import random
import tracemalloc
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest

from ringfence.contracts import WebhookRequest
from ringfence.model.calls import CallSid, Party
from ringfence.model.media import AudioReceived, MediaCounters, MediaEvent, StreamStarted, StreamStopped
from ringfence.monitoring.switchboard import MediaRefused
from ringfence.telephony.carriers.twilio import TwilioMediaDecoder
from ringfence.web import media
from ringfence.web.media import Close, MediaSocket

pytestmark = pytest.mark.unit

T = TypeVar("T")

START = {"event": "start", "streamSid": "MZ1", "start": {"callSid": "CA1", "tracks": ["inbound", "outbound"]}}
STOP = {"event": "stop", "streamSid": "MZ1", "stop": {"callSid": "CA1"}}


def audio(at_ms: int, track: str = "inbound") -> str:
    payload = base64.b64encode(b"\x11" * 160).decode()
    return json.dumps(
        {"event": "media", "media": {"track": track, "timestamp": str(at_ms), "payload": payload}}
    )


class JumpingLoop(asyncio.SelectorEventLoop):
    """Where an ordinary loop would wait for a timer, this one puts its clock forward."""

    def __init__(self) -> None:
        super().__init__()
        self._ahead_s = 0.0
        select = self._selector.select  # type: ignore[attr-defined]

        def jump(timeout: float | None = None) -> Any:
            assert timeout is not None, "everything waits for something that never comes"
            self._ahead_s += timeout
            return select(0)

        self._selector.select = jump  # type: ignore[attr-defined]

    def time(self) -> float:
        return self._ahead_s


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(work())


class FakeSession:
    def __init__(self) -> None:
        self.events: list[MediaEvent] = []
        self.counters: MediaCounters | None = None
        self.times_closed = 0

    def receive(self, event: MediaEvent) -> None:
        self.events.append(event)

    def watch(self, counters: MediaCounters) -> None:
        self.counters = counters

    def media_closed(self) -> None:
        self.times_closed += 1


class FakeSwitchboard:
    def __init__(self, takes_s: float = 0.0, failure: Exception | None = None) -> None:
        self.session = FakeSession()
        self.asked: list[StreamStarted] = []
        self._takes_s, self._failure = takes_s, failure

    async def connect_media(self, started: StreamStarted) -> FakeSession:
        self.asked.append(started)
        await asyncio.sleep(self._takes_s)
        if self._failure is not None:
            raise self._failure
        return self.session


class Line:
    """A socket with both of its ends in sight."""

    def __init__(self, switchboard: FakeSwitchboard | None = None) -> None:
        self.switchboard = switchboard or FakeSwitchboard()
        self.session = self.switchboard.session
        self.closes: list[tuple[Close, float]] = []
        self.socket = MediaSocket(TwilioMediaDecoder(), self.switchboard, self._closed)

    def _closed(self, reason: Close) -> None:
        self.closes.append((reason, asyncio.get_running_loop().time()))

    def tell(self, message: dict[str, Any] | str | bytes) -> Close | None:
        return self.socket.receive(json.dumps(message) if isinstance(message, dict) else message)

    async def started(self) -> "Line":
        assert self.tell(START) is None
        await asyncio.sleep(0.1)
        return self


def others() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


def test_audio_reaches_the_call_it_belongs_to() -> None:
    async def work() -> None:
        line = await Line().started()
        assert line.switchboard.asked[0].call_sid == "CA1"
        assert line.tell(audio(0)) is None
        assert line.tell(audio(0, "outbound")) is None
        assert [event.party for event in line.session.events if isinstance(event, AudioReceived)] == [
            Party.REMOTE,
            Party.SUBSCRIBER,
        ]
        assert line.tell("{") is None
        assert line.session.counters is not None
        assert line.session.counters.bad_messages == 1
        line.socket.closed()

    run(work)


def test_what_comes_while_the_start_is_checked_is_delivered_after_it_in_order() -> None:
    async def work() -> None:
        line = Line(FakeSwitchboard(takes_s=1.0))
        line.tell(START)
        for frame in range(20):
            assert line.tell(audio(20 * frame)) is None
        assert line.session.events == []
        await asyncio.sleep(1.1)
        line.tell(audio(400))
        times = [event.timestamp_ms for event in line.session.events if isinstance(event, AudioReceived)]
        assert times == list(range(0, 420, 20))
        line.socket.closed()

    run(work)


def test_what_is_held_has_a_bound() -> None:
    async def work() -> None:
        line = Line(FakeSwitchboard(takes_s=1.0))
        line.tell(START)
        for frame in range(media.MAX_HELD_EVENTS + 500):
            line.tell(audio(20 * frame))
        await asyncio.sleep(1.1)
        assert len(line.session.events) == media.MAX_HELD_EVENTS
        line.socket.closed()

    run(work)


@pytest.mark.parametrize(
    ("switchboard", "reason"),
    [
        (FakeSwitchboard(failure=MediaRefused("used before")), media.REFUSED),
        (FakeSwitchboard(failure=RuntimeError("store")), media.BROKEN),
        (FakeSwitchboard(takes_s=60), media.BROKEN),
    ],
    ids=["refused", "failed", "too slow"],
)
def test_a_stream_that_is_not_accepted_is_closed(switchboard: FakeSwitchboard, reason: Close) -> None:
    async def work() -> None:
        line = Line(switchboard)
        line.tell(START)
        line.tell(audio(0))
        await asyncio.sleep(media.ACCEPT_WITHIN_S + 0.1)
        assert [close for close, _ in line.closes] == [reason]
        line.socket.closed()
        assert line.session.events == []
        assert others() == set()

    run(work)


def test_a_socket_without_a_start_is_closed_after_five_seconds() -> None:
    async def work() -> None:
        line = Line()
        line.tell({"event": "connected"})
        await asyncio.sleep(30)
        assert line.closes == [(media.NO_START, 5.0)]

    run(work)


def test_a_peer_from_which_nothing_comes_any_more_is_let_go() -> None:
    async def work() -> None:
        line = await Line().started()
        await asyncio.sleep(60)
        assert [close for close, _ in line.closes] == [media.AWAY]

    run(work)


def test_a_peer_that_sends_slowly_is_kept() -> None:
    async def work() -> None:
        line = await Line().started()
        for frame in range(20):
            line.tell(audio(20 * frame))
            await asyncio.sleep(4)
        assert line.closes == []
        line.socket.closed()

    run(work)


def test_a_message_too_big_ends_the_socket() -> None:
    async def work() -> None:
        line = await Line().started()
        assert line.tell(b" " * media.MAX_MESSAGE_BYTES) is None  # garbage, but of a size that may be
        assert line.tell(b" " * (media.MAX_MESSAGE_BYTES + 1)) is media.TOO_BIG
        line.socket.closed()

    run(work)


def test_garbage_is_counted_and_then_ends_the_socket() -> None:
    async def work() -> None:
        line = await Line().started()
        for _ in range(media.MAX_BAD_MESSAGES - 1):
            assert line.tell(b"\x00\xff") is None
        assert line.tell("{}") is media.GARBAGE
        assert line.session.counters is not None
        assert line.session.counters.bad_messages == media.MAX_BAD_MESSAGES
        line.socket.closed()

    run(work)


def test_a_flood_ends_the_socket() -> None:
    async def work() -> None:
        line = await Line().started()
        most = 2 * media.MAX_MESSAGES_PER_TRACK_S * media.BURST_S
        answers = [line.tell(audio(20 * frame)) for frame in range(most)]
        assert media.TOO_MANY in answers
        assert set(answers[:1_000]) == {None}  # ten seconds of two tracks may come at once
        line.socket.closed()

    run(work)


def test_one_track_may_send_half_as_much_as_two() -> None:
    async def work() -> None:
        line = Line()
        line.tell({**START, "start": {"callSid": "CA1", "tracks": ["inbound"]}})
        await asyncio.sleep(11)
        times = 0
        while line.tell(audio(20 * times)) is None:
            times += 1
            await asyncio.sleep(1 / (1.5 * media.MAX_MESSAGES_PER_TRACK_S))
            assert times < 6 * media.MAX_MESSAGES_PER_TRACK_S * media.BURST_S
        line.socket.closed()

    run(work)


def test_two_tracks_at_their_own_pace_may_go_on_for_ever() -> None:
    async def work() -> None:
        line = await Line().started()
        for frame in range(50 * 120):
            assert line.tell(audio(20 * frame)) is None
            assert line.tell(audio(20 * frame, "outbound")) is None
            await asyncio.sleep(0.02)
        assert len(line.session.events) == 100 * 120
        line.socket.closed()

    run(work)


def test_a_stop_is_told_and_ends_the_socket() -> None:
    async def work() -> None:
        line = await Line().started()
        assert line.tell(STOP) is media.DONE
        line.socket.closed()
        assert line.session.events == [StreamStopped(CallSid("CA1"))]
        assert line.session.times_closed == 1

    run(work)


def test_a_stop_that_comes_before_the_acceptance_is_told_too() -> None:
    async def work() -> None:
        line = Line(FakeSwitchboard(takes_s=0.5))
        line.tell(START)
        line.tell(audio(0))
        line.tell(STOP)
        await asyncio.sleep(0.6)
        assert [close for close, _ in line.closes] == [media.DONE]
        line.socket.closed()
        assert [type(event) for event in line.session.events] == [AudioReceived, StreamStopped]
        assert line.session.times_closed == 1

    run(work)


def test_a_broken_socket_is_told_once() -> None:
    async def work() -> None:
        line = await Line().started()
        line.tell(audio(0))
        line.socket.closed()
        line.socket.closed()
        assert line.session.times_closed == 1
        await asyncio.sleep(60)
        assert line.closes == []

    run(work)


def test_a_peer_gone_during_the_acceptance_leaves_its_audio_to_the_call() -> None:
    async def work() -> None:
        line = Line(FakeSwitchboard(takes_s=0.5))
        line.tell(START)
        line.tell(audio(0))
        line.socket.closed()
        await asyncio.sleep(0.6)
        assert len(line.session.events) == 1
        assert line.session.times_closed == 1
        assert others() == set()

    run(work)


def test_nothing_is_left_of_a_socket_one_second_after_its_end() -> None:
    async def work() -> None:
        line = Line(FakeSwitchboard(takes_s=60))
        line.tell(START)
        await asyncio.sleep(0.1)
        line.socket.closed()
        await asyncio.sleep(1.0)
        assert others() == set()
        assert line.closes == []

    run(work)


def test_a_fault_in_the_call_ends_the_socket_and_goes_no_further(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        line = await Line().started()

        def broken(event: MediaEvent) -> None:
            raise RuntimeError("a bug")

        line.session.receive = broken  # type: ignore[method-assign]
        assert line.tell(audio(0)) is media.BROKEN
        line.socket.closed()

    run(work)
    assert "could not be handled" in caplog.text


def hostile(chance: random.Random) -> bytes | str:
    """A message of a peer that means no good: shapes that are nearly right, and noise."""
    whole = chance.choice(
        [
            audio(chance.randrange(-(10**6), 10**12)),
            json.dumps(START),
            json.dumps(STOP),
            json.dumps(
                {
                    "event": chance.choice(["mark", "dtmf", "stop", "clear", "", "\x00"]),
                    "dtmf": {"digit": "x"},
                }
            ),
            json.dumps({"event": "media", "media": chance.choice([None, 1, [], {}, {"payload": "="}])}),
            json.dumps(
                {"event": "start", "start": {"callSid": chance.choice(["", 1, "CA1"]), "tracks": [None]}}
            ),
            "[" * chance.randrange(5_000),
            '{"event":' * chance.randrange(1, 1_000),
        ]
    )
    kind = chance.randrange(5)
    if kind == 0:
        return chance.randbytes(chance.randrange(400))
    if kind == 1:
        cut = chance.randrange(len(whole) + 1)
        return whole[:cut] + chance.choice(['"', "\ud800", "\\", "}", "9" * 400, ""]) + whole[cut:]
    if kind == 2:
        flipped = bytearray(whole.encode("utf-8", "surrogatepass"))
        for _ in range(3):
            flipped[chance.randrange(len(flipped))] = chance.randrange(256)
        return bytes(flipped)
    if kind == 3:
        return whole * chance.randrange(60)
    return whole


def test_ten_thousand_hostile_messages_raise_nothing_and_leave_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL, media.log.name)  # The test would keep every refusal's record.

    async def some(messages: int, chance: random.Random) -> None:
        sent = 0
        while sent < messages:
            line = Line(
                FakeSwitchboard(
                    takes_s=chance.choice([0, 0.01, 60]), failure=chance.choice([None, MediaRefused("x")])
                )
            )
            if chance.random() < 0.7:
                line.tell(START)
            if chance.random() < 0.5:
                await asyncio.sleep(0.02)
            verdict = None
            while verdict is None and not line.closes and chance.random() > 0.01:
                verdict = line.tell(hostile(chance))
                sent += 1
            line.socket.closed()
        await asyncio.sleep(media.LET_GO_WITHIN_S + 0.1)
        assert others() == set()

    async def work() -> int:
        chance = random.Random(20)
        await some(2_000, chance)  # what is loaded once is loaded now
        gc.collect()
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        await some(10_000, chance)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return after - before

    assert run(work) < 64 * 1024


def test_refused_upgrades_get_no_socket() -> None:
    class NobodysCarrier:
        def verify(self, request: WebhookRequest) -> bool:
            assert request.is_websocket
            assert request.target == "/api/v1/twilio/media-stream?x=%20"
            return False

    class Doors:
        carrier: Any = NobodysCarrier()
        switchboard = FakeSwitchboard()

    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": media.PATH, "query_string": b"x=%20", "headers": [(b"Host", b"x")]}
    run(lambda: media.MediaEndpoint(Doors())(scope, receive, send))
    assert [message["type"] for message in sent] == ["websocket.close"]
