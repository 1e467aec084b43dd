"""sherpa-onnx: streaming recognition on this machine, many calls in one batch.

Reads the streaming models of the k2-fsa project: a transducer (files `encoder*.onnx`, `decoder*.onnx`,
`joiner*.onnx`) or a Zipformer2 CTC model (one other `.onnx`), each with `tokens.txt`. `ringfence models get`
fetches some. https://k2-fsa.github.io/sherpa/onnx/pretrained_models/ (read 2026-10).
"""

import importlib.util
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ringfence.audio.resample import MulawToPcm
from ringfence.contracts import Listening, SpeechStream
from ringfence.model.errors import ConfigurationError, ProviderError
from ringfence.speech.models import folder_of, is_here, load_catalogue, model_folder
from ringfence.speech.options import EngineReport, SpeechChoice, primary_language
from ringfence.speech.wire import Heard, Opening
from ringfence.speech.workers import WorkerPool

NAME = "sherpa"
QUALITY = "good on clear lines, streaming; depends on the model"
PROVIDER = "ringfence.speech.engines.sherpa:SherpaRecogniser"
INSTALL = "pip install 'ringfence[sherpa]' (15 MB)"

RATE_HZ = 16_000
END_SILENCE_S = 0.6
"""Trailing silence that ends an utterance once something was said."""
LONGEST_S = 20.0
"""An utterance is ended after this long anyway: a warning cannot wait for the end of a speech."""
TAIL_S = 0.66
"""Silence given after the last audio, so that the model's look-ahead reaches the last word."""


def create(choice: SpeechChoice) -> "SherpaEngine":
    """Raises ConfigurationError when the package or a model is missing."""
    state = report(choice)
    if not state.usable:
        raise ConfigurationError(f"speech engine sherpa: {state.why}; {state.remedy}")
    return SherpaEngine(_folders(choice), choice.workers)


def report(choice: SpeechChoice) -> EngineReport:
    if importlib.util.find_spec("sherpa_onnx") is None:
        return EngineReport(NAME, False, "the package sherpa-onnx is not installed", INSTALL, QUALITY)
    folders = _folders(choice)
    if folders:
        languages = tuple(sorted(language for language in folders if language))
        names = ", ".join(sorted({folder.name for folder in folders.values()}))
        return EngineReport(NAME, True, f"model {names}", "", QUALITY, languages)
    return EngineReport(NAME, False, "no model is here", _remedy(choice), QUALITY)


def _folders(choice: SpeechChoice) -> dict[str, Path]:
    """Language -> folder of its model; the language of a person's own folder is not known: ''."""
    if choice.sherpa_model != "auto":
        folder = folder_of(choice.home, choice.sherpa_model)
        if folder is None:
            return {}
        known = next((model for model in load_catalogue() if model.name == choice.sherpa_model), None)
        return dict.fromkeys(known.languages if known else ("",), folder)
    return {
        language: model_folder(choice.home, model.name)
        for model in load_catalogue()
        if model.engine == NAME and is_here(choice.home, model)
        for language in model.languages
    }


def _remedy(choice: SpeechChoice) -> str:
    wanted = [model for model in load_catalogue() if model.engine == NAME]
    if choice.sherpa_model != "auto":
        wanted = [model for model in wanted if model.name == choice.sherpa_model]
        if not wanted:
            return f"RINGFENCE_SHERPA_MODEL names neither a model nor a folder: {choice.sherpa_model}"
    else:
        language = primary_language(choice.language)
        wanted = [model for model in wanted if language in model.languages] or wanted
    return "; ".join(f"ringfence models get {model.name} ({model.size_words})" for model in wanted)


class SherpaEngine:
    """Satisfies `contracts.SpeechEngine`."""

    name = NAME

    def __init__(self, folders: dict[str, Path], workers: int = 0) -> None:
        """`folders`: language -> model; the language '' stands for any."""
        self._by_language = folders
        self._pools = {
            folder: WorkerPool(NAME, PROVIDER, {"folder": str(folder)}, workers)
            for folder in folders.values()
        }

    def understands(self, language: str) -> bool:
        return self._folder(language) is not None

    async def open(self, listening: Listening) -> SpeechStream:
        folder = self._folder(listening.language)
        if folder is None:
            raise ProviderError(f"sherpa has no model for '{listening.language}'")
        return await self._pools[folder].open(listening)

    async def warm(self) -> None:
        await next(iter(self._pools.values())).warm()

    async def aclose(self) -> None:
        for pool in self._pools.values():
            await pool.aclose()

    def _folder(self, language: str) -> Path | None:
        return self._by_language.get(primary_language(language), self._by_language.get(""))


