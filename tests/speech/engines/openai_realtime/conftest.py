"""A server that speaks the documented protocol of a GA transcription session, over real WebSockets.

Written from the vendor's description of client and server events. Each connection follows a `Plan`; what came in
is kept for the tests. It knows some pieces of audio by their bytes and "recognises" them.
"""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import pytest
from openai.types.realtime import RealtimeClientEvent
from pydantic import BaseModel, TypeAdapter
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

CLIENT_EVENT: TypeAdapter[Any] = TypeAdapter(RealtimeClientEvent)


@dataclass
class Plan:
    """How one connection behaves; the default is a healthy session."""

    status: int | None = None
    """Refuse the handshake with it."""
    setup_error: str | None = None
    """Answer `session.update` with an error of this code."""
    setup_silence: bool = False
    hello: tuple[str | bytes, ...] = ()
    """Sent as they are once the session is set up."""
    drop_after_bytes: int | None = None
    drop_at_commit: int | None = None
    """Drop the connection at this commit (from 1), before answering it."""
    answers: bool = True
    late: int = 0
    """Keep so many completions back until one more has come, and send the latest first."""
    fail: tuple[int, ...] = ()
    """Commits (from 1) whose transcription fails."""
    error_at_commit: dict[str, Any] | None = None


@dataclass
class Session:
    plan: Plan
    headers: dict[str, str]
    path: str
    events: list[dict[str, Any]] = field(default_factory=list)
    turns: list[bytes] = field(default_factory=list)
    uncommitted: bytes = b""
    empty_commits: int = 0
    closed: threading.Event = field(default_factory=threading.Event)


class RealtimeServer:
    def __init__(self, known: dict[str, bytes], *plans: Plan, otherwise: Plan | None = None) -> None:
        self.known = known
        self.sessions: list[Session] = []
        self.refused = 0
        self._plans = list(plans)
        self._otherwise = otherwise or Plan()
        self._lock = threading.Lock()

    def __enter__(self) -> "RealtimeServer":
        self._server = serve(self._handle, "127.0.0.1", 0, process_request=self._admit, compression=None)
        self.port: int = self._server.socket.getsockname()[1]
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._thread.join()
        for session in self.sessions:
            assert session.closed.wait(10), "a connection was left open"

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def heard(self) -> bytes:
        return b"".join(turn for session in self.sessions for turn in session.turns)

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        with self._lock:
            plan = self._plans.pop(0) if self._plans else self._otherwise
            if plan.status is not None:
                self.refused += 1
                return connection.respond(HTTPStatus(plan.status), "no\n")
            headers = {name.lower(): value for name, value in request.headers.raw_items()}
            connection.session = Session(plan, headers, request.path)  # type: ignore[attr-defined]
        return None

    def _handle(self, connection: ServerConnection) -> None:
        session: Session = connection.session  # type: ignore[attr-defined]
        with self._lock:
            self.sessions.append(session)
        try:
            self._serve(connection, session)
        except ConnectionClosed:
            pass
        finally:
            session.closed.set()

    def _serve(self, connection: ServerConnection, session: Session) -> None:
        plan = session.plan
        talk = Talk(connection, len(self.sessions))
        talk.send("session.created", session={"type": "transcription"})
        appended = 0
        for message in connection:
            event = CLIENT_EVENT.validate_json(message)
            assert_nothing_unknown(event)
            session.events.append(json.loads(message))
            if event.type == "session.update":
                if plan.setup_silence:
                    continue
                if plan.setup_error is not None:
                    talk.error(plan.setup_error, None)
                    continue
                talk.send("session.updated", session=json.loads(message)["session"])
                for raw in plan.hello:
                    connection.send(raw)
            elif event.type == "input_audio_buffer.append":
                audio = base64.b64decode(event.audio, validate=True)
                session.uncommitted += audio
                appended += len(audio)
                if plan.drop_after_bytes is not None and appended >= plan.drop_after_bytes:
                    connection.close_socket()
                    return
                if b"\x00" not in audio:
                    talk.delta(self._words(session.uncommitted))
            elif event.type == "input_audio_buffer.commit":
                if len(session.uncommitted) < 800:
                    session.empty_commits += 1
                    talk.error("input_audio_buffer_commit_empty", event.event_id)
                    continue
                session.turns.append(session.uncommitted)
                session.uncommitted = b""
                if plan.drop_at_commit == len(session.turns):
                    connection.close_socket()
                    return
                if plan.error_at_commit is not None:
                    talk.error(event_id=event.event_id, **plan.error_at_commit)
                elif plan.answers:
                    talk.answer(self._words(session.turns[-1]), len(session.turns) in plan.fail, plan.late)

    def _words(self, audio: bytes) -> str:
        found = sorted((audio.find(piece), name) for name, piece in self.known.items() if piece in audio)
        return " ".join(name for _, name in found)


