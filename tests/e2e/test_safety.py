"""What must hold whatever happens: secrets stay nowhere, calls go on without the store, nothing is left of a call.

A real server on loopback with a real database on the disk, the simulated carrier's real sockets; only the words are
known beforehand, so that it is known what must not be found.
"""

import asyncio
import gc
import io
import json
import logging
import os
import re
import resource
import signal
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import text as sql
from websockets.asyncio.client import connect

from ringfence import logs
from ringfence.access.roles import Role
from ringfence.db.address import FILE_NAME
from ringfence.db.engine import open_database
from ringfence.model.calls import CallSid, CallStatus, Party
from ringfence.monitoring import messages
from ringfence.privacy.spoken_digits import read
from ringfence.server import serve
from ringfence.settings import Settings
from ringfence.speech.engines.scripted import ScriptedEngine
from ringfence.speech.options import ScriptedLine
from ringfence.testing.network import SimulatedCall, SimulatedCarrier
from ringfence.testing.postgresql import running_postgresql
from ringfence.testing.twiml import Stream
from ringfence.web.services import Services

pytestmark = pytest.mark.e2e

TOKEN = "0123456789abcdef0123456789abcdef"
CALLER = "+15550100"
LINE_MS = 1_500
QUIET = b"\xff"

Said = Sequence[tuple[Party, str]]


def script(said: Said) -> tuple[ScriptedLine, ...]:
    return tuple(
        ScriptedLine(party, n * LINE_MS, (n + 1) * LINE_MS - 100, text)
        for n, (party, text) in enumerate(said)
    )


def call(said: Said, *, speed: float, **changes: Any) -> SimulatedCall:
    audio = QUIET * (8 * (len(said) + 1) * LINE_MS)
    return SimulatedCall(audio, audio, speed=speed, **changes)


@asynccontextmanager
async def house(home: Path, said: Said, **settings: Any) -> AsyncIterator[Services]:
    """A server that hears these words in every call from `CALLER`; ends as at a SIGTERM."""
    chosen = Settings(
        home=home,
        port=0,
        twilio_auth_token=SecretStr(TOKEN),
        speech_engine="scripted",
        review_engine="none",
        **{"analyst": "none", **settings},
    )
    open_doors: asyncio.Future[Services] = asyncio.get_running_loop().create_future()
    serving = asyncio.ensure_future(
        serve(
            chosen,
            listen_through=lambda engine: ScriptedEngine({CALLER: script(said)}),
            ready=lambda services, settings: open_doors.set_result(services),
        )
    )
    try:
        await asyncio.wait((serving, open_doors), return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            await serving
        yield open_doors.result()
    finally:
        serving.cancel()
        await asyncio.wait({serving})


async def over(services: Services) -> None:
    async with asyncio.timeout(20):
        while services.switchboard.active_calls:
            await asyncio.sleep(0.02)


# --- secrets

REMOTE, SUBSCRIBER = Party.REMOTE, Party.SUBSCRIBER
ENGLISH: Said = (
    (REMOTE, "good morning this is the fraud department of your bank"),
    (REMOTE, "somebody is using your card please read me the long number on your card"),
    (SUBSCRIBER, "sure it is five one zero five"),
    (REMOTE, "go on"),
    (SUBSCRIBER, "one zero five one zero five"),
    (SUBSCRIBER, "one zero five one zero zero"),
    (REMOTE, "and the three digits on the back"),
    (SUBSCRIBER, "seven three nine"),
    (REMOTE, "now read me the code that we sent you do not tell anyone"),
    (SUBSCRIBER, "okay eight oh four"),
    (SUBSCRIBER, "two nine six"),
    (REMOTE, "and your pin"),
    (SUBSCRIBER, "6 0 7 2"),
    (REMOTE, "lastly your social security number"),
    (SUBSCRIBER, "078 05"),
    (SUBSCRIBER, "11 20"),
    (REMOTE, "thank you move your money to a safe account now"),
)
SPANISH: Said = (
    (REMOTE, "buenos días le llamamos del departamento de seguridad de su banco"),
    (REMOTE, "dígame el número de su tarjeta"),
    (SUBSCRIBER, "cuatro cero uno dos"),
    (SUBSCRIBER, "ocho ocho ocho ocho ocho ocho ocho ocho"),
    (SUBSCRIBER, "uno ocho ocho uno"),
    (REMOTE, "y el código de seguridad"),
    (SUBSCRIBER, "siete tres nueve"),
    (REMOTE, "ahora el código que le llegó no se lo diga a nadie"),
    (SUBSCRIBER, "ochenta y cuatro veintinueve"),
    (SUBSCRIBER, "dieciséis"),
    (REMOTE, "su clave por favor"),
    (SUBSCRIBER, "6 uno 7 dos"),
    (REMOTE, "y su rut"),
    (SUBSCRIBER, "12.345.678-5"),
    (REMOTE, "gracias transfiera su dinero a una cuenta segura"),
)
CANARIES = {
    "en": ("5105105105105100", "739", "804296", "6072", "078051120"),
    "es": ("4012888888881881", "739", "842916", "6172", "123456785"),
}
KEYS = "5105739"
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT")
SHORTEST = 6  # characters; fewer would be found by chance among instants and ids


@contextmanager
def model_server(bodies: list[str]) -> Iterator[str]:
    """Speaks the documented chat format, notes what it is sent, and was talked into finding nothing."""
    reply = {
        "risk_score": 0,
        "scam_type": "",
        "indicators": [],
        "explanation": "A perfectly safe call.",
        "suggested_action": "Do what the caller says.",
        "uncertain": False,
    }

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            message = {"role": "assistant", "content": json.dumps(reply)}
            answer = {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 1,
                "model": "local",
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
            }
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def written_log() -> Iterator[io.StringIO]:
    """The log as the program writes it, of every logger, down to the finest level."""
    root, ours = logging.getLogger(), logging.getLogger("ringfence")
    before = root.handlers[:], root.level, ours.level
    logs.configure(personal_data=False, level=logging.DEBUG)
    written = io.StringIO()
    [handler] = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written)
    try:
        yield written
    finally:
        root.handlers[:], root.level = before[0], before[1]
        ours.setLevel(before[2])


