import asyncio

import jiwer
import numpy as np
import pytest

from ringfence.contracts import SpeechEngine
from ringfence.model.speech import Segment, SpeechEvent
from ringfence.speech.engines.pocketsphinx import MIRROR, PocketsphinxEngine, create, mirrored, report
from ringfence.speech.options import SpeechChoice
from ringfence.testing.engine_conformance import SILENCE, SpeechEngineConformance

pytestmark = pytest.mark.unit


class TestPocketsphinx(SpeechEngineConformance):
    words = ("can", "read", "six", "numbers", "text", "message")

    @pytest.fixture(autouse=True)
    def _clip(self, six_numbers: bytes, urgent: bytes) -> None:
        self.clip, self.other_clip = six_numbers, urgent

    def make_engine(self) -> SpeechEngine:
        return PocketsphinxEngine(workers=1)

    def speech(self) -> bytes:
        return self.clip

    def test_a_synthetic_voice_over_the_telephone_is_understood_word_for_word(self) -> None:
        async def scenario(engine: SpeechEngine) -> list[SpeechEvent]:
            audio = self.clip + SILENCE * 8000 + self.other_clip + SILENCE * 8000
            return await self.hear(await engine.open(self.listening()), audio)

        finals = self.finals(self.run(scenario))
        said = [
            "can you read me the six numbers in the text message",
            "this is very urgent and it must be done before noon today",
        ]
        assert len(finals) == 2
        assert jiwer.wer(" ".join(said), " ".join(segment.text for segment in finals)) < 0.15
        assert abs(finals[1].start_ms - (len(self.clip) // 8 + 1000 + 300)) < 300

    def test_words_so_far_come_while_one_speaks(self) -> None:
        async def scenario(engine: SpeechEngine) -> list[SpeechEvent]:
            return await self.hear(await engine.open(self.listening()), self.clip + SILENCE * 8000)

        events = [event for event in self.run(scenario) if isinstance(event, Segment)]
        interim = [event for event in events if not event.is_final]
        assert interim
        assert events[-1].is_final
        assert all(event.end_ms <= events[-1].end_ms + 700 for event in interim)
        assert not any(set("<[(+") & set(event.text) for event in events)

    def test_speakers_at_once_share_one_process(self) -> None:
        async def scenario(engine: SpeechEngine) -> list[list[Segment]]:
            streams = [await engine.open(self.listening()) for _ in range(3)]
            heard = await asyncio.gather(*(self.hear(stream, self.clip) for stream in streams))
            return [self.finals(events) for events in heard]

        texts = {" ".join(segment.text for segment in finals) for finals in self.run(scenario)}
        assert len(texts) == 1
        assert "six numbers" in texts.pop()


def test_it_knows_english_only() -> None:
    async def main() -> list[bool]:
        engine = create(SpeechChoice())
        try:
            return [engine.understands(language) for language in ("en", "en-GB", "es", "auto")]
        finally:
            await engine.aclose()

    assert asyncio.run(main()) == [True, True, False, False]


def test_its_report_is_honest_about_quality() -> None:
    state = report(SpeechChoice())
    assert state.usable
    assert "93 %" in state.quality


def test_the_upper_half_of_the_spectrum_mirrors_the_lower() -> None:
    seconds = np.arange(16_000) / 16_000
    tone = (5000 * np.sin(2 * np.pi * 1000 * seconds)).astype("<i2")
    spectrum = np.abs(np.fft.rfft(np.frombuffer(mirrored(tone.tobytes()), "<i2").astype(float)))
    assert spectrum.argsort()[-2:].tolist() == [7000, 1000]
    assert spectrum[7000] / spectrum[1000] == pytest.approx(MIRROR, rel=0.02)
