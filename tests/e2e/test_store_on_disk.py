"""What is on the disk: every acknowledged word after a `kill -9`, no phone number, nothing that was erased."""

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ringfence.app import running
from ringfence.db.engine import open_database
from ringfence.db.migrate import upgrade
from ringfence.model.calls import Call, CallId, CallSid, CallStatus, Party
from ringfence.model.history import CallRecord
from ringfence.model.speech import Utterance
from ringfence.privacy.secrets import open_cipher
from ringfence.settings import Settings
from ringfence.telephony.store import CallStore

pytestmark = pytest.mark.db

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CALL = Call(CallId("call-1"), CallSid("CA1"), "+15550142", "+56900000042", "en", AT, status=CallStatus.LIVE)

WRITER = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from ringfence.db.engine import open_database
from ringfence.model.calls import CallId, Party
from ringfence.model.speech import Utterance
from ringfence.privacy.secrets import open_cipher
from ringfence.telephony.store import CallStore

async def talk(url, home):
    async with open_database(url, home, migrate=False) as database:
        store = CallStore(database, open_cipher(home))
        at = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

        async def say(first):
            for index in range(first, 1_000_000, 4):
                await store.append(CallId("call-1"), [Utterance(index, Party.REMOTE, f"word {index}", 0, 1)], at)
                print(index, flush=True)

        await asyncio.gather(*(say(first) for first in range(4)))

asyncio.run(talk(sys.argv[1] or None, Path(sys.argv[2])))
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str | None:
    """Where the calls are kept; None is the file in the home folder."""
    if request.param == "sqlite":
        return None
    server: str = request.getfixturevalue("postgresql_url")
    return server


def acknowledged_before_the_kill(url: str | None, home: Path) -> set[int]:
    """Lets another process write, and kills it without warning as soon as it has shown that it does."""
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, url or "", str(home)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    with child, child.stdout as answers:
        first = [next(answers) for _ in range(200)]
        os.kill(child.pid, signal.SIGKILL)
        rest = [line for line in answers if line.endswith("\n")]
    assert child.returncode == -signal.SIGKILL
    return {int(line) for line in (*first, *rest)}


def test_no_acknowledged_word_is_lost_and_the_call_is_closed(url: str | None, tmp_path: Path) -> None:
    upgrade(url, tmp_path)

    async def open_call() -> None:
        async with open_database(url, tmp_path, migrate=False) as database:
            await CallStore(database, open_cipher(tmp_path)).open_call(CALL)

    async def restart() -> CallRecord | None:
        async with open_database(url, tmp_path) as database:
            store = CallStore(database, open_cipher(tmp_path))
            assert await store.interrupt_open(AT) == (CALL.sid,)
            return await store.record(CALL.sid)

    asyncio.run(open_call())
    acknowledged = acknowledged_before_the_kill(url, tmp_path)
    record = asyncio.run(restart())
    assert record is not None
    assert acknowledged <= {utterance.index for utterance, _ in record.transcript}
    assert all(utterance.text == f"word {utterance.index}" for utterance, _ in record.transcript)
    assert (record.call.status, record.call.ended_at) == (CallStatus.INTERRUPTED, AT)


def test_no_number_of_a_call_stands_in_any_file(tmp_path: Path) -> None:
    upgrade(None, tmp_path)

    async def keep() -> None:
        async with open_database(None, tmp_path, migrate=False) as database:
            await CallStore(database, open_cipher(tmp_path)).open_call(CALL)
            assert_no_number_in(tmp_path)

    asyncio.run(keep())
    assert_no_number_in(tmp_path)


def test_what_was_erased_stands_in_no_file(tmp_path: Path) -> None:
    upgrade(None, tmp_path)
    words = [f"unmistakable words {number} of this call" for number in range(50)]

    def everything() -> bytes:
        return b"".join(path.read_bytes() for path in tmp_path.iterdir())

    async def keep() -> None:
        async with open_database(None, tmp_path, migrate=False) as database:
            store = CallStore(database, open_cipher(tmp_path))
            await store.open_call(CALL)
            for index, text in enumerate(words):
                await store.append(CALL.id, [Utterance(index, Party.REMOTE, text, 0, 1)], AT)
            await store.set_status(CALL.id, CallStatus.ENDED, AT)

    async def erase() -> int:
        async with open_database(None, tmp_path, migrate=False) as database:
            return await CallStore(database, open_cipher(tmp_path)).erase_before(AT + timedelta(days=1))

    asyncio.run(keep())
    assert b"unmistakable" in everything()
    assert asyncio.run(erase()) == 1
    assert b"unmistakable" not in everything()
    assert CALL.sid.encode() not in everything()


def test_what_a_running_server_erases_stands_in_no_file_either(tmp_path: Path) -> None:
    upgrade(None, tmp_path)

    async def run() -> None:
        old = replace(CALL, started_at=datetime.now(UTC) - timedelta(days=400))
        async with open_database(None, tmp_path, migrate=False) as database:
            store = CallStore(database, open_cipher(tmp_path))
            await store.open_call(old)
            for index in range(50):
                await store.append(
                    old.id, [Utterance(index, Party.REMOTE, f"unmistakable words {index}", 0, 1)], AT
                )
            await store.set_status(old.id, CallStatus.ENDED, AT)
            assert b"unmistakable" in everything_in(tmp_path)
            async with (
                running(Settings(home=tmp_path, speech_engine="scripted", review_engine="none")),
                asyncio.timeout(20),
            ):
                while await store.find(old.sid) is not None or b"unmistakable" in everything_in(tmp_path):
                    await asyncio.sleep(0.05)

    asyncio.run(run())


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


def assert_no_number_in(folder: Path) -> None:
    content = b"".join(path.read_bytes() for path in folder.iterdir())
    assert CALL.sid.encode() in content
    for number in (CALL.caller_number, CALL.called_number):
        for spelling in (number.encode(), number[1:].encode(), number[1:].encode("utf-16-le")):
            assert spelling not in content
