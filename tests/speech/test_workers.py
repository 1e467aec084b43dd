"""The pool with a recogniser of this file: the process, the pipe and the accounts are real, the words are not."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ringfence.contracts import Listening
from ringfence.model.calls import CallSid, Party
from ringfence.model.errors import ProviderError
from ringfence.model.speech import AudioDropped, Segment, SpeechEvent
from ringfence.speech import workers
from ringfence.speech.wire import Heard, Opening
from ringfence.speech.workers import WorkerPool, WorkerStream

pytestmark = pytest.mark.unit

T = TypeVar("T")
SECOND = 8000
HERE = f"{Path(__file__).stem}:Counter"


class Ear:
    def __init__(self, recogniser: "Counter") -> None:
        self.recogniser = recogniser
        self.heard = 0
        self.skipped = 0
        self.words: list[Heard] = []

    def hear(self, mulaw: bytes) -> None:
        if b"CRASH" in mulaw:
            os._exit(3)
        if b"RAISE" in mulaw:
            raise ValueError("unheard of")
        if self.recogniser.release is not None:
            while not self.recogniser.release.exists():
                time.sleep(0.005)
        self.heard += len(mulaw)

    def skip(self, length: int) -> None:
        self.skipped += length

    def finish(self) -> None:
        self.words.append(
            Heard(f"heard {self.heard} skipped {self.skipped} in {os.getpid()}", 0, self.heard // 8)
        )

    def close(self) -> None: ...


class Counter:
    """Says at the end how much it was given. With `release` it hears nothing before that file exists."""

    def __init__(self, release: str | None = None, broken: bool = False) -> None:
        if broken:
            raise RuntimeError("the model is damaged")
        self.release = Path(release) if release else None

    def open(self, opening: Opening) -> Ear:
        return Ear(self)

    def advance(self, ears: Sequence[Ear]) -> Iterable[tuple[Ear, Heard]]:
        for ear in ears:
            for words in ear.words:
                yield ear, words
            ear.words.clear()


@pytest.fixture(autouse=True)
def _findable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers find this file as a module."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


def listening(party: Party = Party.REMOTE) -> Listening:
    return Listening(CallSid("CA1"), "+15550100", party, "en")


def run(scenario: Callable[[WorkerPool], Awaitable[T]], size: int = 1, **options: Any) -> T:
    async def main() -> T:
        pool = WorkerPool("counter", HERE, options, size)
        try:
            async with asyncio.timeout(60):
                return await scenario(pool)
        finally:
            await pool.aclose()

    return asyncio.run(main())


async def told(stream: WorkerStream) -> list[SpeechEvent]:
    return [event async for event in stream.events()]


async def text(stream: WorkerStream) -> str:
    await stream.finish()
    (event,) = await told(stream)
    assert isinstance(event, Segment)
    return event.text


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


def is_running(process_id: int) -> bool:
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_audio_goes_out_and_words_come_back() -> None:
    async def scenario(pool: WorkerPool) -> list[SpeechEvent]:
        stream = await pool.open(listening(Party.SUBSCRIBER))
        for _ in range(20):
            stream.push(b"\xff" * 800)
        await stream.finish()
        return await told(stream)

    (event,) = run(scenario)
    assert isinstance(event, Segment)
    assert event.text.startswith("heard 16000 skipped 0")
    assert (event.party, event.end_ms, event.engine) == (Party.SUBSCRIBER, 2000, "counter")


def test_the_work_is_done_in_another_process_at_lower_priority() -> None:
    async def scenario(pool: WorkerPool) -> tuple[int, int]:
        await pool.warm()
        (process_id,) = pool.process_ids
        return process_id, os.getpriority(os.PRIO_PROCESS, process_id)

    process_id, niceness = run(scenario)
    assert process_id != os.getpid()
    assert niceness > os.getpriority(os.PRIO_PROCESS, 0)
    assert not is_running(process_id)


def test_streams_are_spread_over_the_processes() -> None:
    async def scenario(pool: WorkerPool) -> list[str]:
        streams = [await pool.open(listening()) for _ in range(4)]
        return [(await text(stream)).rpartition(" ")[2] for stream in streams]

    used = run(scenario, size=2)
    assert sorted(used.count(one) for one in set(used)) == [2, 2]


def test_a_second_process_starts_only_when_the_first_is_busy() -> None:
    async def scenario(pool: WorkerPool) -> int:
        for _ in range(3):
            await text(await pool.open(listening()))
        return len(pool.process_ids)

    assert run(scenario, size=2) == 1


def test_what_a_slow_worker_cannot_take_is_dropped_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "MAX_BEHIND_MS", 2_000)
    release = tmp_path / "release"

    async def scenario(pool: WorkerPool) -> list[SpeechEvent]:
        stream = await pool.open(listening())
        for _ in range(50):
            stream.push(b"\xff" * 800)
        release.touch()
        await stream.finish()
        return await told(stream)

    dropped, heard = run(scenario, release=str(release))
    assert dropped == AudioDropped(Party.REMOTE, 2000, 3000)
    assert isinstance(heard, Segment)
    assert heard.text.startswith("heard 16000 skipped 24000")


def test_a_recording_is_taken_whole_however_slow_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "MAX_BEHIND_MS", 2_000)
    release = tmp_path / "release"

    async def scenario(pool: WorkerPool) -> str:
        stream = await pool.open(listening(), whole=True)
        stream.push(b"\xff" * (300 * SECOND))
        release.touch()
        return await text(stream)

    assert run(scenario, release=str(release)).startswith("heard 2400000 skipped 0")


def test_pushing_never_waits_for_the_worker(tmp_path: Path) -> None:
    release = tmp_path / "release"

    async def scenario(pool: WorkerPool) -> float:
        stream = await pool.open(listening())
        started = time.perf_counter()
        for _ in range(600):  # a minute of audio at once
            stream.push(b"\xff" * 800)
        spent = time.perf_counter() - started
        release.touch()
        await text(stream)
        return spent

    assert run(scenario, release=str(release)) < 0.5


def test_a_killed_worker_fails_its_streams_and_is_replaced() -> None:
    async def scenario(pool: WorkerPool) -> str:
        streams = [await pool.open(listening()), await pool.open(listening(Party.SUBSCRIBER))]
        (killed,) = pool.process_ids
        os.kill(killed, signal.SIGKILL)
        for stream in streams:
            with pytest.raises(ProviderError, match="its process has ended") as caught:
                await told(stream)
            assert caught.value.retryable
            stream.push(b"\xff" * 800)
            await stream.finish()
            await stream.aclose()
        await until(lambda: pool.process_ids not in ((), (killed,)))
        return await text(await pool.open(listening()))

    assert run(scenario).startswith("heard 0")


def test_audio_that_kills_a_worker_does_not_stop_the_next_stream() -> None:
    async def scenario(pool: WorkerPool) -> str:
        stream = await pool.open(listening())
        stream.push(b"CRASH")
        with pytest.raises(ProviderError):
            await told(stream)
        return await text(await pool.open(listening()))

    assert run(scenario).startswith("heard 0")


def test_an_exception_in_a_recogniser_ends_that_stream_only() -> None:
    async def scenario(pool: WorkerPool) -> str:
        broken, other = await pool.open(listening()), await pool.open(listening())
        broken.push(b"RAISE")
        with pytest.raises(ProviderError, match="ValueError: unheard of"):
            await told(broken)
        return await text(other)

    assert run(scenario).startswith("heard 0")


def test_a_model_that_does_not_load_is_told_in_its_own_words() -> None:
    async def scenario(pool: WorkerPool) -> None:
        with pytest.raises(ProviderError, match="counter: RuntimeError: the model is damaged"):
            await pool.open(listening())

    run(scenario, broken=True)


def test_a_stream_that_is_let_go_ends_at_once() -> None:
    async def scenario(pool: WorkerPool) -> list[SpeechEvent]:
        stream = await pool.open(listening())
        stream.push(b"\xff" * 800)
        await stream.aclose()
        await stream.aclose()
        return await told(stream)

    assert run(scenario) == []


def test_a_closed_pool_opens_nothing() -> None:
    async def scenario(pool: WorkerPool) -> None:
        await pool.aclose()
        with pytest.raises(ProviderError, match="closed"):
            await pool.open(listening())

    run(scenario)


PARENT = f"""
import asyncio, sys
from ringfence.speech.workers import WorkerPool

async def main():
    pool = WorkerPool("counter", {HERE!r}, {{}}, 1)
    await pool.warm()
    print(*pool.process_ids, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def test_workers_end_with_their_parent_even_when_it_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        assert is_running(worker)
        parent.kill()
        parent.wait()
    asyncio.run(until(lambda: not is_running(worker)))


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_to_the_whole_group_does_not_end_a_worker_in_mid_call(name: str) -> None:
    async def scenario(pool: WorkerPool) -> str:
        stream = await pool.open(listening())
        os.kill(pool.process_ids[0], getattr(signal, name))
        stream.push(b"\xff" * 800)
        return await text(stream)

    assert run(scenario).startswith("heard 800")


def test_it_works_on_uvloop_too() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def main() -> str:
        pool = WorkerPool("counter", HERE, {}, 1)
        with contextlib.suppress(asyncio.CancelledError):
            stream = await pool.open(listening())
            stream.push(b"\xff" * 800)
            heard = await text(stream)
        await pool.aclose()
        return heard

    assert uvloop.run(main()).startswith("heard 800")
