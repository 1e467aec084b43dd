import asyncio
import math
import struct
from pathlib import Path

import pytest

from ringfence.audio.g711 import encode_mulaw
from ringfence.contracts import Listening, SpeechEngine
from ringfence.model.calls import CallSid, Party
from ringfence.model.errors import ConfigurationError, ProviderError
from ringfence.model.speech import SpeechEvent
from ringfence.speech.engines.sherpa import SherpaEngine, SherpaRecogniser, create, report
from ringfence.speech.options import SpeechChoice
from ringfence.speech.wire import Heard, Opening
from ringfence.testing.engine_conformance import SILENCE, SpeechEngineConformance

pytestmark = pytest.mark.unit


def tone(frequency_hz: float, ms: int = 300) -> bytes:
    samples = (9000 * math.sin(2 * math.pi * frequency_hz * n / 8000) for n in range(8 * ms))
    return encode_mulaw(b"".join(struct.pack("<h", round(sample)) for sample in samples))


HELLO, BIG, WORLD = tone(500), tone(1200), tone(2600)
PAUSE, END = SILENCE * 8 * 200, SILENCE * 8 * 1200


class _Tones(SpeechEngineConformance):
    words = ("hello", "big", "world")
    model = ""

    @pytest.fixture(autouse=True)
    def _folder(self, tone_models: Path) -> None:
        self.folder = tone_models / self.model

    def make_engine(self) -> SpeechEngine:
        return SherpaEngine({"": self.folder}, workers=1)

    def speech(self) -> bytes:
        return HELLO + PAUSE + BIG + PAUSE + WORLD

    def test_a_pause_ends_an_utterance(self) -> None:
        async def scenario(engine: SpeechEngine) -> list[SpeechEvent]:
            return await self.hear(
                await engine.open(self.listening()), HELLO + PAUSE + BIG + END + WORLD + END
            )

        finals = self.finals(self.run(scenario))
        assert [segment.text for segment in finals] == ["hello big", "world"]
        assert abs(finals[1].start_ms - 2000) <= 120


class TestCtcModel(_Tones):
    model = "tones-ctc"


class TestTransducerModel(_Tones):
    model = "tones-transducer"


del _Tones  # an abstract suite is not one to run


@pytest.mark.parametrize("model", ["tones-ctc", "tones-transducer"])
def test_calls_are_decoded_in_one_batch_and_do_not_mix(tone_models: Path, model: str) -> None:
    recogniser = SherpaRecogniser(str(tone_models / model))
    ears = [recogniser.open(Opening("en", False)) for _ in range(3)]
    heard: dict[int, list[Heard]] = {0: [], 1: [], 2: []}
    said = [HELLO + END, BIG + END, SILENCE * len(HELLO + END)]
    for start in range(0, len(said[0]), 800):
        for ear, audio in zip(ears, said, strict=True):
            ear.hear(audio[start : start + 800])
        for ear, words in recogniser.advance(ears):
            heard[ears.index(ear)].append(words)
    finals = {number: [words.text for words in told if words.is_final] for number, told in heard.items()}
    assert finals == {0: ["hello"], 1: ["big"], 2: []}


def test_offsets_go_on_after_audio_that_was_skipped(tone_models: Path) -> None:
    recogniser = SherpaRecogniser(str(tone_models / "tones-ctc"))
    ear = recogniser.open(Opening("en", False))
    ear.hear(SILENCE * 8 * 500)
    ear.skip(8 * 10_000)
    ear.hear(HELLO + END)
    final = [words for _, words in recogniser.advance([ear]) if words.is_final]
    assert abs(final[0].start_ms - 10_500) <= 120


def test_a_folder_without_a_model_is_told() -> None:
    async def main() -> None:
        engine = SherpaEngine({"": Path(__file__).parent}, workers=1)
        try:
            with pytest.raises(ProviderError, match=r"holds no tokens\.txt"):
                await engine.open(Listening(CallSid("CA1"), "+15550100", Party.REMOTE, "en"))
        finally:
            await engine.aclose()

    asyncio.run(main())


def test_its_report_says_which_model_to_get(tmp_path: Path) -> None:
    state = report(SpeechChoice(home=tmp_path, language="es-CL"))
    assert not state.usable
    assert state.remedy == "ringfence models get sherpa-es (156 MB)"
    with pytest.raises(ConfigurationError, match="sherpa-es"):
        create(SpeechChoice(home=tmp_path, language="es-CL"))


def test_a_wrong_name_in_the_settings_is_named(tmp_path: Path) -> None:
    state = report(SpeechChoice(home=tmp_path, sherpa_model="sherpa-xx"))
    assert not state.usable
    assert "RINGFENCE_SHERPA_MODEL" in state.remedy


def test_a_folder_of_ones_own_serves_any_language(tone_models: Path) -> None:
    choice = SpeechChoice(sherpa_model=str(tone_models / "tones-ctc"))

    async def main() -> bool:
        engine = create(choice)
        try:
            return engine.understands("fr")
        finally:
            await engine.aclose()

    assert report(choice).usable
    assert asyncio.run(main())


def test_a_language_without_a_model_is_not_understood(tone_models: Path) -> None:
    async def main() -> None:
        engine = SherpaEngine({"es": tone_models / "tones-ctc"}, workers=1)
        assert engine.understands("es-MX")
        assert not engine.understands("en")
        with pytest.raises(ProviderError, match="no model for 'en'"):
            await engine.open(Listening(CallSid("CA1"), "+15550100", Party.REMOTE, "en"))
        await engine.aclose()

    asyncio.run(main())
