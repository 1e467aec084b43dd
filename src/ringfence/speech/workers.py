"""Processes for engines that compute on this machine: our side of the pipe.

Each worker holds one loaded model and many streams. Audio goes over a socket pair as mu-law; nothing here
blocks the event loop. A worker that dies fails its streams with ProviderError and is replaced.
"""

import asyncio
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from ringfence.contracts import Listening
from ringfence.model.calls import Party
from ringfence.model.errors import ProviderError
from ringfence.model.speech import AudioDropped, Segment, SpeechEvent
from ringfence.speech.wire import NUMBER, FrameReader, Heard, Kind, Opening, frame

log = logging.getLogger(__name__)

START_LIMIT_S = 60.0
"""Longest wait for a worker to load its model; a large one from a slow disk takes half of it."""
STOP_LIMIT_S = 3.0
MAX_BEHIND_MS = 60_000
"""Audio a stream may be behind before more of it is dropped."""
TELL_DROPPED_MS = 5_000
BYTES_PER_MS = 8


def core_count() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class WorkerPool:
    """Workers of one engine: started when needed, at most `size`, streams spread evenly."""

    def __init__(self, engine: str, provider: str, options: dict[str, Any], size: int = 0) -> None:
        """`provider` is `module:name`, see `worker.load`; `size` 0 is one a core."""
        self._engine = engine
        self._provider = provider
        self._options = options
        self._size = size or core_count()
        self._workers: list[_Worker] = []
        self._starting = asyncio.Lock()
        self._restarts: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def process_ids(self) -> tuple[int, ...]:
        return tuple(worker.process_id for worker in self._workers)

    async def warm(self) -> None:
        """Have one worker loaded. Raises ProviderError."""
        await self._worker()

    async def open(self, listening: Listening, *, whole: bool = False) -> "WorkerStream":
        """Raises ProviderError. `whole`: a recording is coming, as fast as it can be sent."""
        worker = await self._worker()
        return worker.open(listening, whole)

    async def aclose(self) -> None:
        self._closed = True
        for task in self._restarts:
            task.cancel()
        await asyncio.gather(*self._restarts, return_exceptions=True)
        async with self._starting:
            workers, self._workers = self._workers, []
        await asyncio.gather(*(worker.stop() for worker in workers))

    async def _worker(self) -> "_Worker":
        async with self._starting:
            if self._closed:
                raise ProviderError(f"{self._engine} is closed")
            idlest = min(self._workers, key=lambda worker: worker.load, default=None)
            if idlest is None or (idlest.load and len(self._workers) < self._size):
                idlest = await self._start()
            return idlest

    async def _start(self) -> "_Worker":
        worker = _Worker(self._engine, self._lost)
        try:
            async with asyncio.timeout(START_LIMIT_S):
                await worker.start(self._provider, self._options)
        except TimeoutError:
            await worker.stop()
            raise ProviderError(f"{self._engine} did not load within {START_LIMIT_S:.0f} s") from None
        except BaseException:
            await worker.stop()
            raise
        self._workers.append(worker)
        return worker

    def _lost(self, worker: "_Worker") -> None:
        """A loaded worker died: have another one ready for the next call."""
        if worker not in self._workers:
            return
        self._workers.remove(worker)
        log.warning("speech worker died", extra={"provider": self._engine, "process_id": worker.process_id})
        task = asyncio.get_running_loop().create_task(self._replace(worker))
        self._restarts.add(task)
        task.add_done_callback(self._restarts.discard)

    async def _replace(self, dead: "_Worker") -> None:
        await dead.stop()
        try:
            await self._worker()
        except ProviderError as error:
            log.warning(
                "speech worker did not start again", extra={"provider": self._engine, "reason": str(error)}
            )