class Talk:
    """What the server says on one connection."""

    def __init__(self, connection: ServerConnection, number: int) -> None:
        self._connection = connection
        self._number = number
        self._events = 0
        self._items = 0
        self._named: str | None = None  # the item of the running turn, once a delta has named it
        self._told = ""
        self._kept: list[tuple[str, dict[str, Any]]] = []

    def send(self, kind: str, **body: Any) -> None:
        self._events += 1
        self._connection.send(json.dumps({"type": kind, "event_id": f"event_{self._events}", **body}))

    def error(self, code: str, event_id: str | None, kind: str = "invalid_request_error") -> None:
        self.send(
            "error",
            error={"type": kind, "code": code, "message": "as planned", "param": None, "event_id": event_id},
        )

    def delta(self, words: str) -> None:
        if words and words != self._told:
            item = self._item()
            self.send(
                "conversation.item.input_audio_transcription.delta",
                item_id=item,
                content_index=0,
                delta=words.removeprefix(self._told),
            )
            self._told = words

    def answer(self, words: str, fails: bool, late: int) -> None:
        item, previous = self._item(), f"item_{self._number}_{self._items - 1}" if self._items > 1 else None
        self._named, self._told = None, ""
        self.send("input_audio_buffer.committed", item_id=item, previous_item_id=previous)
        kind = "conversation.item.input_audio_transcription."
        if fails:
            error = {"type": "server_error", "code": None, "message": "as planned", "param": None}
            self.send(kind + "failed", item_id=item, content_index=0, error=error)
            return
        usage = {"type": "duration", "seconds": 1.0}
        self._kept.append(
            (kind + "completed", {"item_id": item, "content_index": 0, "transcript": words, "usage": usage})
        )
        if len(self._kept) > late:
            for name, body in reversed(self._kept):
                self.send(name, **body)
            self._kept.clear()

    def _item(self) -> str:
        if self._named is None:
            self._items += 1
            self._named = f"item_{self._number}_{self._items}"
        return self._named


def assert_nothing_unknown(value: Any) -> None:
    """The vendor's types keep fields they do not know; we send none of those."""
    if isinstance(value, BaseModel):
        assert not value.model_extra, (type(value).__name__, value.model_extra)
        for name in value.model_fields_set:
            assert_nothing_unknown(getattr(value, name))
    elif isinstance(value, list):
        for one in value:
            assert_nothing_unknown(one)


Serve = Callable[..., RealtimeServer]


@pytest.fixture
def known(six_numbers: bytes, urgent: bytes) -> dict[str, bytes]:
    """Audio the server recognises: a second from the middle of each clip."""
    return {"six-numbers": six_numbers[12_000:20_000], "urgent": urgent[12_000:20_000]}


@pytest.fixture
def realtime_server(known: dict[str, bytes]) -> Iterator[Serve]:
    """Starts servers: `realtime_server(Plan-arguments, …, otherwise={…})`; closes them at the end."""
    running: list[RealtimeServer] = []

    def start(*plans: dict[str, Any], otherwise: dict[str, Any] | None = None) -> RealtimeServer:
        server = RealtimeServer(known, *(Plan(**plan) for plan in plans), otherwise=Plan(**(otherwise or {})))
        running.append(server.__enter__())
        return server

    yield start
    for server in running:
        server.__exit__(None, None, None)
