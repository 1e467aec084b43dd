"""Sockets for whoever looks on: all calls (`/api/v1/live`), or one (`/api/v1/twilio/monitor/{call_sid}`).

A socket subscribes first and takes its snapshot then, so that nothing falls in between; what the snapshot already
holds is not sent again. Close codes: 1000 the call is over, 4401 the credentials are no longer good, 4404 no such
call, 1013 too slow or shutting down (connect again).
"""

from collections.abc import AsyncIterator, Callable
from typing import Annotated

from fastapi import APIRouter, Path, WebSocket

from ringfence.access.roles import Role
from ringfence.contracts import Subscription
from ringfence.model.calls import CallSid
from ringfence.model.history import CallRecord
from ringfence.monitoring import messages
from ringfence.web.auth import Guard
from ringfence.web.looks import Looks
from ringfence.web.onlooker import HEARTBEAT_S, Onlooker
from ringfence.web.services import Services

NO_SUCH_CALL = 4404
STOPPED = "call.stopped"


def router(services: Services, guard: Guard, looks: Looks, *, heartbeat_s: float = HEARTBEAT_S) -> APIRouter:
    doors = APIRouter(prefix="/api/v1")

    @doors.websocket("/live")
    async def live(websocket: WebSocket) -> None:
        viewer = await guard.admit(websocket, Role.VIEWER)
        if viewer is None:
            return
        await looks.note(viewer, "live.viewed", "")
        await websocket.accept()
        async with services.bus.subscribe(messages.ALL_CALLS) as news:
            state: messages.Message = {"type": "live.state", "calls": services.switchboard.active()}
            await Onlooker(websocket, guard, Role.VIEWER, heartbeat_s).show(after(state, news))

    @doors.websocket("/twilio/monitor/{call_sid}")
    async def monitor(websocket: WebSocket, call_sid: Annotated[str, Path(max_length=64)]) -> None:
        viewer = await guard.admit(websocket, Role.VIEWER)
        if viewer is None:
            return
        sid = CallSid(call_sid)
        async with services.bus.subscribe(messages.topic(sid)) as news:
            state, stopped = services.switchboard.snapshot(sid), None
            if state is None:
                record = await services.calls.record(sid)
                if record is None:
                    await websocket.accept()
                    await websocket.close(NO_SUCH_CALL, "no such call")
                    return
                state, stopped = state_of(record), stopped_of(record)
            await looks.note(viewer, "call.monitored", f"call {state['recording_id']}")
            await websocket.accept()
            feed = after(state, news, stopped, is_new=news_to(state))
            await Onlooker(websocket, guard, Role.VIEWER, heartbeat_s).show(feed, last=STOPPED)

    return doors


async def after(
    state: messages.Message,
    news: Subscription,
    stopped: messages.Message | None = None,
    *,
    is_new: Callable[[messages.Message], bool] = lambda message: True,
) -> AsyncIterator[messages.Message]:
    """The state, then what is new to whoever has it. `stopped` is told at once where the call is over."""
    yield state
    if stopped is not None:
        yield stopped
    async for message in news:
        if is_new(message):
            yield message


def news_to(state: messages.Message) -> Callable[[messages.Message], bool]:
    """Whether a message says more than this `call.state` did. Both may hold what happened in between."""
    heard = {turn["index"] for turn in state["transcript"]}
    revision = state["assessment"]["revision"] if state["assessment"] else 0

    def is_new(message: messages.Message) -> bool:
        if message["type"] == "transcript.update":
            return message["index"] not in heard
        if message["type"] == "analysis.complete":
            return bool(message["revision"] > revision)
        return True

    return is_new


def state_of(record: CallRecord) -> messages.Message:
    """The state of a call that no session of this process holds, from its record."""
    transcript = [utterance for utterance, _ in record.transcript]
    latest = record.assessments[-1] if record.assessments else None
    return messages.call_state(record.call, record.level, transcript, latest)


def stopped_of(record: CallRecord) -> messages.Message | None:
    return messages.call_stopped(record.call) if record.call.status.is_over else None
