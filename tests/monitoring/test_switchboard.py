import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from ringfence.bus.memory import MemoryBus
from ringfence.detection.detector import load_detector
from ringfence.model.calls import (
    Call,
    CallId,
    CallInstructions,
    CallSid,
    CallStatus,
    CallStatusChanged,
    IncomingCall,
    Party,
)
from ringfence.model.media import StreamStarted
from ringfence.monitoring import messages
from ringfence.monitoring import switchboard as module
from ringfence.monitoring.session import GRACE_PULSES, SessionParts
from ringfence.monitoring.switchboard import NEVER_HEARD_AFTER, MediaRefused, Switchboard, SwitchboardPolicy
from ringfence.privacy.secrets import open_cipher
from ringfence.telephony.store import CallStore
from ringfence.testing import ManualClock
from ringfence.testing.databases import OpenDatabase

pytestmark = pytest.mark.db

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
INCOMING = IncomingCall(CallSid("CA1"), "+15550111", "+15550100")
POLICY = SwitchboardPolicy("ws://127.0.0.1/media", "http://127.0.0.1/stream-status", b"s" * 32, language="en")


class FickleStore(CallStore):
    """The real one, which does not answer for as long as it is told not to."""

    hangs = False

    async def find(self, call_sid: CallSid) -> Call | None:
        await self._answering()
        return await super().find(call_sid)

    async def set_status(self, call_id: CallId, status: CallStatus, at: datetime) -> bool:
        await self._answering()
        return await super().set_status(call_id, status, at)

    async def _answering(self) -> None:
        while self.hangs:
            await asyncio.sleep(0.001)


@dataclass
class Scene:
    switchboard: Switchboard
    store: FickleStore
    clock: ManualClock
    bus: MemoryBus

    async def ring(self, sid: str = "CA1") -> CallInstructions:
        return await self.switchboard.answer(replace(INCOMING, sid=CallSid(sid)))

    async def status(self, sid: str = "CA1") -> CallStatus:
        call = await self.store.find(CallSid(sid))
        assert call is not None
        return call.status


def started(instructions: CallInstructions, sid: str = "CA1") -> StreamStarted:
    assert instructions.stream is not None
    return StreamStarted("MZ1", CallSid(sid), (Party.REMOTE,), instructions.stream.parameters)


@asynccontextmanager
async def running(switchboard: Switchboard) -> AsyncIterator[None]:
    task = asyncio.ensure_future(switchboard.run())
    try:
        async with asyncio.timeout(5):
            yield
    finally:
        task.cancel()
        await asyncio.wait({task})


Play = Callable[..., None]


@pytest.fixture
def play(open_test_database: OpenDatabase, tmp_path: Any) -> Play:
    """Runs a scene on a switchboard over a real database, and sees that nothing is left running."""
    cipher = open_cipher(tmp_path)

    @asynccontextmanager
    async def stage(policy: SwitchboardPolicy) -> AsyncIterator[Scene]:
        async with open_test_database() as database:
            store, clock, bus = FickleStore(database, cipher), ManualClock(NOW), MemoryBus()
            parts = SessionParts(clock=clock, bus=bus, store=store, detector=load_detector())
            nonces = count()
            board = Switchboard(parts, store, policy, lambda: f"nonce-{next(nonces):04}")
            yield Scene(board, store, clock, bus)
            await board.shutdown(drain_s=0)

    def run(scene: Callable[[Scene], Coroutine[Any, Any, None]], **policy: Any) -> None:
        async def perform() -> None:
            async with stage(replace(POLICY, **policy)) as there:
                await scene(there)

        asyncio.run(perform())

    return run


def test_an_answered_call_is_on_record_and_its_audio_is_asked_for(play: Play) -> None:
    async def scene(s: Scene) -> None:
        instructions = await s.ring()
        assert instructions.stream is not None
        assert instructions.stream.url == POLICY.media_url
        assert await s.status() is CallStatus.RINGING

    play(scene)


def test_a_repeated_webhook_makes_no_second_call(play: Play) -> None:
    async def scene(s: Scene) -> None:
        await s.ring()
        first = await s.store.find(CallSid("CA1"))
        await asyncio.gather(*(s.ring() for _ in range(20)))
        assert await s.store.find(CallSid("CA1")) == first

    play(scene)


def test_the_stream_of_a_call_opens_its_session(play: Play) -> None:
    async def scene(s: Scene) -> None:
        async with s.bus.subscribe(messages.ALL_CALLS) as reader:
            await s.switchboard.connect_media(started(await s.ring()))
            assert (await anext(aiter(reader)))["type"] == "call.started"
        assert s.switchboard.active_calls == 1
        assert s.switchboard.active()[0]["caller_number"] == "+15550111"
        assert (s.switchboard.snapshot(CallSid("CA1")) or {})["type"] == "call.state"
        assert await s.status() is CallStatus.LIVE

    play(scene)