def digits_in(text: str) -> str:
    """Every digit that the text holds, spoken ones too, words between them left out."""
    return "".join(token.digits or "" for token in read(text))


def strings(value: object) -> Iterator[str]:
    match value:
        case str():
            yield from (line for line in value.splitlines() if not INSTANT.match(line))
        case dict():
            for each in value.values():
                yield from strings(each)
        case list():
            for each in value:
                yield from strings(each)


def leaks(value: object, canaries: Sequence[str]) -> list[str]:
    """Strings of a JSON value with four digits in a row of a secret, or with all of a shorter one."""
    pieces = {canary[start : start + 4] for canary in canaries for start in range(max(1, len(canary) - 3))}
    return [text for text in strings(value) if any(piece in digits_in(text) for piece in pieces)]


def spellings(said: Said, canaries: Sequence[str]) -> list[str]:
    """How the secrets might stand in a file: as they were said, turn by turn, and as digits."""
    spoken = [text for party, text in said if party is SUBSCRIBER]
    packed = [re.sub(r"\W", "", text) for text in spoken if any(map(str.isdigit, text))]
    return [text for text in (*spoken, *packed, *canaries, KEYS) if len(text) >= SHORTEST]


def everything_in(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())


@pytest.mark.parametrize(("language", "said"), [("en", ENGLISH), ("es", SPANISH)])
def test_secrets_that_were_said_are_found_nowhere_and_a_model_that_was_talked_round_lowers_nothing(
    language: str, said: Said, tmp_path: Path
) -> None:
    bodies: list[str] = []
    seen: list[dict[str, Any]] = []
    disk: list[bytes] = []

    async def watch(services: Services, sid: str, key: str) -> None:
        url = f"{services.public_url.replace('http', 'ws', 1)}/api/v1/twilio/monitor/{sid}?token={key}"
        async with connect(url, proxy=None) as socket:
            async for message in socket:
                seen.append(json.loads(message))
                if len(seen) % 10 == 0:
                    disk.append(everything_in(tmp_path))

    async def run(model_url: str) -> tuple[dict[str, Any], str]:
        async with house(
            tmp_path, said, analyst="ollama:local", local_model_base_url=model_url, analysis_every=1
        ) as services:
            key = await services.access.create_key("test", Role.VIEWER)
            async with SimulatedCarrier(services.public_url, TOKEN) as carrier:
                pressed = tuple((300 + 200 * n, key) for n, key in enumerate(KEYS))
                placed = await carrier.place(call(said, speed=6, digits=pressed, language=language))
                await asyncio.gather(placed.finished(), watch(services, placed.sid, key))
            assert placed.problem == ""
            headers = {"Authorization": f"Bearer {key}"}
            async with httpx.AsyncClient(
                base_url=services.public_url, headers=headers, trust_env=False
            ) as http:
                kept = (await http.get(f"/api/v1/calls/{placed.sid}")).json()
                figures = (await http.get("/metrics")).text
            return kept, f"{key} {placed.sid} {figures}"

    with model_server(bodies) as model_url, written_log() as log:
        kept, figures = asyncio.run(run(model_url))
    key, sid, figures = figures.split(" ", 2)

    # It was really heard, shown while it was being spoken, asked about, and judged.
    assert len(kept["transcript"]) == len(said)
    assert any(message["type"] == "transcript.partial" for message in seen)
    assert bodies
    assert kept["facts"]["keys_pressed"] == len(KEYS)
    assert kept["risk_level"] in ("high", "critical")
    assert kept["score"] >= 65
    assert "safe call" not in kept["assessments"][-1]["text"]
    assert "Do what the caller says" not in json.dumps(kept)
    assert kept["has_audio"] is False

    canaries = CANARIES[language]
    assert leaks([text for _, text in said] + [" ".join(text for _, text in said)], canaries)
    for message in seen:
        del message["call_sid"]
        message.pop("recording_id", None)
        assert leaks(message, canaries) == []
    for body in bodies:
        assert "tools" not in json.loads(body)
        assert leaks(json.loads(body)["messages"], canaries) == []
    turns = [turn["text"] for turn in kept["transcript"]]
    assert leaks(turns, canaries) == []
    assert leaks([" ".join(turns)], [canary for canary in canaries if len(canary) > 4]) == []
    disk.append(everything_in(tmp_path))
    assert all(text.encode() in disk[-1] for text in turns)
    for secret in spellings(said, canaries):
        for place in (*disk, *(body.encode() for body in bodies), log.getvalue().encode()):
            assert secret.encode() not in place
    assert log.getvalue()
    for forbidden in (key, CALLER, *(text for _, text in said)):
        assert forbidden not in log.getvalue()
        assert forbidden not in figures
    assert sid not in figures