class _Worker(asyncio.Protocol):
    def __init__(self, engine: str, on_lost: "Any") -> None:
        self._engine = engine
        self._on_lost = on_lost
        self._reader = FrameReader()
        self._streams: dict[int, WorkerStream] = {}
        self._next_stream = 1
        self._transport: asyncio.Transport | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lost = False

    @property
    def process_id(self) -> int:
        return self._process.pid if self._process else 0

    @property
    def load(self) -> int:
        return len(self._streams)

    async def start(self, provider: str, options: dict[str, Any]) -> None:
        """Raises ProviderError when the model cannot be loaded."""
        ours, theirs = socket.socketpair()
        with theirs:
            ours.setblocking(False)
            loop = asyncio.get_running_loop()
            self._transport, _ = await loop.create_unix_connection(lambda: self, sock=ours)
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "ringfence.speech.worker",
                str(theirs.fileno()),
                provider,
                json.dumps(options),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
            )
        await self._ready

    def open(self, listening: Listening, whole: bool) -> "WorkerStream":
        number = self._next_stream
        self._next_stream += 1
        stream = WorkerStream(self, number, self._engine, listening.party, None if whole else MAX_BEHIND_MS)
        self._streams[number] = stream
        self.send(Kind.OPEN, number, msgspec.msgpack.encode(Opening(listening.language, whole)))
        if self._lost:
            stream.failed("its process has ended")
        return stream

    def send(self, kind: Kind, stream: int, payload: bytes = b"") -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(frame(kind, stream, payload))

    def forget(self, stream: int) -> None:
        if self._streams.pop(stream, None) is not None:
            self.send(Kind.CLOSE, stream)

    async def stop(self) -> None:
        """Close the pipe, on which the process ends; kill it when it does not."""
        if self._transport is not None:
            self._transport.close()
        if self._process is not None:
            try:
                async with asyncio.timeout(STOP_LIMIT_S):
                    await self._process.wait()
            except TimeoutError:
                self._process.send_signal(signal.SIGKILL)
                await self._process.wait()

    # asyncio.Protocol

    def data_received(self, data: bytes) -> None:
        try:
            for kind, stream, payload in self._reader.feed(data):
                self._received(kind, stream, payload)
        except (ValueError, msgspec.MsgspecError) as error:
            log.error("speech worker sent nonsense", extra={"provider": self._engine, "reason": str(error)})
            if self._transport is not None:
                self._transport.abort()

    def _received(self, kind: Kind, number: int, payload: bytes) -> None:
        if kind is Kind.READY:
            if not self._ready.done():
                self._ready.set_result(None)
        elif kind is Kind.BROKEN:
            if not self._ready.done():
                self._ready.set_exception(
                    ProviderError(f"{self._engine}: {payload.decode(errors='replace')}")
                )
        elif stream := self._streams.get(number):
            if kind is Kind.TAKEN:
                stream.taken(NUMBER.unpack(payload)[0])
            elif kind is Kind.HEARD:
                stream.heard(msgspec.msgpack.decode(payload, type=list[Heard]))
            elif kind is Kind.DONE:
                del self._streams[number]
                stream.done()
            elif kind is Kind.FAILED:
                del self._streams[number]
                stream.failed(payload.decode(errors="replace"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            stream.failed("its process has ended")
        if not self._ready.done():
            self._ready.set_exception(ProviderError(f"{self._engine}: its process ended while loading"))
        self._on_lost(self)


class WorkerStream:
    """Satisfies `contracts.SpeechStream`."""

    def __init__(
        self, worker: _Worker, number: int, engine: str, party: Party, max_behind_ms: int | None
    ) -> None:
        self._worker = worker
        self._number = number
        self._engine = engine
        self._party = party
        self._max_behind = None if max_behind_ms is None else max_behind_ms * BYTES_PER_MS
        self._sent = 0  # bytes of the timeline handed to the worker, skipped ones included
        self._taken = 0
        self._dropping = 0  # bytes dropped just now, not yet told
        self._finishing = False
        self._queue: asyncio.Queue[SpeechEvent | ProviderError | None] = asyncio.Queue()
        self._over = False

    def push(self, mulaw: bytes) -> None:
        if self._over or self._finishing or not mulaw:
            return
        behind = self._sent + self._dropping - self._taken
        if self._max_behind is not None and behind + len(mulaw) > self._max_behind:
            self._dropping += len(mulaw)
            if self._dropping >= TELL_DROPPED_MS * BYTES_PER_MS:
                self._tell_dropped()
            return
        self._tell_dropped()
        self._worker.send(Kind.AUDIO, self._number, mulaw)
        self._sent += len(mulaw)

    async def finish(self) -> None:
        if not self._over and not self._finishing:
            self._tell_dropped()
            self._finishing = True
            self._worker.send(Kind.FINISH, self._number)

    async def events(self) -> AsyncIterator[SpeechEvent]:
        while True:
            event = await self._queue.get()
            if event is None:
                return
            if isinstance(event, ProviderError):
                raise event
            yield event

    async def aclose(self) -> None:
        if not self._over:
            self._worker.forget(self._number)
            self.done()

    def _tell_dropped(self) -> None:
        if self._dropping:
            start_ms = self._sent // BYTES_PER_MS
            self._queue.put_nowait(AudioDropped(self._party, start_ms, self._dropping // BYTES_PER_MS))
            self._worker.send(Kind.SKIP, self._number, NUMBER.pack(self._dropping))
            self._sent += self._dropping
            self._dropping = 0

    # what the worker says

    def taken(self, audio_bytes: int) -> None:
        self._taken = audio_bytes

    def heard(self, words: list[Heard]) -> None:
        for each in words:
            self._queue.put_nowait(
                Segment(
                    self._party,
                    each.text,
                    each.start_ms,
                    each.end_ms,
                    each.is_final,
                    each.confidence,
                    self._engine,
                )
            )

    def done(self) -> None:
        if not self._over:
            self._over = True
            self._queue.put_nowait(None)

    def failed(self, reason: str) -> None:
        if not self._over:
            self._over = True
            self._queue.put_nowait(ProviderError(f"{self._engine}: {reason}", retryable=True))