def test_a_pass_works_once(play: Play) -> None:
    async def scene(s: Scene) -> None:
        stream = started(await s.ring())
        await s.switchboard.connect_media(stream)
        with pytest.raises(MediaRefused, match="used before"):
            await s.switchboard.connect_media(stream)

    play(scene)


@pytest.mark.parametrize("fault", ["none", "of another call", "too old", "forged"])
def test_a_stream_without_a_valid_pass_is_refused(play: Play, fault: str) -> None:
    async def scene(s: Scene) -> None:
        stream = started(await s.ring())
        if fault == "none":
            stream = replace(stream, parameters={})
        elif fault == "of another call":
            await s.ring("CA2")
            stream = replace(stream, call_sid=CallSid("CA2"))
        elif fault == "too old":
            s.clock.advance(121)
        else:
            stream = replace(stream, parameters={"pass": stream.parameters["pass"][:-3] + "AAA"})
        with pytest.raises(MediaRefused, match="no valid pass"):
            await s.switchboard.connect_media(stream)
        assert s.switchboard.active_calls == 0

    play(scene)


def test_a_late_stream_cannot_revive_a_call_that_is_over(play: Play) -> None:
    async def scene(s: Scene) -> None:
        stream = started(await s.ring())
        await s.switchboard.call_status(CallStatusChanged(CallSid("CA1"), CallStatus.ENDED, "completed"))
        with pytest.raises(MediaRefused, match="no such live call"):
            await s.switchboard.connect_media(stream)
        assert (await s.ring()).stream is None

    play(scene)


def test_the_carriers_word_ends_a_live_call_once(play: Play) -> None:
    async def scene(s: Scene) -> None:
        session = await s.switchboard.connect_media(started(await s.ring()))
        for _ in range(3):
            await s.switchboard.call_status(CallStatusChanged(CallSid("CA1"), CallStatus.ENDED, "completed"))
        await session.closed()
        assert s.switchboard.active_calls == 0
        record = await s.store.record(CallSid("CA1"))
        assert record is not None
        assert [assessment.final for assessment in record.assessments] == [True]
        await s.switchboard.call_status(CallStatusChanged(CallSid("CA1"), CallStatus.LIVE, "in-progress"))
        assert await s.status() is CallStatus.ENDED

    play(scene)


def test_above_the_capacity_calls_are_connected_unheard(play: Play) -> None:
    async def scene(s: Scene) -> None:
        first, second = started(await s.ring("CA1"), "CA1"), started(await s.ring("CA2"), "CA2")
        await s.switchboard.connect_media(first)
        with pytest.raises(MediaRefused, match="too many"):
            await s.switchboard.connect_media(second)
        assert (await s.ring("CA3")).stream is None

    play(scene, max_calls=1)


def test_while_draining_new_calls_are_connected_unheard_and_live_ones_are_marked(play: Play) -> None:
    async def scene(s: Scene) -> None:
        await s.switchboard.connect_media(started(await s.ring()))
        await s.switchboard.shutdown(drain_s=0)
        assert (await s.ring("CA2")).stream is None
        assert await s.status() is CallStatus.INTERRUPTED

    play(scene)


def test_a_call_whose_stream_never_comes_is_closed(play: Play) -> None:
    async def scene(s: Scene) -> None:
        await s.ring()
        s.clock.advance(NEVER_HEARD_AFTER.total_seconds() + 1)
        running = asyncio.ensure_future(s.switchboard.run())
        async with asyncio.timeout(5):
            while await s.status() is CallStatus.RINGING:
                await asyncio.sleep(0.01)
        running.cancel()

    play(scene)


def test_whoever_looks_on_is_told_once_of_a_call_that_ended_before_it_was_heard(play: Play) -> None:
    async def scene(s: Scene) -> None:
        await s.ring()
        async with s.bus.subscribe(messages.topic(CallSid("CA1"))) as reader:
            for word in ("no-answer", "completed"):
                await s.switchboard.call_status(CallStatusChanged(CallSid("CA1"), CallStatus.ENDED, word, 1))
            s.bus.close()
            told = [message async for message in reader]
        assert [(message["type"], message["status"]) for message in told] == [("call.stopped", "ended")]

    play(scene)


def test_whoever_looks_on_is_told_when_a_stream_never_comes(play: Play) -> None:
    async def scene(s: Scene) -> None:
        await s.ring()
        s.clock.advance(NEVER_HEARD_AFTER.total_seconds() + 1)
        async with s.bus.subscribe(messages.topic(CallSid("CA1"))) as reader, running(s.switchboard):
            assert (await anext(aiter(reader)))["type"] == "call.stopped"

    play(scene)


