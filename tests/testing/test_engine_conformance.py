"""The suite accepts an engine that keeps its promises, and catches one that breaks any."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from ringfence.contracts import Listening, SpeechEngine
from ringfence.model.calls import Party
from ringfence.model.speech import Segment, SpeechEvent
from ringfence.testing.engine_conformance import SILENCE, SpeechEngineConformance

pytestmark = pytest.mark.unit

LOUD = b"\x20" * 8_000


class Ear:
    """Hears one word when loud sound has come; the flaws are for the tests below."""

    def __init__(self, flaw: str, listening: Listening) -> None:
        self._flaw = flaw
        self._listening = listening
        self._bytes = 0
        self._pieces: list[int] = []
        self._start_byte: int | None = None
        self._events: asyncio.Queue[SpeechEvent | None] = asyncio.Queue()
        self._is_over = False

    def push(self, mulaw: bytes) -> None:
        if self._is_over and self._flaw != "never stops":
            return
        if self._start_byte is None and mulaw.strip(SILENCE):
            self._start_byte = self._bytes
        self._bytes += len(mulaw)
        self._pieces.append(len(mulaw))

    async def finish(self) -> None:
        if self._is_over and self._flaw != "never stops":
            return
        self._is_over = True
        if self._start_byte is not None or (self._flaw == "imagines" and self._bytes):
            self._events.put_nowait(self._segment())
        if self._flaw != "never stops" or self._start_byte is not None:
            self._events.put_nowait(None)

    def _segment(self) -> SpeechEvent:
        text = f"hello {self._pieces[0]}" if self._flaw == "counts pieces" else "hello"
        start_ms = (self._start_byte or 0) // 8
        heard = Segment(self._listening.party, text, start_ms, self._bytes // 8, engine="ear")
        match self._flaw:
            case "deaf":
                return replace(heard, text="")
            case "misplaces":
                return replace(heard, start_ms=0)
            case "unsigned":
                return replace(heard, engine="")
            case "mixes":
                return replace(heard, party=Party.SUBSCRIBER)
        return heard

    async def events(self) -> AsyncIterator[SpeechEvent]:
        while (event := await self._events.get()) is not None:
            yield event

    async def aclose(self) -> None:
        if self._flaw == "clings":
            raise RuntimeError("still busy")
        self._is_over = True
        self._events.put_nowait(None)


class Engine:
    name = "ear"

    def __init__(self, flaw: str) -> None:
        self._flaw = flaw

    def understands(self, language: str) -> bool:
        return self._flaw != "modest"

    async def open(self, listening: Listening) -> Ear:
        return Ear(self._flaw, listening)

    async def aclose(self) -> None: ...


class Suite(SpeechEngineConformance):
    words = ("hello",)

    def __init__(self, flaw: str) -> None:
        self._flaw = flaw

    def make_engine(self) -> SpeechEngine:
        return Engine(self._flaw)

    def speech(self) -> bytes:
        return LOUD


@pytest.mark.parametrize(
    "promise", [name for name in dir(SpeechEngineConformance) if name.startswith("test_")]
)
def test_an_engine_that_keeps_its_promises_passes(promise: str) -> None:
    keep: Callable[[], None] = getattr(Suite(""), promise)
    keep()


@pytest.mark.parametrize(
    ("flaw", "promise"),
    [
        ("deaf", "test_speech_becomes_final_segments_with_true_offsets"),
        ("misplaces", "test_speech_becomes_final_segments_with_true_offsets"),
        ("unsigned", "test_speech_becomes_final_segments_with_true_offsets"),
        ("mixes", "test_two_parties_at_once_do_not_mix"),
        ("imagines", "test_silence_has_no_words"),
        ("counts pieces", "test_the_cut_of_the_audio_does_not_change_the_words"),
        ("clings", "test_letting_go_in_mid_word_ends_the_events_and_can_be_repeated"),
        ("never stops", "test_audio_after_the_end_is_ignored"),
        ("modest", "test_it_understands_its_language"),
    ],
)
def test_a_broken_promise_is_caught(flaw: str, promise: str) -> None:
    keep: Callable[[], None] = getattr(Suite(flaw), promise)
    with pytest.raises((AssertionError, RuntimeError)):
        keep()
