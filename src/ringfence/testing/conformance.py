"""What every provider of a kind has to keep, as test classes: subclass one, say how to make yours, run pytest.

    class TestAcme(SpeechEngineConformance):
        @asynccontextmanager
        async def running(self):
            yield AcmeEngine(...)

Each test is one promise of `contracts.py`. Nothing here needs pytest itself.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import ClassVar, TypeVar
from xml.etree import ElementTree as ET

from ringfence.contracts import (
    Analyst,
    Brief,
    Carrier,
    FormFields,
    Listening,
    SpeechEngine,
    SpeechStream,
    WebhookRequest,
)
from ringfence.model.assessment import AnalystReport, Indicator, Judgement
from ringfence.model.calls import CallInstructions, CallSid, Party, StreamInstruction
from ringfence.model.errors import ProviderError, WireFormatError
from ringfence.model.speech import AudioDropped, EngineSwitched, Segment, SpeechEvent, Utterance

SILENCE = b"\xff"  # zero in G.711 mu-law
BYTES_PER_MS = 8
FRAME_BYTES = 160
SLACK_MS = 1_500
"""Engines may place the end of what they heard a little late, never before its start."""

T = TypeVar("T")


class SpeechEngineConformance:
    """Promises of `SpeechEngine` and `SpeechStream`."""

    language: ClassVar[str] = "en"
    caller_number: ClassVar[str] = "+15550111"
    hears_words: ClassVar[bool] = True
    """Whether it understands `speech()`; a tiny model for tests may not."""
    deadline_s: ClassVar[float] = 60.0

    def running(self) -> AbstractAsyncContextManager[SpeechEngine]:
        """Your engine, ready; let it go afterwards."""
        raise NotImplementedError

    def speech(self) -> bytes:
        """A few seconds of somebody speaking `language`, mu-law at 8 kHz: the first words of a bundled call."""
        from ringfence.testing.script import load_script

        return load_script("pharmacy").track(Party.REMOTE)[: 8_000 * BYTES_PER_MS]

    def test_it_has_a_name_and_knows_what_it_understands(self) -> None:
        async def check(engine: SpeechEngine) -> None:
            assert engine.name
            assert engine.name == engine.name.strip().lower()
            assert engine.understands(self.language) is True
            for odd in ("", "x", "en-Latn-US-x-private", "zz", "auto"):
                assert engine.understands(odd) in (True, False)

        self._with_engine(check)

    def test_it_hears_words_and_places_them_in_the_audio(self) -> None:
        async def check(engine: SpeechEngine) -> None:
            stream = await engine.open(self._listening())
            speech = self.speech() + SILENCE * (1_000 * BYTES_PER_MS)
            for start in range(0, len(speech), FRAME_BYTES):
                stream.push(speech[start : start + FRAME_BYTES])
            await stream.finish()
            events = await _events(stream)
            await stream.aclose()
            final = [event for event in events if isinstance(event, Segment) and event.is_final]
            assert not self.hears_words or any(segment.text.strip() for segment in final)
            assert final == sorted(final, key=lambda segment: segment.start_ms)
            for segment in (event for event in events if isinstance(event, Segment)):
                assert segment.party is Party.REMOTE
                assert segment.engine == engine.name
                assert 0 <= segment.start_ms <= segment.end_ms <= len(speech) // BYTES_PER_MS + SLACK_MS
                assert segment.confidence is None or 0 <= segment.confidence <= 1

        self._with_engine(check)

    def test_silence_is_no_words(self) -> None:
        async def check(engine: SpeechEngine) -> None:
            stream = await engine.open(self._listening())
            stream.push(SILENCE * (3_000 * BYTES_PER_MS))
            await stream.finish()
            heard = [event.text for event in await _events(stream) if isinstance(event, Segment)]
            await stream.aclose()
            assert [text for text in heard if text.strip()] == []

        self._with_engine(check)

    def test_push_takes_any_length_at_any_time(self) -> None:
        async def check(engine: SpeechEngine) -> None:
            stream = await engine.open(self._listening())
            for length in (0, 1, 7, FRAME_BYTES, 4_001):
                stream.push(SILENCE * length)
            await stream.finish()
            stream.push(SILENCE * FRAME_BYTES)
            for event in await _events(stream):
                assert isinstance(event, Segment | EngineSwitched | AudioDropped)
            await stream.aclose()
            stream.push(SILENCE * FRAME_BYTES)

        self._with_engine(check)

    def test_a_stream_can_be_let_go_at_any_time_and_twice(self) -> None:
        async def check(engine: SpeechEngine) -> None:
            fresh = await engine.open(self._listening())
            await fresh.aclose()
            await fresh.aclose()
            busy = await engine.open(self._listening())
            busy.push(self.speech())
            await busy.aclose()
            await busy.aclose()

        self._with_engine(check)

    def test_two_parties_do_not_mix(self) -> None:
        async def check(engine: SpeechEngine) -> None:
            caller = await engine.open(self._listening(Party.REMOTE))
            called = await engine.open(self._listening(Party.SUBSCRIBER))
            caller.push(self.speech())
            called.push(SILENCE * len(self.speech()))
            await asyncio.gather(caller.finish(), called.finish())
            for stream, party in ((caller, Party.REMOTE), (called, Party.SUBSCRIBER)):
                segments = [event for event in await _events(stream) if isinstance(event, Segment)]
                assert all(segment.party is party for segment in segments)
                await stream.aclose()

        self._with_engine(check)

    def _listening(self, party: Party = Party.REMOTE) -> Listening:
        return Listening(CallSid("CA" + "0" * 32), self.caller_number, party, self.language)

    def _with_engine(self, check: Callable[[SpeechEngine], Awaitable[None]]) -> None:
        async def run() -> None:
            async with asyncio.timeout(self.deadline_s), self.running() as engine:
                await check(engine)

        asyncio.run(run())


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


async def _events(stream: SpeechStream) -> list[SpeechEvent]:
    return [event async for event in stream.events()]


def _only_wire_errors(read: Callable[[T], object], given: T) -> None:
    """Read it, or say with a WireFormatError that it cannot be read."""
    with suppress(WireFormatError):
        read(given)
