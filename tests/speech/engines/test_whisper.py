import asyncio
from pathlib import Path

import pytest

from ringfence.contracts import SpeechEngine
from ringfence.model.calls import Party
from ringfence.model.errors import ConfigurationError, ProviderError
from ringfence.model.speech import Segment, SpeechEvent
from ringfence.speech.engines.whisper import WhisperEngine, agreed_beginning, create, report
from ringfence.speech.options import SpeechChoice
from ringfence.testing.engine_conformance import SILENCE, SpeechEngineConformance

pytestmark = pytest.mark.unit


class TestWhisper(SpeechEngineConformance):
    words = ("this", "is", "your", "bank")

    @pytest.fixture(autouse=True)
    def _model(self, tiny_whisper: Path, six_numbers: bytes) -> None:
        self.model, self.clip = tiny_whisper, six_numbers

    def make_engine(self) -> SpeechEngine:
        return WhisperEngine(self.model, workers=1)

    def speech(self) -> bytes:
        return self.clip

    def test_each_turn_is_one_segment(self) -> None:
        async def scenario(engine: SpeechEngine) -> list[SpeechEvent]:
            audio = self.clip + SILENCE * 8000 + self.clip + SILENCE * 8000
            return await self.hear(await engine.open(self.listening()), audio)

        finals = self.finals(self.run(scenario))
        assert [segment.text for segment in finals] == ["this is your bank"] * 2
        assert finals[0].confidence == 1.0
        assert finals[1].start_ms > finals[0].end_ms + 1000

    def test_words_on_which_two_looks_agree_come_while_one_speaks(self) -> None:
        async def scenario(engine: SpeechEngine) -> list[Segment]:
            stream = await engine.open(self.listening())
            speech = self.clip[8 * 400 : -8 * 500] * 3
            for start in range(0, len(speech), 800):
                stream.push(speech[start : start + 800])
                await asyncio.sleep(0.002)
            async for event in stream.events():
                assert isinstance(event, Segment)
                await stream.aclose()
                return [event]
            return []

        (first,) = self.run(scenario)
        assert not first.is_final
        assert first.text == "this is your bank"

    def test_a_recording_is_heard_again_as_a_whole(self) -> None:
        async def main() -> tuple[Segment, ...]:
            engine = WhisperEngine(self.model, workers=1)
            try:
                return await engine.review(SILENCE * 16_000 + self.clip, self.listening(Party.SUBSCRIBER))
            finally:
                await engine.aclose()

        segments = asyncio.run(main())
        assert segments
        assert {(one.text, one.party, one.is_final) for one in segments} == {
            ("this is your bank", Party.SUBSCRIBER, True)
        }
        assert segments[0].start_ms >= 1900

    def test_a_recording_of_silence_has_no_words(self) -> None:
        async def main() -> tuple[Segment, ...]:
            engine = WhisperEngine(self.model, workers=1)
            try:
                return await engine.review(SILENCE * 40_000, self.listening())
            finally:
                await engine.aclose()

        assert asyncio.run(main()) == ()

    def test_a_damaged_model_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "model.bin").write_bytes(b"nothing")

        async def main() -> None:
            engine = WhisperEngine(tmp_path, workers=1)
            try:
                with pytest.raises(ProviderError, match="whisper: "):
                    await engine.open(self.listening())
            finally:
                await engine.aclose()

        asyncio.run(main())


def test_its_report_says_what_to_get(tmp_path: Path) -> None:
    state = report(SpeechChoice(home=tmp_path))
    assert not state.usable
    assert state.remedy == "ringfence models get whisper-small (486 MB)"
    with pytest.raises(ConfigurationError, match="whisper-small"):
        create(SpeechChoice(home=tmp_path))


def test_a_folder_of_ones_own_is_used(tiny_whisper: Path) -> None:
    choice = SpeechChoice(whisper_model=str(tiny_whisper))
    assert report(choice).usable

    async def main() -> list[bool]:
        engine = create(choice)
        try:
            return [engine.understands(language) for language in ("es-CL", "auto", "tlh")]
        finally:
            await engine.aclose()

    assert asyncio.run(main()) == [True, True, False]


@pytest.mark.parametrize(
    ("earlier", "later", "agreed"),
    [
        ("hello this", "Hello, this is", "Hello, this"),
        ("", "hello", ""),
        ("we are the bank", "we are a bank", "we are"),
    ],
)
def test_only_words_that_stay_the_same_are_told(earlier: str, later: str, agreed: str) -> None:
    assert agreed_beginning(earlier.split(), later.split()) == agreed.split()
