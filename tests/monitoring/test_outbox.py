import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from ringfence.bus.memory import MemoryBus
from ringfence.model.calls import Call, CallId, CallSid, CallStatus, Party
from ringfence.model.speech import Utterance
from ringfence.monitoring import messages
from ringfence.monitoring import outbox as module
from ringfence.monitoring.monitor import CloseCall, Keep, Show
from ringfence.monitoring.outbox import Entry, Outbox
from ringfence.testing import ManualClock

pytestmark = pytest.mark.unit

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
CALL = Call(CallId("id-1"), CallSid("CA1"), "+15550111", "+15550100", "en", NOW)


def utterance(index: int) -> Utterance:
    return Utterance(index, Party.REMOTE, f"words {index}", index * 1000, index * 1000 + 800)


class Store:
    """Notes what it is given; fails for as long as it is told to."""

    def __init__(self, seen: list[str]) -> None:
        self.seen = seen
        self.is_down = False
        self.hangs = False
        self.under_way = 0

    async def append(self, call_id: CallId, entries: Sequence[Entry], at: datetime) -> None:
        self.under_way += 1
        while self.hangs:
            await asyncio.sleep(0.001)
        self.under_way -= 1
        if self.is_down:
            raise OSError("down")
        self.seen += [f"kept {entry.index}" for entry in entries if isinstance(entry, Utterance)]

    async def set_status(self, call_id: CallId, status: CallStatus, at: datetime) -> bool:
        if self.is_down:
            raise OSError("down")
        self.seen.append(f"status {status}")
        return True

    async def set_facts(self, call_id: CallId, facts: Mapping[str, object]) -> None:
        self.seen.append("facts")


def play(scene: Callable[[Outbox, Store], Coroutine[Any, Any, None]]) -> list[str]:
    """Everything kept and shown, in the order in which it happened."""
    seen: list[str] = []

    class Bus(MemoryBus):
        def publish(self, topic: str, message: dict[str, object]) -> None:
            if topic == messages.ALL_CALLS:
                seen.append(f"shown {message.get('index', message['type'])}")

    async def run() -> None:
        store = Store(seen)
        await scene(Outbox(CALL, store, Bus(), ManualClock(NOW)), store)

    asyncio.run(run())
    return seen


def add(outbox: Outbox, index: int) -> None:
    outbox.add(Keep(utterance(index)))
    outbox.add(Show(messages.transcript_update(CALL.sid, utterance(index))))


def test_what_is_shown_was_kept_before() -> None:
    async def scene(outbox: Outbox, store: Store) -> None:
        add(outbox, 0)
        add(outbox, 1)
        await outbox.close(CloseCall(CallStatus.ENDED, NOW), {})

    assert play(scene) == [
        "kept 0",
        "kept 1",
        "shown 0",
        "shown 1",
        "facts",
        "status ended",
        "shown call.stopped",
    ]


def test_a_store_that_is_down_delays_no_warning_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.01)

    async def scene(outbox: Outbox, store: Store) -> None:
        store.is_down = True
        add(outbox, 0)
        while "shown 0" not in store.seen:
            await asyncio.sleep(0)
        assert "kept 0" not in store.seen
        store.is_down = False
        while "kept 0" not in store.seen:
            await asyncio.sleep(0.001)
        await outbox.close(CloseCall(CallStatus.ENDED, NOW), {})

    assert play(scene)[:2] == ["shown 0", "kept 0"]


def test_a_store_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STORE_DEADLINE_S", 0.02)
    monkeypatch.setattr(module, "RETRY_S", 0.01)

    async def scene(outbox: Outbox, store: Store) -> None:
        store.hangs = True
        add(outbox, 0)
        while "shown 0" not in store.seen:
            await asyncio.sleep(0.001)
        store.hangs = False
        await outbox.close(CloseCall(CallStatus.ENDED, NOW), {})

    assert play(scene) == ["shown 0", "kept 0", "facts", "status ended", "shown call.stopped"]


def test_while_the_store_hangs_every_word_is_shown_at_once_and_it_is_handed_nothing_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "STORE_DEADLINE_S", 0.02)
    monkeypatch.setattr(module, "RETRY_S", 0.01)

    async def scene(outbox: Outbox, store: Store) -> None:
        store.hangs = True
        add(outbox, 0)
        while "shown 0" not in store.seen:
            await asyncio.sleep(0.001)
        for index in range(1, 50):
            add(outbox, index)
            assert store.seen[-1] == f"shown {index}"
            await asyncio.sleep(0.002)
        assert store.under_way == 1
        store.hangs = False
        await outbox.close(CloseCall(CallStatus.ENDED, NOW), {})

    seen = play(scene)
    assert seen[:50] == [f"shown {index}" for index in range(50)]
    assert [entry for entry in seen if entry.startswith("kept")] == [f"kept {index}" for index in range(50)]


def test_words_that_come_while_a_failing_write_is_waited_for_are_shown_with_its_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "STORE_DEADLINE_S", 0.02)
    monkeypatch.setattr(module, "RETRY_S", 60.0)

    async def scene(outbox: Outbox, store: Store) -> None:
        store.hangs = True
        add(outbox, 0)
        await asyncio.sleep(0)
        add(outbox, 1)
        while "shown 0" not in store.seen:
            await asyncio.sleep(0.001)
        assert store.seen == ["shown 0", "shown 1"]

    play(scene)


def test_closing_waits_for_the_store_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.01)

    async def scene(outbox: Outbox, store: Store) -> None:
        store.is_down = True
        add(outbox, 0)
        closing = asyncio.ensure_future(outbox.close(CloseCall(CallStatus.ENDED, NOW), {}))
        await asyncio.sleep(0.03)
        assert not closing.done()
        store.is_down = False
        call = await closing
        assert (call.status, call.ended_at) == (CallStatus.ENDED, NOW)

    assert play(scene)[-3:] == ["facts", "status ended", "shown call.stopped"]


def test_an_idle_call_holds_no_task() -> None:
    async def scene(outbox: Outbox, store: Store) -> None:
        add(outbox, 0)
        assert len(asyncio.all_tasks()) > 1
        async with asyncio.timeout(2):
            while len(asyncio.all_tasks()) > 1:
                await asyncio.sleep(0)

    assert play(scene) == ["kept 0", "shown 0"]