def test_a_call_that_is_refused_for_want_of_room_is_closed_in_the_record_too(play: Play) -> None:
    async def scene(s: Scene) -> None:
        await s.switchboard.connect_media(started(await s.ring()))
        assert (await s.ring("CA2")).stream is None
        s.clock.advance(NEVER_HEARD_AFTER.total_seconds() + 1)
        async with running(s.switchboard):
            while await s.status("CA2") is CallStatus.RINGING:
                await asyncio.sleep(0.01)
        assert await s.status("CA1") is CallStatus.LIVE

    play(scene, max_calls=1)


def test_a_call_that_another_process_hears_is_not_closed_by_the_one_that_answered(play: Play) -> None:
    async def scene(s: Scene) -> None:
        await s.ring()
        call = await s.store.find(CallSid("CA1"))
        assert call is not None
        await s.store.set_status(call.id, CallStatus.LIVE, NOW)
        s.clock.advance(NEVER_HEARD_AFTER.total_seconds() + 1)
        async with running(s.switchboard):
            while s.switchboard._expected or s.switchboard._chores:
                await asyncio.sleep(0.01)
        assert await s.status() is CallStatus.LIVE

    play(scene)


def test_a_store_that_hangs_stops_no_pulse(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PULSE_S", 0.01)

    async def scene(s: Scene) -> None:
        await s.switchboard.connect_media(started(await s.ring()))
        await s.ring("CA2")
        s.clock.advance(NEVER_HEARD_AFTER.total_seconds() + 1)
        s.store.hangs = True
        async with s.bus.subscribe(messages.ALL_CALLS) as reader, running(s.switchboard):
            told = await anext(aiter(reader))
            assert (told["type"], told["reason"]) == ("protection.paused", "no_audio")
            s.store.hangs = False

    play(scene)


def test_a_call_is_heard_though_its_record_cannot_say_so(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STORE_WITHIN_S", 0.02)

    async def scene(s: Scene) -> None:
        stream = started(await s.ring())
        find = s.store.find

        async def find_and_hang(call_sid: CallSid) -> Call | None:
            call = await find(call_sid)
            s.store.hangs = True
            return call

        s.store.find = find_and_hang  # type: ignore[method-assign]
        await s.switchboard.connect_media(stream)
        assert s.switchboard.active_calls == 1
        s.store.hangs = False

    play(scene)


def test_a_stream_that_gave_up_while_it_was_connected_leaves_no_call_behind(play: Play) -> None:
    async def scene(s: Scene) -> None:
        stream = started(await s.ring())
        connecting = asyncio.ensure_future(s.switchboard.connect_media(stream))
        while not s.switchboard.active_calls:
            await asyncio.sleep(0)
        s.store.hangs = True
        connecting.cancel()
        await asyncio.wait({connecting})
        s.store.hangs = False
        [session] = s.switchboard._sessions.values()
        for _ in range(GRACE_PULSES):
            session.check_pulse()
        await session.closed()
        assert s.switchboard.active_calls == 0

    play(scene)


@pytest.mark.parametrize("days", [-400, 400])
def test_a_clock_that_is_set_ends_no_call(play: Play, days: int) -> None:
    async def scene(s: Scene) -> None:
        session = await s.switchboard.connect_media(started(await s.ring()))
        await s.ring("CA2")
        s.clock.set_wall(NOW + timedelta(days=days))
        async with running(s.switchboard):
            await asyncio.sleep(2.5 * module.PULSE_S)
        assert not session.is_over
        assert await s.status("CA2") is CallStatus.RINGING

    play(scene)


def test_a_call_may_be_heard_for_so_long_and_no_longer(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PULSE_S", 0.01)

    async def scene(s: Scene) -> None:
        session = await s.switchboard.connect_media(started(await s.ring()))
        s.clock.advance(61)
        async with running(s.switchboard):
            while not session.is_over:
                await asyncio.sleep(0.01)
        await session.closed()

    play(scene, call_limit_s=60)


def test_a_shutdown_does_not_wait_for_a_dead_store_for_ever(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CLOSE_WITHIN_S", 0.05)

    async def scene(s: Scene) -> None:
        await s.switchboard.connect_media(started(await s.ring()))
        s.store.hangs = True
        async with asyncio.timeout(5):
            await s.switchboard.shutdown(drain_s=0)
        assert s.switchboard.active_calls == 0
        s.store.hangs = False

    play(scene)


@pytest.mark.parametrize(
    ("language", "words"), [("en-US", "monitored"), ("es-CL", "supervisa"), ("fi", "monitored")]
)
def test_the_caller_is_told_in_the_lines_language_where_that_is_wanted(
    play: Play, language: str, words: str
) -> None:
    async def scene(s: Scene) -> None:
        assert words in ((await s.ring()).notice or "")

    play(scene, notice=True, language=language)


def test_nothing_is_said_to_the_caller_unless_it_is_wanted(play: Play) -> None:
    async def scene(s: Scene) -> None:
        assert (await s.ring()).notice is None

    play(scene)
