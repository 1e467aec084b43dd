"""Performs the ordered effects of one call: first kept, then shown."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from ringfence.contracts import Bus, Clock
from ringfence.model.assessment import Assessment
from ringfence.model.calls import Call, CallId, CallStatus
from ringfence.model.errors import Conflict
from ringfence.model.history import Timing
from ringfence.model.speech import Gap, Utterance
from ringfence.monitoring import messages
from ringfence.monitoring.messages import Message
from ringfence.monitoring.monitor import CloseCall, Keep, Show

log = logging.getLogger(__name__)

STORE_DEADLINE_S = 2.0
"""A warning waits this long for the store, and no longer."""
RETRY_S = 1.0
PATIENCE_S = 300.0
"""How long the record of a call that is over waits for a store that fails over or is mended."""
Entry = Utterance | Assessment | Gap | Timing


class CallRecordStore(Protocol):
    """What a live call writes; `telephony.store.CallStore` is one."""

    async def append(self, call_id: CallId, entries: Sequence[Entry], at: datetime) -> None: ...

    async def set_status(self, call_id: CallId, status: CallStatus, at: datetime) -> bool: ...

    async def set_facts(self, call_id: CallId, facts: Mapping[str, object]) -> None: ...


class Outbox:
    """One task at a time, made when there is something to do: an idle call holds none.

    Where the store fails, what was said is shown all the same (a warning must not wait for a disk), held, and
    written as soon as the store answers. At most one write is under way: a store that hangs is handed nothing
    twice, and what is held is no more than the call's own words.
    """

    def __init__(self, call: Call, store: CallRecordStore, bus: Bus, clock: Clock) -> None:
        self._call = call
        self._store = store
        self._bus = bus
        self._clock = clock
        self._pending: list[Keep | Show] = []
        self._unsaved: list[Entry] = []
        self._writing: asyncio.Task[None] | None = None
        self._is_failing = False
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._given_up = False
        self.stream_started_s: float | None = None
        """On the monotonic clock; the offsets of utterances count from here."""

    def add(self, effect: Keep | Show) -> None:
        if self._is_failing:
            self._perform(effect)
        else:
            self._pending.append(effect)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._drain())

    def show(self, message: Message) -> None:
        """At once, for what is not kept."""
        self._bus.publish(messages.topic(self._call.sid), message)
        self._bus.publish(messages.ALL_CALLS, message)

    def give_up(self) -> None:
        """The process ends: a store that does not answer now is not waited for any longer."""
        self._given_up = True

    async def close(
        self, effect: CloseCall, facts: Mapping[str, object], *, patience_s: float = PATIENCE_S
    ) -> Call:
        """Keep everything, then close the call's record and say so. Returns the call as it ended."""
        self._closing = True
        while self._task is not None:
            await self._task
        deadline_s = self._clock.monotonic_s() + patience_s
        while True:
            try:
                async with asyncio.timeout(STORE_DEADLINE_S):
                    await self._save()
                    await self._store.set_facts(self._call.id, facts)
                    await self._store.set_status(self._call.id, effect.status, effect.ended_at)
                break
            except Exception:
                if self._given_up or self._clock.monotonic_s() > deadline_s:
                    log.exception(
                        "a call's record could not be closed",
                        extra={"call_id": self._call.id, "unsaved": len(self._unsaved)},
                    )
                    break
                await asyncio.sleep(RETRY_S)
        ended = replace(self._call, status=effect.status, ended_at=effect.ended_at)
        self.show(messages.call_stopped(ended))
        return ended

    async def _drain(self) -> None:
        try:
            while self._pending or (self._is_failing and not self._closing):
                if self._is_failing:
                    await asyncio.sleep(RETRY_S)
                effects, self._pending = self._pending, []
                self._unsaved.extend(effect.entry for effect in effects if isinstance(effect, Keep))
                try:
                    async with asyncio.timeout(STORE_DEADLINE_S):
                        await self._save()
                    self._is_failing = False
                except Exception:
                    if not self._is_failing:
                        log.exception("a call could not be stored in time", extra={"call_id": self._call.id})
                    self._is_failing = True
                for effect in effects:
                    if isinstance(effect, Show):
                        self._perform(effect)
                if self._is_failing:
                    while self._pending:
                        self._perform(self._pending.pop(0))
        finally:
            self._task = None

    def _perform(self, effect: Keep | Show) -> None:
        """Show at once, hold what is to be kept: the store is not waited for."""
        if isinstance(effect, Keep):
            self._unsaved.append(effect.entry)
        else:
            self.show(effect.message)
            self._time(effect.message)

    async def _save(self) -> None:
        """Store what is held, in order. Whoever stops waiting leaves the write under way to the next one."""
        while self._unsaved or self._writing is not None:
            if self._writing is None:
                self._writing = asyncio.get_running_loop().create_task(self._write(tuple(self._unsaved)))
            writing = self._writing
            try:
                await asyncio.shield(writing)
            finally:
                if writing.done():
                    self._writing = None

    async def _write(self, batch: Sequence[Entry]) -> None:
        try:
            await self._store.append(self._call.id, batch, self._clock.now())
        except Conflict:  # A part was kept after all, by a write whose answer was lost.
            for entry in batch:
                with suppress(Conflict):
                    await self._store.append(self._call.id, [entry], self._clock.now())
        del self._unsaved[: len(batch)]

    def _time(self, message: Message) -> None:
        if message["type"] != "transcript.update" or self.stream_started_s is None:
            return
        elapsed_ms = (self._clock.monotonic_s() - self.stream_started_s) * 1000 - message["end_ms"]
        if elapsed_ms >= 0:
            self._unsaved.append(Timing("utterance_end_to_shown", message["index"], round(elapsed_ms, 1)))