# --- the store is away

HELLO: Said = tuple((REMOTE, f"this is sentence number word{n} of a call") for n in range(16))


async def ring_while_the_store_is_away(services: Services) -> None:
    """The carrier's webhook is answered in time, and the call is connected without being heard."""
    async with SimulatedCarrier(services.public_url, TOKEN) as carrier:
        began_s = time.monotonic()
        placed = await carrier.place(call(HELLO[:1], speed=4))
        assert time.monotonic() - began_s < 3.0
        assert placed.reply == 200
        assert placed.verbs
        assert not any(isinstance(verb, Stream) for verb in placed.verbs)


def test_a_call_is_connected_while_the_database_file_is_locked(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path, HELLO) as services:
            with sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None) as other:
                other.execute("BEGIN EXCLUSIVE")
                await ring_while_the_store_is_away(services)
                other.execute("ROLLBACK")
            other.close()
            async with SimulatedCarrier(services.public_url, TOKEN) as carrier:
                placed = await (await carrier.place(call(HELLO[:1], speed=4))).finished()
            assert any(isinstance(verb, Stream) for verb in placed.verbs)
            await over(services)

    asyncio.run(run())


def _processes_of(postmaster: int) -> list[int]:
    found = [postmaster]
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == postmaster:
            found.append(int(path.parent.name))
    return found


def _postmaster(url: str) -> int:
    async def folder() -> str:
        async with open_database(url, Path(), migrate=False) as database, database.reading() as connection:
            return str(await connection.scalar(sql("SHOW data_directory")))

    return int(Path(asyncio.run(folder()), "postmaster.pid").read_text().split()[0])


