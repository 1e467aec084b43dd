"""The loop of a worker process, run in a thread of this one over a real socket pair."""

import select
import socket
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import msgspec
import pytest

from ringfence.speech.wire import NUMBER, FrameReader, Heard, Kind, Opening, frame
from ringfence.speech.worker import Worker, load

pytestmark = pytest.mark.unit


class Ear:
    def __init__(self) -> None:
        self.heard = 0
        self.over = False

    def hear(self, mulaw: bytes) -> None:
        if mulaw == b"bad":
            raise ValueError("bad audio")
        self.heard += len(mulaw)

    def skip(self, length: int) -> None:
        self.heard += length

    def finish(self) -> None:
        self.over = True

    def close(self) -> None: ...


class Recogniser:
    def __init__(self) -> None:
        self.batches: list[int] = []

    def open(self, opening: Opening) -> Ear:
        return Ear()

    def advance(self, ears: Sequence[Ear]) -> Iterable[tuple[Ear, Heard]]:
        self.batches.append(len(ears))
        return [(ear, Heard(str(ear.heard), 0, 1)) for ear in ears if ear.over]


class Pipe:
    def __init__(self, end: socket.socket) -> None:
        self.end = end
        self._reader = FrameReader()
        self._frames: list[tuple[Kind, int, bytes]] = []

    def send(self, *frames: bytes) -> None:
        self.end.sendall(b"".join(frames))

    def next(self) -> tuple[Kind, int, bytes]:
        while not self._frames:
            self._frames.extend(self._reader.feed(self.end.recv(65536)))
        return self._frames.pop(0)

    def until(self, kind: Kind, stream: int) -> bytes:
        while True:
            found, number, payload = self.next()
            if (found, number) == (kind, stream):
                return payload


@contextmanager
def working(recogniser: Recogniser) -> Iterator[Pipe]:
    ours, theirs = socket.socketpair()
    ended = threading.Event()
    with ours, theirs:
        ours.settimeout(20)
        thread = threading.Thread(target=Worker(theirs, recogniser, on_end=ended.set).run, daemon=True)
        thread.start()
        pipe = Pipe(ours)
        assert pipe.next()[0] is Kind.READY
        yield pipe
        ours.shutdown(socket.SHUT_RDWR)
        thread.join(20)
        assert not thread.is_alive()
        assert ended.is_set()


def opening(stream: int, language: str = "en") -> bytes:
    return frame(Kind.OPEN, stream, msgspec.msgpack.encode(Opening(language, False)))


def test_a_stream_is_heard_to_its_end() -> None:
    with working(Recogniser()) as pipe:
        pipe.send(opening(1), frame(Kind.AUDIO, 1, b"\xff" * 100), frame(Kind.FINISH, 1))
        assert msgspec.msgpack.decode(pipe.until(Kind.HEARD, 1), type=list[Heard]) == [Heard("100", 0, 1)]
        pipe.until(Kind.DONE, 1)


def test_it_tells_how_much_it_has_taken_skipped_audio_included() -> None:
    with working(Recogniser()) as pipe:
        pipe.send(opening(1), frame(Kind.AUDIO, 1, b"\xff" * 100), frame(Kind.SKIP, 1, NUMBER.pack(50)))
        taken = 0
        while taken < 150:
            (taken,) = NUMBER.unpack(pipe.until(Kind.TAKEN, 1))
        assert taken == 150


def test_what_waits_is_recognised_together() -> None:
    recogniser = Recogniser()
    with working(recogniser) as pipe:
        pipe.send(*(opening(stream) for stream in range(1, 9)))
        pipe.send(*(frame(Kind.AUDIO, stream, b"\xff" * 100) for stream in range(1, 9)))
        for stream in range(1, 9):
            while NUMBER.unpack(pipe.until(Kind.TAKEN, stream))[0] < 100:
                pass
    assert max(recogniser.batches) > 1


def test_a_failure_concerns_one_stream() -> None:
    with working(Recogniser()) as pipe:
        pipe.send(opening(1), opening(2), frame(Kind.AUDIO, 1, b"bad"), frame(Kind.FINISH, 2))
        seen: dict[int, tuple[Kind, bytes]] = {}
        while len(seen) < 2:
            kind, stream, payload = pipe.next()
            if kind in (Kind.FAILED, Kind.DONE):
                seen[stream] = (kind, payload)
        assert seen[1] == (Kind.FAILED, b"ValueError: bad audio")
        assert seen[2][0] is Kind.DONE


def test_audio_for_a_stream_that_is_gone_is_ignored() -> None:
    with working(Recogniser()) as pipe:
        pipe.send(frame(Kind.AUDIO, 7, b"\xff"), frame(Kind.CLOSE, 7), opening(1), frame(Kind.FINISH, 1))
        pipe.until(Kind.DONE, 1)


def test_a_recogniser_is_named_by_module_and_callable() -> None:
    made: object = load("collections:Counter", {"a": 2})
    assert made == {"a": 2}


def test_a_server_that_died_with_words_unread_ends_its_worker_too() -> None:
    ours, theirs = socket.socketpair()
    ended = threading.Event()
    worker = threading.Thread(target=Worker(theirs, Recogniser(), on_end=ended.set).run, daemon=True)
    with theirs:
        worker.start()
        while not select.select([ours], [], [], 20)[0]:
            pass
        ours.close()  # READY was never read: the system resets the line instead of ending it.
        worker.join(20)
    assert not worker.is_alive()
    assert ended.is_set()
