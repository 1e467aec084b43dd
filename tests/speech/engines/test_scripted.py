import asyncio

import pytest

from ringfence.contracts import Listening, SpeechEngine
from ringfence.model.calls import CallSid, Party
from ringfence.model.errors import ProviderError
from ringfence.model.speech import Segment
from ringfence.speech.engines.scripted import SPOKEN_AFTER_MS, ScriptedEngine, create, report
from ringfence.speech.options import ScriptedLine, SpeechChoice
from ringfence.testing.engine_conformance import SILENCE, SpeechEngineConformance

pytestmark = pytest.mark.unit

CALLER = "+56900000001"
LINES = (
    ScriptedLine(Party.REMOTE, 0, 2000, "buenos días llamo del banco"),
    ScriptedLine(Party.SUBSCRIBER, 2500, 3000, "dígame"),
    ScriptedLine(Party.REMOTE, 3500, 5000, "necesito su clave"),
)


def listening(party: Party, caller: str = CALLER) -> Listening:
    return Listening(CallSid("CA1"), caller, party, "es")


def after(party: Party, ms: int) -> list[Segment]:
    """What was told when so much audio had been pushed."""

    async def main() -> list[Segment]:
        stream = await ScriptedEngine({CALLER: LINES}).open(listening(party))
        for _ in range(0, ms, 100):
            stream.push(SILENCE * 800)
        await stream.aclose()
        return [event async for event in stream.events() if isinstance(event, Segment)]

    return asyncio.run(main())


def test_a_line_is_told_when_its_audio_has_been_heard_to_the_end() -> None:
    early = after(Party.REMOTE, 2000 + SPOKEN_AFTER_MS - 100)
    assert not any(segment.is_final for segment in early)
    finals = [segment for segment in after(Party.REMOTE, 2000 + SPOKEN_AFTER_MS) if segment.is_final]
    assert finals == [Segment(Party.REMOTE, "buenos días llamo del banco", 0, 2000, True, 1.0, "scripted")]


def test_the_words_so_far_grow_with_the_audio() -> None:
    interim = [segment.text for segment in after(Party.REMOTE, 1300)]
    assert interim == ["buenos", "buenos días", "buenos días llamo"]


def test_each_party_has_its_own_lines() -> None:
    finals = [segment.text for segment in after(Party.SUBSCRIBER, 9000) if segment.is_final]
    assert finals == ["dígame"]


def test_lines_that_were_not_reached_are_not_told() -> None:
    async def main() -> list[Segment]:
        stream = await ScriptedEngine({CALLER: LINES}).open(listening(Party.REMOTE))
        stream.push(SILENCE * 8 * 4000)
        await stream.finish()
        return [event async for event in stream.events() if isinstance(event, Segment)]

    finals = [segment.text for segment in asyncio.run(main()) if segment.is_final]
    assert finals == ["buenos días llamo del banco"]


def test_an_unknown_caller_is_left_to_the_next_engine() -> None:
    with pytest.raises(ProviderError, match="no script"):
        asyncio.run(ScriptedEngine({CALLER: LINES}).open(listening(Party.REMOTE, "+15550199")))


def test_without_scripts_it_understands_nothing_and_says_so() -> None:
    assert not create(SpeechChoice()).understands("es")
    assert not report(SpeechChoice()).usable
    assert report(SpeechChoice(scripts={CALLER: LINES})).usable


class TestScripted(SpeechEngineConformance):
    caller_number = CALLER
    words = ("buenos", "banco", "clave")

    def make_engine(self) -> SpeechEngine:
        shifted = [
            ScriptedLine(line.party, line.start_ms + 600, line.end_ms + 600, line.text)
            for line in LINES
            if line.party is Party.REMOTE
        ]
        return ScriptedEngine({CALLER: shifted})

    def speech(self) -> bytes:
        return SILENCE * (8 * 5700)

    def test_silence_has_no_words(self) -> None:
        """It does not listen: silence as long as its script is its script. Before the first line it is silent."""

        async def scenario(engine: SpeechEngine) -> list[Segment]:
            stream = await engine.open(self.listening())
            return self.finals(await self.hear(stream, SILENCE * (8 * 500)))

        assert self.run(scenario) == []

    def test_two_parties_at_once_do_not_mix(self) -> None:
        async def scenario(engine: SpeechEngine) -> list[Segment]:
            stream = await engine.open(self.listening(Party.SUBSCRIBER))
            return self.finals(await self.hear(stream, self.speech()))

        assert self.run(scenario) == []
