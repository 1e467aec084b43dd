"""Those who look on: a real server, real sockets, real calls whose engine says what the test tells it to."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace
from typing import Any

import pytest
import websockets
from pydantic import TypeAdapter
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection
from websockets.asyncio.client import ClientConnection

from ringfence.access.roles import Role
from ringfence.access.service import AccessService
from ringfence.bus.memory import QUEUE_LENGTH
from ringfence.contracts import Listening, SpeechStream
from ringfence.model.calls import CallSid, CallStatus, CallStatusChanged, IncomingCall, Party
from ringfence.model.media import StreamStarted
from ringfence.model.speech import Segment, SpeechEvent
from ringfence.monitoring import messages
from ringfence.web import schemas
from ringfence.web.services import Services

pytestmark = pytest.mark.db

OpenServices = Callable[..., AbstractAsyncContextManager[Services]]
Serve = Callable[..., AbstractAsyncContextManager[str]]
Message = dict[str, Any]

SID = CallSid("CA00000000000000000000000000000001")
MONITOR = f"/api/v1/twilio/monitor/{SID}"
LIVE = "/api/v1/live"
SCAM = "this is your bank read me the six digit code we sent you and do not tell anyone"
SCHEMAS: dict[str, TypeAdapter[Any]] = {
    MONITOR: TypeAdapter(schemas.MonitorMessage),
    LIVE: TypeAdapter(schemas.LiveMessage),
}


class Talker:
    """A speech engine of which the test decides what it hears."""

    name = "talker"

    def __init__(self) -> None:
        self.heard: asyncio.Queue[Segment | None] = asyncio.Queue()

    def understands(self, language: str) -> bool:
        return True

    async def open(self, listening: Listening) -> SpeechStream:
        return _Stream(self.heard)

    async def aclose(self) -> None: ...


class _Stream:
    def __init__(self, heard: asyncio.Queue[Segment | None]) -> None:
        self._heard = heard

    def push(self, mulaw: bytes) -> None: ...

    async def finish(self) -> None:
        self._heard.put_nowait(None)

    async def events(self) -> AsyncIterator[SpeechEvent]:
        while (segment := await self._heard.get()) is not None:
            yield segment

    async def aclose(self) -> None: ...


class Scene:
    """A server with one call, and somebody who may look on."""

    def __init__(self, services: Services, url: str, key: str, talker: Talker) -> None:
        self.services = services
        self.talker = talker
        self._url = url.replace("http", "ws", 1)
        self._key = key
        self._said = 0

    async def begin_call(self) -> None:
        instructions = await self.services.switchboard.answer(IncomingCall(SID, "+15550111", "+15550100"))
        assert instructions.stream is not None
        await self.services.switchboard.connect_media(
            StreamStarted("MZ1", SID, (Party.REMOTE,), instructions.stream.parameters)
        )

    def say(self, words: str) -> None:
        start_ms = self._said * 1000
        self._said += 1
        self.talker.heard.put_nowait(Segment(Party.REMOTE, words, start_ms, start_ms + 800, engine="talker"))

    async def end_call(self) -> None:
        await self.services.switchboard.call_status(CallStatusChanged(SID, CallStatus.ENDED, "completed"))

    def look_on(self, path: str, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {self._key}"}
        return websockets.connect(
            self._url + path, additional_headers=headers, proxy=None, compression=None, **options
        )

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                await asyncio.sleep(0.002)


def told(open_services: OpenServices, serve: Serve, story: Callable[[Scene], Any], **options: Any) -> None:
    async def run() -> None:
        talker = Talker()
        async with open_services(engine=talker) as services, serve(services, **options) as url:
            key = await services.access.create_key("Ana", Role.VIEWER)
            await story(Scene(services, url, key, talker))

    asyncio.run(run())


async def next_message(socket: ClientConnection, path: str) -> Message:
    async with asyncio.timeout(5):
        text = await socket.recv()
    SCHEMAS[path].validate_json(text)
    message: Message = json.loads(text)
    return message


async def until_type(socket: ClientConnection, path: str, kind: str) -> list[Message]:
    """Everything up to the first message of that type."""
    seen: list[Message] = []
    while not seen or seen[-1]["type"] != kind:
        seen.append(await next_message(socket, path))
    return seen


async def close_code(socket: ClientConnection) -> int | None:
    async with asyncio.timeout(5):
        await socket.wait_closed()
    return socket.close_code


def test_a_monitor_sees_the_call_from_its_first_word_to_its_end(
    open_services: OpenServices, serve: Serve
) -> None:
    async def story(scene: Scene) -> None:
        await scene.begin_call()
        async with scene.look_on(MONITOR) as socket:
            state = await next_message(socket, MONITOR)
            assert (state["type"], state["transcript"], state["current_risk_level"]) == (
                "call.state",
                [],
                "low",
            )
            scene.say(SCAM)
            heard = (await until_type(socket, MONITOR, "transcript.update"))[-1]
            assert (heard["role"], heard["text"], heard["index"]) == ("user", SCAM, 0)
            judged = (await until_type(socket, MONITOR, "analysis.complete"))[-1]
            assert judged["is_danger"] is True
            assert judged["evidence"]
            await scene.end_call()
            rest = await until_type(socket, MONITOR, "call.stopped")
            assert rest[-1]["recording_id"] == state["recording_id"]
            assert await close_code(socket) == 1000

    told(open_services, serve, story)


def test_a_late_monitor_gets_the_state_so_far_and_then_only_what_is_new(
    open_services: OpenServices, serve: Serve
) -> None:
    async def story(scene: Scene) -> None:
        await scene.begin_call()
        async with scene.look_on(MONITOR) as early:
            await next_message(early, MONITOR)
            scene.say("hello")
            await until_type(early, MONITOR, "analysis.complete")
            async with scene.look_on(MONITOR) as late:
                state = await next_message(late, MONITOR)
                assert [turn["text"] for turn in state["transcript"]] == ["hello"]
                assert state["assessment"]["revision"] == 1
                scene.say("goodbye")
                news = await until_type(late, MONITOR, "analysis.complete")
                told = [message["text"] for message in news if message["type"] == "transcript.update"]
                assert told == ["goodbye"]
                assert news[-1]["revision"] == 2

    told(open_services, serve, story)


def test_however_many_look_on_at_whatever_moment_each_hears_every_word_once(
    open_services: OpenServices, serve: Serve
) -> None:
    async def look(scene: Scene) -> list[int]:
        async with scene.look_on(MONITOR) as socket:
            seen = await until_type(socket, MONITOR, "call.stopped")
        before = [turn["index"] for turn in seen[0]["transcript"]]
        return before + [message["index"] for message in seen if message["type"] == "transcript.update"]

    async def story(scene: Scene) -> None:
        await scene.begin_call()
        lookers = []
        for number in range(20):
            lookers.append(asyncio.create_task(look(scene)))
            scene.say(f"word {number}")
            await asyncio.sleep(0)
        async with scene.look_on(MONITOR) as last:
            await next_message(last, MONITOR)
            lookers.append(asyncio.create_task(look(scene)))
            await scene.until(scene.talker.heard.empty)
        async with asyncio.timeout(10):
            snapshot = scene.services.switchboard.snapshot
            while len((snapshot(SID) or {"transcript": ()})["transcript"]) < 20:
                await asyncio.sleep(0.002)
            await scene.end_call()
            seen = await asyncio.gather(*lookers)
        assert seen == [list(range(20))] * len(lookers)

    told(open_services, serve, story)


def test_a_call_that_is_over_is_told_from_the_store_and_closed(
    open_services: OpenServices, serve: Serve
) -> None:
    async def story(scene: Scene) -> None:
        await scene.begin_call()
        async with scene.look_on(MONITOR) as socket:
            scene.say("hello")
            await until_type(socket, MONITOR, "analysis.complete")
            await scene.end_call()
            await until_type(socket, MONITOR, "call.stopped")
        await scene.until(lambda: scene.services.switchboard.active_calls == 0)
        async with scene.look_on(MONITOR) as socket:
            state = await next_message(socket, MONITOR)
            assert (state["type"], state["status"]) == ("call.state", "ended")
            assert [turn["text"] for turn in state["transcript"]] == ["hello"]
            assert (await next_message(socket, MONITOR))["type"] == "call.stopped"
            assert await close_code(socket) == 1000

    told(open_services, serve, story)


def test_a_call_that_rings_can_be_watched_before_it_is_heard(
    open_services: OpenServices, serve: Serve
) -> None:
    async def story(scene: Scene) -> None:
        instructions = await scene.services.switchboard.answer(IncomingCall(SID, "+15550111", "+15550100"))
        assert instructions.stream is not None
        async with scene.look_on(MONITOR) as socket:
            assert (await next_message(socket, MONITOR))["status"] == "ringing"
            await scene.services.switchboard.connect_media(
                StreamStarted("MZ1", SID, (Party.REMOTE,), instructions.stream.parameters)
            )
            scene.say("hello")
            assert (await until_type(socket, MONITOR, "transcript.update"))[-1]["text"] == "hello"

    told(open_services, serve, story)


def test_an_unknown_call_closes_with_a_code_of_its_own(open_services: OpenServices, serve: Serve) -> None:
    async def story(scene: Scene) -> None:
        async with scene.look_on("/api/v1/twilio/monitor/CA-unknown") as socket:
            assert await close_code(socket) == 4404

    told(open_services, serve, story)


def test_looking_on_is_written_down_before_anything_is_shown(
    open_services: OpenServices, serve: Serve
) -> None:
    async def story(scene: Scene) -> None:
        await scene.begin_call()
        async with scene.look_on(MONITOR) as socket:
            state = await next_message(socket, MONITOR)
            entry = (await scene.services.audit.entries())[-1]
            assert (entry.who, entry.action) == ("Ana", "call.monitored")
            assert entry.subject == f"call {state['recording_id']}"
        async with scene.look_on(LIVE) as socket:
            await next_message(socket, LIVE)
            assert (await scene.services.audit.entries())[-1].action == "live.viewed"

    told(open_services, serve, story)


def test_the_live_list_begins_with_the_calls_of_the_moment_and_follows_them(
    open_services: OpenServices, serve: Serve
) -> None:
    async def story(scene: Scene) -> None:
        async with scene.look_on(LIVE) as early:
            assert (await next_message(early, LIVE))["calls"] == []
            await scene.begin_call()
            started = (await until_type(early, LIVE, "call.started"))[-1]
            assert (started["call_sid"], started["call"]["status"]) == (SID, "live")
            async with scene.look_on(LIVE) as late:
                state = await next_message(late, LIVE)
                assert [call["call_sid"] for call in state["calls"]] == [SID]
            scene.say(SCAM)
            judged = (await until_type(early, LIVE, "analysis.complete"))[-1]
            assert (judged["call_sid"], judged["is_danger"]) == (SID, True)
            await scene.end_call()
            assert (await until_type(early, LIVE, "call.stopped"))[-1]["call_sid"] == SID

    told(open_services, serve, story)


@pytest.mark.parametrize("path", [LIVE, MONITOR])
def test_a_quiet_line_has_a_heartbeat(open_services: OpenServices, serve: Serve, path: str) -> None:
    async def story(scene: Scene) -> None:
        await scene.begin_call()
        async with scene.look_on(path) as socket:
            beats = (await until_type(socket, path, "heartbeat"))[-1]
            assert beats == {"type": "heartbeat"}

    told(open_services, serve, story, heartbeat_s=0.01)


@pytest.mark.parametrize("path", [LIVE, MONITOR])
def test_a_revoked_key_ends_the_sockets_it_opened(
    open_services: OpenServices, serve: Serve, path: str
) -> None:
    async def story(scene: Scene) -> None:
        await scene.begin_call()
        async with scene.look_on(path) as socket:
            await next_message(socket, path)
            (key,) = await scene.services.access.list_keys()
            await scene.services.access.revoke_key(key.id)
            assert await close_code(socket) == 4401

    told(open_services, serve, story, heartbeat_s=0.05)


@pytest.mark.parametrize("path", [LIVE, MONITOR])
def test_nothing_is_left_of_those_who_went(open_services: OpenServices, serve: Serve, path: str) -> None:
    async def story(scene: Scene) -> None:
        await scene.begin_call()
        before = len(asyncio.all_tasks())
        for _ in range(5):
            async with scene.look_on(path) as socket:
                await next_message(socket, path)
            async with scene.look_on(path) as rude:
                await next_message(rude, path)
                rude.transport.abort()
        await scene.until(lambda: len(asyncio.all_tasks()) <= before)

    told(open_services, serve, story)


@pytest.mark.parametrize("path", [LIVE, MONITOR])
def test_a_reader_that_takes_nothing_is_cut_off_and_holds_nobody_up(
    open_services: OpenServices, serve: Serve, path: str
) -> None:
    async def story(scene: Scene) -> None:
        await scene.begin_call()
        async with scene.look_on(path, max_queue=1) as stuck, scene.look_on(path) as other:
            await next_message(other, path)
            await next_message(stuck, path)
            stuck.transport.pause_reading()
            words = "x" * 60_000
            message = messages.transcript_partial(SID, "user", words)
            got = 0
            for _ in range(QUEUE_LENGTH * 2):
                scene.services.bus.publish(path_topic(path), message)
                got += len((await next_message(other, path))["text"]) == len(words)
            assert got == QUEUE_LENGTH * 2
            stuck.transport.resume_reading()
            with suppress(websockets.ConnectionClosed):
                async with asyncio.timeout(20):
                    async for _ in stuck:
                        pass
            assert stuck.close_code == 1013

    told(open_services, serve, story)


def path_topic(path: str) -> str:
    return messages.ALL_CALLS if path == LIVE else messages.topic(SID)


def test_what_a_client_says_changes_nothing(open_services: OpenServices, serve: Serve) -> None:
    async def story(scene: Scene) -> None:
        await scene.begin_call()
        async with scene.look_on(MONITOR) as socket:
            await next_message(socket, MONITOR)
            for noise in ("", "{", '{"type":"call.stopped"}', b"\xff\x00"):
                await socket.send(noise)
            scene.say("hello")
            assert (await until_type(socket, MONITOR, "transcript.update"))[-1]["text"] == "hello"

    told(open_services, serve, story)


@pytest.mark.parametrize("path", [LIVE, MONITOR])
def test_a_store_that_is_down_refuses_a_socket_with_a_problem(
    open_services: OpenServices, serve: Serve, path: str
) -> None:
    class Down:
        dialect = "sqlite"

        def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
            raise OperationalError("SELECT", {}, OSError("gone"))

        transaction = reading

        async def forget_erased(self) -> None: ...

    async def story() -> None:
        async with open_services() as services:
            broken = replace(services, access=AccessService(Down(), services.clock))
            async with serve(broken) as url:
                address = url.replace("http", "ws", 1) + path + "?token=rf_000000000000_" + "0" * 48
                with pytest.raises(websockets.InvalidStatus) as refused:
                    await websockets.connect(address, proxy=None)
        assert refused.value.response.status_code == 503
        assert refused.value.response.headers["Content-Type"] == "application/problem+json"

    asyncio.run(story())
