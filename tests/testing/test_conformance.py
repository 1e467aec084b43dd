"""The suites accept a provider that keeps its promises, and catch one that breaks any."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from ringfence.contracts import Analyst, Brief, Carrier, Listening, SpeechEngine, WebhookRequest
from ringfence.model.assessment import AnalystReport
from ringfence.model.calls import CallInstructions
from ringfence.model.errors import ProviderError
from ringfence.model.media import MediaCounters
from ringfence.model.speech import Segment, SpeechEvent
from ringfence.testing.conformance import AnalystConformance, CarrierConformance, SpeechEngineConformance

pytestmark = pytest.mark.unit


class Ear:
    """Hears one word once a second of sound has come; the flaws are for the tests below."""

    def __init__(self, engine: "Engine", listening: Listening) -> None:
        self._engine = engine
        self._listening = listening
        self._bytes = self._loud_bytes = 0
        self._events: asyncio.Queue[SpeechEvent | None] = asyncio.Queue()

    def push(self, mulaw: bytes) -> None:
        if self._engine.flaw == "raises" and len(mulaw) == 1:
            raise ValueError("odd")
        self._bytes += len(mulaw)
        self._loud_bytes += len(mulaw) - mulaw.count(b"\xff")

    async def finish(self) -> None:
        flaw, end_ms = self._engine.flaw, self._bytes // 8
        if self._loud_bytes > 4_000 or flaw == "imagines":
            segment = Segment(self._listening.party, "hello", 0, end_ms, engine=self._engine.name)
            if flaw == "misplaces":
                segment = replace(segment, end_ms=end_ms + 60_000)
            if flaw == "unsigned":
                segment = replace(segment, engine="")
            if flaw != "deaf":
                self._events.put_nowait(segment)
        self._events.put_nowait(None)

    async def events(self) -> AsyncIterator[SpeechEvent]:
        while (event := await self._events.get()) is not None:
            yield event

    async def aclose(self) -> None:
        if self._engine.flaw == "clings":
            raise RuntimeError("still busy")


class Engine:
    def __init__(self, flaw: str = "") -> None:
        self.flaw = flaw
        self.name = "Flawed Engine" if flaw == "name" else "ear"

    def understands(self, language: str) -> bool:
        return language == "en"

    async def open(self, listening: Listening) -> Ear:
        return Ear(self, listening)

    async def aclose(self) -> None: ...


def engine_suite(flaw: str = "") -> SpeechEngineConformance:
    class Suite(SpeechEngineConformance):
        @asynccontextmanager
        async def running(self) -> AsyncIterator[SpeechEngine]:
            yield Engine(flaw)

    return Suite()


class Adviser:
    name = "test:adviser"

    def __init__(self, flaw: str = "") -> None:
        self._flaw = flaw

    async def analyse(self, brief: Brief) -> AnalystReport:
        if self._flaw == "down":
            raise ProviderError("down")
        if self._flaw == "crash":
            raise KeyError("choices")
        if self._flaw == "empty" and not brief.transcript:
            raise ProviderError("nothing to read")
        return AnalystReport(1.5 if self._flaw == "loud" else 0.5, (("Urgency", "now"),), "Because.")


def analyst_suite(flaw: str = "", failure: str = "down") -> AnalystConformance:
    class Suite(AnalystConformance):
        @asynccontextmanager
        async def answering(self) -> AsyncIterator[Analyst]:
            yield Adviser(flaw)

        @asynccontextmanager
        async def failing(self) -> AsyncIterator[Analyst]:
            yield Adviser(failure)

    return Suite()


class Decoder:
    def __init__(self, flaw: str) -> None:
        self._flaw = flaw
        self.counters = MediaCounters()

    def decode(self, message: bytes | str) -> None:
        if self._flaw == "decoder":
            raise KeyError("event")


class Line:
    name = "line"

    def __init__(self, flaw: str, *, is_configured: bool = True) -> None:
        self._flaw = flaw
        self.is_configured = is_configured or flaw == "boasts"
        self._decoder = Decoder(flaw)

    def verify(self, request: WebhookRequest) -> bool:
        return self._flaw == "trusting"

    def read_nothing(self, form: Any) -> Any:
        if self._flaw == "form":
            raise IndexError(form)

    read_form = read_incoming_call = read_call_status = read_stream_status = read_nothing

    def render(self, instructions: CallInstructions) -> str:
        number = "" if self._flaw == "forgets" else instructions.connect_to or ""
        stream = instructions.stream.url if instructions.stream else ""
        return f"<Response>{number} {stream}{'&' if self._flaw == 'xml' else ''}</Response>"

    def media_decoder(self) -> Decoder:
        return self._decoder if self._flaw == "shares" else Decoder(self._flaw)


def carrier_suite(flaw: str = "") -> CarrierConformance:
    class Suite(CarrierConformance):
        def carrier(self) -> Carrier:
            return Line(flaw)

        def without_secret(self) -> Carrier:
            return Line(flaw, is_configured=False)

    return Suite()


def failures(suite: object) -> set[str]:
    """Names of the promises that are broken."""
    broken = set()
    for name in dir(suite):
        if name.startswith("test_"):
            promise: Callable[[], None] = getattr(suite, name)
            try:
                promise()
            except Exception:
                broken.add(name)
    return broken


@pytest.mark.parametrize(
    "suite", [engine_suite(), analyst_suite(), carrier_suite()], ids=["engine", "analyst", "carrier"]
)
def test_a_provider_that_keeps_its_promises_passes(suite: object) -> None:
    assert failures(suite) == set()


@pytest.mark.parametrize(
    ("suite", "broken"),
    [
        pytest.param(engine_suite("name"), "it_has_a_name_and_knows_what_it_understands", id="engine-name"),
        pytest.param(engine_suite("deaf"), "it_hears_words_and_places_them_in_the_audio", id="engine-deaf"),
        pytest.param(engine_suite("misplaces"), "it_hears_words_and_places_them_in_the_audio", id="engine-place"),
        pytest.param(engine_suite("unsigned"), "it_hears_words_and_places_them_in_the_audio", id="engine-unsigned"),
        pytest.param(engine_suite("imagines"), "silence_is_no_words", id="engine-imagines"),
        pytest.param(engine_suite("raises"), "push_takes_any_length_at_any_time", id="engine-raises"),
        pytest.param(engine_suite("clings"), "a_stream_can_be_let_go_at_any_time_and_twice", id="engine-clings"),
        pytest.param(analyst_suite("loud"), "it_answers_with_a_report", id="analyst-loud"),
        pytest.param(analyst_suite("empty"), "a_call_without_words_is_no_fault", id="analyst-empty"),
        pytest.param(analyst_suite(failure="crash"), "failure_is_a_provider_error", id="analyst-crash"),
        pytest.param(analyst_suite(failure=""), "failure_is_a_provider_error", id="analyst-silent"),
        pytest.param(carrier_suite("boasts"), "it_says_whether_it_is_configured", id="carrier-boasts"),
        pytest.param(carrier_suite("trusting"), "an_unsigned_request_is_refused_and_never_an_exception", id="carrier-trusting"),
        pytest.param(carrier_suite("form"), "a_form_that_cannot_be_read_is_a_wire_format_error", id="carrier-form"),
        pytest.param(carrier_suite("decoder"), "a_message_that_cannot_be_read_is_a_wire_format_error", id="carrier-decoder"),
        pytest.param(carrier_suite("shares"), "every_socket_has_a_decoder_of_its_own", id="carrier-shares"),
        pytest.param(carrier_suite("xml"), "instructions_become_a_document", id="carrier-xml"),
        pytest.param(carrier_suite("forgets"), "instructions_become_a_document", id="carrier-forgets"),
    ],
)  # fmt: skip
def test_a_broken_promise_is_caught(suite: object, broken: str) -> None:
    assert f"test_{broken}" in failures(suite)
