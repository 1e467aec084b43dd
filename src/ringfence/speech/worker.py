"""A process that turns audio into words, so that the server's event loop never waits for arithmetic.

Started by `workers` as `python -m ringfence.speech.worker FD PROVIDER OPTIONS`; ends when the server's end of
the pipe closes, however the server ended. Runs at lowered priority: hearing may lag, answering may not.
"""

import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from queue import Empty, SimpleQueue
from typing import Any, Protocol

import msgspec

from ringfence.speech.wire import NUMBER, FrameReader, Heard, Kind, Opening, frame

NICENESS = 5
"""A third of the share of a process at normal priority, where both want the same core."""
MOST_AT_ONCE = 64
"""Messages taken in before what was heard is told: enough to batch calls, few enough not to make them wait."""


class Ear(Protocol):
    """One party's audio inside a recogniser. Calls come from one thread."""

    def hear(self, mulaw: bytes) -> None: ...

    def skip(self, length: int) -> None:
        """So many bytes of audio are missing here; offsets go on after them."""
        ...

    def finish(self) -> None:
        """No more audio; the next `advance` gives all that is left."""
        ...

    def close(self) -> None:
        """Let go of everything at once."""
        ...


class Recogniser(Protocol):
    """A loaded model, shared by the ears of one process. Any exception fails the stream it concerns."""

    def open(self, opening: Opening) -> Ear: ...

    def advance(self, ears: Sequence[Any]) -> Iterable[tuple[Any, Heard]]:
        """Recognise what these ears have taken in since; together where the model can."""
        ...


class Worker:
    """The loop of such a process. `on_end` is called when the pipe ends, in the thread that reads it."""

    def __init__(self, pipe: socket.socket, recogniser: Recogniser, on_end: Callable[[], None]) -> None:
        self._pipe = pipe
        self._recogniser = recogniser
        self._on_end = on_end
        self._inbox: SimpleQueue[tuple[Kind, int, bytes] | None] = SimpleQueue()
        self._ears: dict[int, Ear] = {}
        self._taken: dict[int, int] = {}

    def run(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()
        self._pipe.sendall(frame(Kind.READY))
        while (first := self._inbox.get()) is not None:
            self._work([first, *self._waiting()])

    def _read(self) -> None:
        """Moves frames from the pipe to the inbox until it ends, by a close or by the server's violent death."""
        reader = FrameReader()
        try:
            with suppress(ConnectionError):
                while data := self._pipe.recv(1 << 16):
                    for message in reader.feed(data):
                        self._inbox.put(message)
        finally:
            self._on_end()
            self._inbox.put(None)

    def _waiting(self) -> Iterator[tuple[Kind, int, bytes]]:
        for _ in range(MOST_AT_ONCE - 1):
            try:
                message = self._inbox.get_nowait()
            except Empty:
                return
            if message is None:
                self._inbox.put(None)
                return
            yield message

    def _work(self, messages: Iterable[tuple[Kind, int, bytes]]) -> None:
        touched: set[int] = set()
        ending: list[int] = []
        for kind, stream, payload in messages:
            try:
                self._take(kind, stream, payload)
            except Exception as error:
                self._fail(stream, error)
                continue
            touched.add(stream)
            if kind is Kind.FINISH:
                ending.append(stream)
        alive = sorted(touched & self._ears.keys())
        self._advance(alive)
        out = bytearray()
        for stream in alive:
            if stream in self._ears:
                out += frame(Kind.TAKEN, stream, NUMBER.pack(self._taken[stream]))
        for stream in ending:
            if self._close(stream):
                out += frame(Kind.DONE, stream)
        if out:
            self._pipe.sendall(out)

    def _take(self, kind: Kind, stream: int, payload: bytes) -> None:
        if kind is Kind.OPEN:
            self._ears[stream] = self._recogniser.open(msgspec.msgpack.decode(payload, type=Opening))
            self._taken[stream] = 0
        elif kind is Kind.CLOSE:
            self._close(stream)
        elif stream in self._ears:
            ear = self._ears[stream]
            if kind is Kind.AUDIO:
                ear.hear(payload)
                self._taken[stream] += len(payload)
            elif kind is Kind.SKIP:
                (length,) = NUMBER.unpack(payload)
                ear.skip(length)
                self._taken[stream] += length
            elif kind is Kind.FINISH:
                ear.finish()

    def _advance(self, streams: Sequence[int]) -> None:
        names = {id(self._ears[stream]): stream for stream in streams}
        heard: dict[int, list[Heard]] = {}
        try:
            for ear, words in self._recogniser.advance([self._ears[stream] for stream in streams]):
                heard.setdefault(names[id(ear)], []).append(words)
        except Exception as error:
            for stream in streams:
                self._fail(stream, error)
            return
        for stream, said in heard.items():
            self._pipe.sendall(frame(Kind.HEARD, stream, msgspec.msgpack.encode(said)))

    def _fail(self, stream: int, error: Exception) -> None:
        if self._close(stream):
            self._pipe.sendall(frame(Kind.FAILED, stream, _sentence(error)))

    def _close(self, stream: int) -> bool:
        self._taken.pop(stream, None)
        ear = self._ears.pop(stream, None)
        if ear is not None:
            ear.close()
        return ear is not None


def load(provider: str, options: dict[str, Any]) -> Recogniser:
    """`module:name`, a callable that takes the options and returns a Recogniser."""
    module, _, name = provider.partition(":")
    recogniser: Recogniser = getattr(import_module(module), name)(**options)
    return recogniser


def _sentence(error: Exception) -> bytes:
    return f"{type(error).__name__}: {error}".encode(errors="replace")[:2_000]


def main(fd: str, provider: str, options: str) -> None:
    # The server decides when its workers end: a Ctrl-C or a service manager's signal to the whole group must
    # not silence calls that are still being served.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.nice(NICENESS)
    pipe = socket.socket(fileno=int(fd))
    with suppress(ConnectionError):  # The server went while the model was being loaded.
        try:
            recogniser = load(provider, json.loads(options))
        except Exception as error:
            pipe.sendall(frame(Kind.BROKEN, payload=_sentence(error)))
            return
        # In mid-word if need be: nobody is there any more to hear it.
        Worker(pipe, recogniser, on_end=lambda: os._exit(0)).run()


if __name__ == "__main__":
    main(*sys.argv[1:4])