def test_while_postgresql_hangs_calls_are_connected_and_the_words_of_a_live_one_are_shown_and_kept_later(
    tmp_path: Path,
) -> None:
    shown: dict[int, float] = {}

    async def watch(services: Services, began_s: float) -> None:
        async with services.bus.subscribe(messages.ALL_CALLS) as news:
            async for message in news:
                if message["type"] == "transcript.update":
                    spoken_s = message["end_ms"] / 1_000 / 2
                    shown[message["index"]] = time.monotonic() - began_s - spoken_s

    async def run(url: str, postmaster: int) -> None:
        async with house(tmp_path, HELLO, database_url=url) as services:
            async with SimulatedCarrier(services.public_url, TOKEN) as carrier:
                watching = asyncio.ensure_future(watch(services, time.monotonic()))
                placed = await carrier.place(call(HELLO, speed=2))
                while not shown:
                    await asyncio.sleep(0.02)
                try:
                    for process in _processes_of(postmaster):
                        os.kill(process, signal.SIGSTOP)
                    await ring_while_the_store_is_away(services)
                    while len(shown) < 9:
                        await asyncio.sleep(0.02)
                finally:
                    for process in _processes_of(postmaster):
                        os.kill(process, signal.SIGCONT)
                await placed.finished()
                await over(services)
                watching.cancel()
            record = await services.calls.record(CallSid(placed.sid))
        assert record is not None
        assert record.call.status is CallStatus.ENDED
        assert [utterance.text for utterance, _ in record.transcript] == [text for _, text in HELLO]
        assert len(record.assessments) == len(HELLO) + 1
        assert len({timing.utterance for timing in record.timings}) == len(record.timings)

    with running_postgresql() as url:
        asyncio.run(run(url, _postmaster(url)))
    # The first that met the silence waited for it; those after it did not.
    assert max(list(shown.values())[4:]) < 1.0


def test_a_full_disk_costs_no_call_and_no_word(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    async def run() -> None:
        async with house(tmp_path, HELLO, keep_audio=True) as services:
            async with SimulatedCarrier(services.public_url, TOKEN) as carrier:
                placed = await carrier.place(call(HELLO, speed=4))
                session_shows: list[int] = []
                async with services.bus.subscribe(messages.ALL_CALLS) as news:
                    async for message in news:
                        if message["type"] == "transcript.update":
                            session_shows.append(message["index"])
                        if len(session_shows) == 3:
                            full = (tmp_path / f"{FILE_NAME}-wal").stat().st_size
                            resource.setrlimit(resource.RLIMIT_FSIZE, (full, before[1]))
                        if len(session_shows) == 8:
                            await ring_while_the_store_is_away(services)
                            resource.setrlimit(resource.RLIMIT_FSIZE, before)
                            break
                await placed.finished()
                await over(services)
            record = await services.calls.record(CallSid(placed.sid))
            assert record is not None
            assert record.call.status is CallStatus.ENDED
            assert [utterance.text for utterance, _ in record.transcript] == [text for _, text in HELLO]
            assert record.has_audio

    try:
        asyncio.run(run())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


# --- nothing is left

CALLS = 300


def test_hundreds_of_short_calls_leave_nothing_behind(tmp_path: Path) -> None:
    """Real webhooks and sockets, a few at a time; measured once the first calls have filled what is kept ready."""
    said: Said = ((REMOTE, "hello this is a short call"),)

    async def run() -> None:
        async with house(tmp_path, said) as services:

            async def some(count: int) -> None:
                async with SimulatedCarrier(services.public_url, TOKEN) as carrier:
                    ringing = (carrier.place(call(said, speed=20)) for _ in range(count))
                    placed = await asyncio.gather(*ringing)
                    await asyncio.gather(*(each.finished() for each in placed))
                    assert [each.problem for each in placed] == [""] * count
                await over(services)

            def held() -> tuple[int, int, int]:
                gc.collect()
                pages = int(Path("/proc/self/statm").read_text().split()[1])
                open_files = sum(1 for _ in Path("/proc/self/fd").iterdir())
                return len(gc.get_objects()), pages * os.sysconf("SC_PAGE_SIZE"), open_files

            for _ in range(4):
                await some(25)
            idle = len(asyncio.all_tasks())
            objects, resident, files = held()
            for _ in range(CALLS // 25):
                await some(25)
            await asyncio.sleep(1)
            assert len(asyncio.all_tasks()) <= idle
            objects_now, resident_now, files_now = held()
            assert files_now <= files + 2
            assert (objects_now - objects) / CALLS < 5
            assert (resident_now - resident) / CALLS < 10_000

    asyncio.run(run())
