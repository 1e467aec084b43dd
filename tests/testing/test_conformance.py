"""The suites accept a provider that keeps its promises, and catch one that breaks any."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from ringfence.contracts import Analyst, Brief, Carrier, WebhookRequest
from ringfence.model.assessment import AnalystReport
from ringfence.model.calls import CallInstructions
from ringfence.model.errors import ProviderError
from ringfence.model.media import MediaCounters
from ringfence.testing.conformance import AnalystConformance, CarrierConformance

pytestmark = pytest.mark.unit


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


@pytest.mark.parametrize("suite", [analyst_suite(), carrier_suite()], ids=["analyst", "carrier"])
def test_a_provider_that_keeps_its_promises_passes(suite: object) -> None:
    assert failures(suite) == set()


@pytest.mark.parametrize(
    ("suite", "broken"),
    [
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
