"""faster-whisper on this machine: turns of a live call, and the whole recording once more after it.

Whisper hears windows, not streams: a turn is recognised when the speaker pauses, and every few seconds before;
of those looks ahead only the words on which two of them agree are told. Needs a model in CTranslate2's form;
`ringfence models get whisper-small` fetches one. https://github.com/SYSTRAN/faster-whisper (read 2026-10).
"""

import importlib.util
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ringfence.audio.resample import MulawToPcm
from ringfence.contracts import Listening, SpeechStream
from ringfence.model.errors import ConfigurationError, ProviderError
from ringfence.model.speech import Segment
from ringfence.speech.models import find_model, folder_of
from ringfence.speech.options import EngineReport, SpeechChoice, primary_language
from ringfence.speech.turns import TurnAudio, TurnBegan, TurnCutter, TurnEnded, TurnEvent
from ringfence.speech.voice import speech_judge
from ringfence.speech.wire import Heard, Opening
from ringfence.speech.workers import WorkerPool

NAME = "whisper"
QUALITY = "good, many languages; heavy: about one call a core with the small model"
PROVIDER = "ringfence.speech.engines.whisper:WhisperRecogniser"
INSTALL = "pip install 'ringfence[whisper]' (140 MB)"

RATE_HZ = 16_000
LOOK_AHEAD_BYTES = 3_000 * 8
"""Three seconds of a running turn between two looks at it."""
SHORTEST_MS = 160
NO_SPEECH_ABOVE = 0.6
UNSURE_BELOW = -1.0
"""Whisper invents words for noise; it then says so in both figures at once (the thresholds of its authors)."""
PUSHED_AT_ONCE = 1 << 16


def create(choice: SpeechChoice) -> "WhisperEngine":
    """Raises ConfigurationError when the package or the model is missing."""
    state = report(choice)
    folder = folder_of(choice.home, choice.whisper_model)
    if not state.usable or folder is None:
        raise ConfigurationError(f"speech engine whisper: {state.why}; {state.remedy}")
    return WhisperEngine(folder, choice.workers)


def report(choice: SpeechChoice) -> EngineReport:
    if importlib.util.find_spec("faster_whisper") is None:
        return EngineReport(NAME, False, "the package faster-whisper is not installed", INSTALL, QUALITY)
    if folder_of(choice.home, choice.whisper_model) is not None:
        return EngineReport(NAME, True, f"model {choice.whisper_model}", "", QUALITY)
    model = find_model(choice.whisper_model)
    remedy = (
        f"ringfence models get {model.name} ({model.size_words})"
        if model
        else f"RINGFENCE_WHISPER_MODEL names neither a model nor a folder: {choice.whisper_model}"
    )
    return EngineReport(NAME, False, "its model is not here", remedy, QUALITY)


class WhisperEngine:
    """Satisfies `contracts.SpeechEngine` and `contracts.CallReviewer`."""

    name = NAME

    def __init__(self, folder: Path, workers: int = 0) -> None:
        options = {"folder": str(folder)}
        self._live = WorkerPool(NAME, PROVIDER, options, workers)
        self._review = WorkerPool(
            NAME, PROVIDER, options, 1
        )  # minutes of work must not stand before a live call

    def understands(self, language: str) -> bool:
        return language == "auto" or primary_language(language) in _languages()

    async def open(self, listening: Listening) -> SpeechStream:
        return await self._live.open(listening)

    async def review(self, mulaw: bytes, listening: Listening) -> tuple[Segment, ...]:
        """Takes about as long as the recording on one core. Raises ProviderError."""
        stream = await self._review.open(listening, whole=True)
        try:
            for start in range(0, len(mulaw), PUSHED_AT_ONCE):
                stream.push(mulaw[start : start + PUSHED_AT_ONCE])
            await stream.finish()
            return tuple([event async for event in stream.events() if isinstance(event, Segment)])
        finally:
            await stream.aclose()

    async def warm(self) -> None:
        await self._live.warm()

    async def aclose(self) -> None:
        await self._live.aclose()
        await self._review.aclose()


def _languages() -> frozenset[str]:
    try:
        from faster_whisper.tokenizer import _LANGUAGE_CODES
    except ImportError as error:
        raise ProviderError("the package faster-whisper is not installed") from error
    return frozenset(_LANGUAGE_CODES)