class SherpaRecogniser:
    """Lives in a worker; one call of `decode_streams` serves all ears that have enough audio."""

    def __init__(self, folder: str) -> None:
        self._recogniser = _load(Path(folder))

    def open(self, opening: Opening) -> "SherpaEar":
        return SherpaEar(self._recogniser.create_stream())

    def advance(self, ears: Sequence["SherpaEar"]) -> Iterable[tuple["SherpaEar", Heard]]:
        recogniser = self._recogniser
        while ready := [ear for ear in ears if recogniser.is_ready(ear.stream)]:
            recogniser.decode_streams([ear.stream for ear in ready])
            for ear in ready:
                if recogniser.is_endpoint(ear.stream):
                    if words := ear.words(recogniser, is_final=True):
                        yield ear, words
                    recogniser.reset(ear.stream)
        for ear in ears:
            if words := ear.words(recogniser, is_final=ear.finished):
                yield ear, words


class SherpaEar:
    """One party's stream in the recogniser."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.finished = False
        self._upsampler = MulawToPcm(RATE_HZ)
        self._skipped_ms = 0
        self._interim = ""

    def hear(self, mulaw: bytes) -> None:
        self._accept(self._upsampler.feed(mulaw))

    def skip(self, length: int) -> None:
        self._skipped_ms += length // 8

    def finish(self) -> None:
        self._accept(self._upsampler.flush() + bytes(2 * int(TAIL_S * RATE_HZ)))
        self.stream.input_finished()
        self.finished = True

    def close(self) -> None:
        """The stream is let go of with this object."""

    def words(self, recogniser: Any, *, is_final: bool) -> Heard | None:
        """What is recognised since the last final one, unless it is nothing, or was told already."""
        result = recogniser.get_result_all(self.stream)
        text = str(result.text).strip()
        if not text or (not is_final and text == self._interim):
            return None
        self._interim = "" if is_final else text
        offset_ms = round(result.start_time * 1000) + self._skipped_ms
        times = result.timestamps or [0.0]
        return Heard(
            text.lower() if text.isupper() else text,
            offset_ms + round(times[0] * 1000),
            offset_ms + round(times[-1] * 1000) + 100,  # a time stands at its token's beginning
            is_final,
        )

    def _accept(self, pcm: bytes) -> None:
        samples = np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32_768)
        self.stream.accept_waveform(RATE_HZ, samples)


def _load(folder: Path) -> Any:
    import sherpa_onnx

    common: dict[str, Any] = {
        "tokens": str(folder / "tokens.txt"),
        "num_threads": 1,
        "enable_endpoint_detection": True,
        "rule1_min_trailing_silence": 2.4,
        "rule2_min_trailing_silence": END_SILENCE_S,
        "rule3_min_utterance_length": LONGEST_S,
    }
    if not (folder / "tokens.txt").is_file():
        raise ConfigurationError(f"{folder} holds no tokens.txt")
    parts = {part: _pick(folder, part) for part in ("encoder", "decoder", "joiner")}
    if all(parts.values()):
        return sherpa_onnx.OnlineRecognizer.from_transducer(
            **{part: str(path) for part, path in parts.items()}, **common
        )
    single = [path for path in sorted(folder.glob("*.onnx")) if path not in parts.values()]
    if not single:
        raise ConfigurationError(f"{folder} holds neither a transducer nor a CTC model")
    model = _pick(folder, "") or single[0]
    return sherpa_onnx.OnlineRecognizer.from_zipformer2_ctc(model=str(model), **common)


def _pick(folder: Path, part: str) -> Path | None:
    """The file of that part; the 8-bit one where there are several."""
    found = sorted(folder.glob(f"{part}*.onnx"), key=lambda path: ("int8" not in path.name, path.name))
    return found[0] if found else None
