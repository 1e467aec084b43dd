"""What every analyst and every carrier has to keep, as test classes: subclass one, say how to make yours, run pytest.

    class TestAcme(CarrierConformance):
        def carrier(self) -> Carrier:
            return AcmeCarrier(...)

Each test is one promise of `contracts.py`. Engines have theirs in `engine_conformance`. Nothing needs pytest itself.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import ClassVar, TypeVar
from xml.etree import ElementTree as ET

from ringfence.contracts import Analyst, Brief, Carrier, FormFields, WebhookRequest
from ringfence.model.assessment import AnalystReport, Indicator, Judgement
from ringfence.model.calls import CallInstructions, Party, StreamInstruction
from ringfence.model.errors import ProviderError, WireFormatError
from ringfence.model.speech import Utterance

T = TypeVar("T")


class AnalystConformance:
    """Promises of `Analyst`."""

    deadline_s: ClassVar[float] = 30.0

    def answering(self) -> AbstractAsyncContextManager[Analyst]:
        """Your analyst with a model behind it that answers as its vendor says."""
        raise NotImplementedError

    def failing(self) -> AbstractAsyncContextManager[Analyst]:
        """Your analyst with a model behind it that is down, or talks nonsense."""
        raise NotImplementedError

    def test_it_answers_with_a_report(self) -> None:
        async def check(analyst: Analyst) -> None:
            assert analyst.name
            for final in (False, True):
                report = await analyst.analyse(a_brief(final=final))
                assert isinstance(report, AnalystReport)
                assert 0 <= report.score <= 1
                assert report.cost_usd >= 0
                assert isinstance(report.explanation, str)
                assert all(label and isinstance(words, str) for label, words in report.indicators)

        self._run(self.answering, check)

    def test_a_call_without_words_is_no_fault(self) -> None:
        async def check(analyst: Analyst) -> None:
            assert 0 <= (await analyst.analyse(a_brief(()))).score <= 1

        self._run(self.answering, check)

    def test_failure_is_a_provider_error(self) -> None:
        async def check(analyst: Analyst) -> None:
            try:
                await analyst.analyse(a_brief())
            except ProviderError:
                return
            raise AssertionError("a model that fails must end in ProviderError")

        self._run(self.failing, check)

    def _run(
        self,
        made: Callable[[], AbstractAsyncContextManager[Analyst]],
        check: Callable[[Analyst], Awaitable[None]],
    ) -> None:
        async def run() -> None:
            async with asyncio.timeout(self.deadline_s), made() as analyst:
                await check(analyst)

        asyncio.run(run())


class CarrierConformance:
    """Promises of `Carrier` and `MediaDecoder` that do not depend on whose wire format it is."""

    GARBAGE: ClassVar[tuple[bytes, ...]] = (
        b"",
        b"\x00",
        b"{",
        b"[]",
        b"{}",
        b"null",
        b"\xff\xfe",
        b"a=%zz&&=",
        b"[" * 2_000,
    )

    def carrier(self) -> Carrier:
        """Yours, with the secret that verifies requests."""
        raise NotImplementedError

    def without_secret(self) -> Carrier:
        """Yours, without it."""
        raise NotImplementedError

    def test_it_says_whether_it_is_configured(self) -> None:
        assert self.carrier().name
        assert self.carrier().is_configured
        assert not self.without_secret().is_configured

    def test_an_unsigned_request_is_refused_and_never_an_exception(self) -> None:
        for carrier in (self.carrier(), self.without_secret()):
            for body in self.GARBAGE:
                for headers in (
                    {},
                    {"content-type": "application/x-www-form-urlencoded"},
                    {"content-type": "é"},
                ):
                    for target in ("/", "", "//", "/%ff?%", "*"):
                        request = WebhookRequest("POST", target, headers, body)
                        assert carrier.verify(request) is False
            upgrade = WebhookRequest("GET", "/", {}, is_websocket=True)
            assert carrier.verify(upgrade) is False

    def test_a_form_that_cannot_be_read_is_a_wire_format_error(self) -> None:
        carrier = self.carrier()
        forms: tuple[FormFields, ...] = ((), (("CallSid", ""),), (("\x00", "\x00"),))
        for form in forms:
            _only_wire_errors(carrier.read_incoming_call, form)
            _only_wire_errors(carrier.read_call_status, form)
            _only_wire_errors(carrier.read_stream_status, form)

    def test_a_message_that_cannot_be_read_is_a_wire_format_error(self) -> None:
        decoder = self.carrier().media_decoder()
        messages: tuple[bytes | str, ...] = (*self.GARBAGE, "", "é", '{"event":1}', '{"event":"media"}')
        for message in messages:
            _only_wire_errors(decoder.decode, message)

    def test_every_socket_has_a_decoder_of_its_own(self) -> None:
        carrier = self.carrier()
        first, second = carrier.media_decoder(), carrier.media_decoder()
        assert first is not second
        assert first.counters is not second.counters

    def test_instructions_become_a_document(self) -> None:
        stream = StreamInstruction(
            "wss://calls.example.org/media", {"pass": "a&b<c>"}, "https://calls.example.org/status"
        )
        for instructions in (
            CallInstructions(),
            CallInstructions(
                notice='Listen & "stay" <calm>', language="es", stream=stream, connect_to="+15550100"
            ),
        ):
            document = self.carrier().render(instructions)
            assert ET.fromstring(document) is not None
            assert (instructions.connect_to or "") in document
            assert (instructions.stream.url if instructions.stream else "") in document


def a_brief(
    words: tuple[str, ...] = ("This is your bank.", "Read me the code."), *, final: bool = False
) -> Brief:
    """What an analyst is asked about, with evidence of the local detector."""
    transcript = tuple(
        Utterance(index, Party.REMOTE, text, index * 2_000, index * 2_000 + 1_500)
        for index, text in enumerate(words)
    )
    found = tuple(
        Indicator("asks_code", "Asks for a one-time code", utterance.index, utterance.text, 2.0)
        for utterance in transcript[1:]
    )
    return Brief("en", transcript, Judgement(0.6 if found else 0.1, found, not found, "en"), final)


def _only_wire_errors(read: Callable[[T], object], given: T) -> None:
    """Read it, or say with a WireFormatError that it cannot be read."""
    with suppress(WireFormatError):
        read(given)