class WhisperRecogniser:
    """Lives in a worker; one thread, so that the workers together use each core once."""

    def __init__(self, folder: str) -> None:
        from faster_whisper import WhisperModel

        self._model = WhisperModel(
            folder, device="auto", compute_type="auto", cpu_threads=1, num_workers=1, local_files_only=True
        )

    def open(self, opening: Opening) -> "WhisperEar | RecordingEar":
        language = None if opening.language == "auto" else primary_language(opening.language)
        return RecordingEar(language) if opening.whole else WhisperEar(language)

    def advance(
        self, ears: Sequence["WhisperEar | RecordingEar"]
    ) -> Iterable[tuple["WhisperEar | RecordingEar", Heard]]:
        for ear in ears:
            for words in ear.recognise(self):
                yield ear, words

    def words(self, audio: NDArray[np.float32], language: str | None, **care: Any) -> list[Any]:
        """Whisper's segments that are likely to be speech."""
        segments, _ = self._model.transcribe(
            audio,
            language=language,
            condition_on_previous_text=False,
            temperature=0.0,
            **care,
        )
        return [
            segment
            for segment in segments
            if segment.text.strip()
            and not (segment.no_speech_prob > NO_SPEECH_ABOVE and segment.avg_logprob < UNSURE_BELOW)
        ]


class RecordingEar:
    """Takes in a whole recording; recognises it at its end, with care."""

    def __init__(self, language: str | None) -> None:
        self._language = language
        self._mulaw = bytearray()
        self._finished = False

    def hear(self, mulaw: bytes) -> None:
        self._mulaw += mulaw

    def skip(self, length: int) -> None:
        self._mulaw += b"\xff" * length

    def finish(self) -> None:
        self._finished = True

    def close(self) -> None:
        self._mulaw.clear()

    def recognise(self, recogniser: WhisperRecogniser) -> Iterable[Heard]:
        if self._finished and self._mulaw:
            for segment in recogniser.words(
                _samples(bytes(self._mulaw)), self._language, beam_size=5, vad_filter=True
            ):
                yield Heard(
                    segment.text.strip(),
                    round(segment.start * 1000),
                    round(segment.end * 1000),
                    confidence=_confidence([segment]),
                )


class WhisperEar:
    """One party of a live call: its turns."""

    def __init__(self, language: str | None) -> None:
        self._language = language
        self._cutter = TurnCutter(speech_judge())
        self._turn = bytearray()
        self._start_byte = 0
        self._looked_at = 0
        self._last_look: list[str] = []
        self._told = ""
        self._ended: list[tuple[int, int, bytes]] = []  # turns to recognise: start, end, mu-law

    def hear(self, mulaw: bytes) -> None:
        self._follow(self._cutter.feed(mulaw))

    def skip(self, length: int) -> None:
        self._follow(self._cutter.skip(length))

    def finish(self) -> None:
        self._follow(self._cutter.flush())

    def close(self) -> None:
        self._turn.clear()
        self._ended.clear()

    def recognise(self, recogniser: WhisperRecogniser) -> Iterable[Heard]:
        ended, self._ended = self._ended, []
        for start_byte, end_byte, mulaw in ended:
            found = recogniser.words(_samples(mulaw), self._language, beam_size=2, without_timestamps=True)
            text = " ".join(segment.text.strip() for segment in found)
            if text:
                yield Heard(text, start_byte // 8, end_byte // 8, confidence=_confidence(found))
        if self._cutter.in_turn and len(self._turn) - self._looked_at >= LOOK_AHEAD_BYTES:
            self._looked_at = len(self._turn)
            found = recogniser.words(
                _samples(bytes(self._turn)), self._language, beam_size=1, without_timestamps=True
            )
            look = " ".join(segment.text.strip() for segment in found).split()
            text = " ".join(agreed_beginning(self._last_look, look))
            self._last_look = look
            if text and text != self._told:
                self._told = text
                end_ms = (self._start_byte + len(self._turn)) // 8
                yield Heard(text, self._start_byte // 8, end_ms, is_final=False)

    def _follow(self, events: list[TurnEvent]) -> None:
        for event in events:
            if isinstance(event, TurnBegan):
                self._start_byte, self._looked_at, self._last_look, self._told = event.start_byte, 0, [], ""
                self._turn.clear()
            elif isinstance(event, TurnAudio):
                self._turn += event.mulaw
            elif isinstance(event, TurnEnded):
                if event.voiced_ms >= SHORTEST_MS:
                    self._ended.append((self._start_byte, event.end_byte, bytes(self._turn)))
                self._turn.clear()


def agreed_beginning(earlier: Sequence[str], later: Sequence[str]) -> list[str]:
    """The words two looks at a running turn have in common from its start; case and points do not matter."""
    agreed: list[str] = []
    for one, other in zip(earlier, later, strict=False):
        if one.strip(".,;:!?…").casefold() != other.strip(".,;:!?…").casefold():
            break
        agreed.append(other)
    return agreed


def _samples(mulaw: bytes) -> NDArray[np.float32]:
    upsampler = MulawToPcm(RATE_HZ)
    pcm = upsampler.feed(mulaw) + upsampler.flush()
    return np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32_768)


def _confidence(segments: Sequence[Any]) -> float | None:
    """Mean probability of a token."""
    if not segments:
        return None
    return round(math.exp(sum(segment.avg_logprob for segment in segments) / len(segments)), 3)
