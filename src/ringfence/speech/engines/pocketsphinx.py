"""CMU pocketsphinx with the English model in its package: needs no download, no key and no network.

For demonstration. Through a telephone channel its wide-band model makes few errors on one synthetic voice and
is of no use on real calls (93 % of words wrong, measured on 12 clips): `QUALITY` says so wherever engines are
listed. Figures in comments: flite's `rms` voice, 30 sentences, mu-law at 8 kHz.
"""

import importlib.util
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ringfence.audio.resample import MulawToPcm
from ringfence.contracts import Listening, SpeechStream
from ringfence.speech.options import EngineReport, SpeechChoice, primary_language
from ringfence.speech.turns import TurnAudio, TurnBegan, TurnCutter, TurnEnded, TurnEvent
from ringfence.speech.voice import speech_judge
from ringfence.speech.wire import Heard, Opening
from ringfence.speech.workers import WorkerPool

NAME = "pocketsphinx"
QUALITY = "for demonstration only: 93 % of words wrong on real telephone calls, measured"
LANGUAGES = ("en",)
PROVIDER = "ringfence.speech.engines.pocketsphinx:PocketsphinxRecogniser"

RATE_HZ = 16_000  # of the bundled model
MIRROR = 0.3
"""The model was trained on 8 kHz of bandwidth; a telephone carries 4. Its upper filters are given a mirror image
of the lower half at this gain: 9.8 % word errors become 8.2 %; 0.1 and 0.6 are worse."""
DECODER = {"samprate": RATE_HZ, "fwdflat": False, "maxhmmpf": 5_000, "loglevel": "FATAL"}
"""No second pass over each turn: 7.7 % word errors instead of 8.2 %, and its time saved. At most 5,000 states a
frame: a third of the time saved at no cost in words. The decoder's defaults for the rest: other language weights,
narrower beams and fewer Gaussians all did worse."""
TELEPHONE = "53,4.5,5.5,19,4.5,-2,8,-10,-1,0,1,9,1"
"""Cepstral mean that a party's first turn starts from: between those of two voices over the telephone. With the
decoder's own start the first turns have 18 % word errors; with this 9 %. Later turns go on from the one before."""
INTERIM_EVERY_BYTES = 4_000
"""Half a second of audio between two looks at the words so far."""
SHORTEST_MS = 120
"""Less speech than this is a click or a breath."""


def create(choice: SpeechChoice) -> "PocketsphinxEngine":
    return PocketsphinxEngine(choice.workers)


def report(choice: SpeechChoice) -> EngineReport:
    usable = importlib.util.find_spec("pocketsphinx") is not None
    why = "bundled with its English model" if usable else "the package is missing"
    return EngineReport(
        NAME, usable, why, "" if usable else "pip install pocketsphinx (29 MB)", QUALITY, LANGUAGES
    )


class PocketsphinxEngine:
    """Satisfies `contracts.SpeechEngine`."""

    name = NAME

    def __init__(self, workers: int = 0) -> None:
        self._pool = WorkerPool(NAME, PROVIDER, {}, workers)

    def understands(self, language: str) -> bool:
        return primary_language(language) in LANGUAGES

    async def open(self, listening: Listening) -> SpeechStream:
        return await self._pool.open(listening)

    async def warm(self) -> None:
        await self._pool.warm()

    async def aclose(self) -> None:
        await self._pool.aclose()


class PocketsphinxRecogniser:
    """Lives in a worker. Decoders take 90 MB each, so ears borrow one only while somebody speaks."""

    def __init__(self) -> None:
        self._idle: list[Any] = [self._load()]

    def open(self, opening: Opening) -> "PocketsphinxEar":
        return PocketsphinxEar(self)

    def advance(self, ears: Sequence["PocketsphinxEar"]) -> Iterable[tuple["PocketsphinxEar", Heard]]:
        for ear in ears:
            for words in ear.take_words():
                yield ear, words

    def borrow(self) -> Any:
        return self._idle.pop() if self._idle else self._load()

    def give_back(self, decoder: Any) -> None:
        self._idle.append(decoder)

    @staticmethod
    def _load() -> Any:
        from pocketsphinx import Decoder

        return Decoder(**DECODER)


class PocketsphinxEar:
    """One party: cuts turns, and keeps the channel's mean (CMN) from turn to turn."""

    def __init__(self, recogniser: PocketsphinxRecogniser) -> None:
        self._recogniser = recogniser
        self._cutter = TurnCutter(speech_judge())
        self._decoder: Any = None
        self._upsampler = MulawToPcm(RATE_HZ)
        self._channel = TELEPHONE
        self._start_byte = 0
        self._fed = 0
        self._looked_at = 0
        self._interim = ""
        self._words: list[Heard] = []

    def hear(self, mulaw: bytes) -> None:
        self._follow(self._cutter.feed(mulaw))

    def skip(self, length: int) -> None:
        self._follow(self._cutter.skip(length))

    def finish(self) -> None:
        self._follow(self._cutter.flush())

    def close(self) -> None:
        if self._decoder is not None:
            self._end_turn()

    def take_words(self) -> list[Heard]:
        words, self._words = self._words, []
        return words

    def _follow(self, events: list[TurnEvent]) -> None:
        for event in events:
            if isinstance(event, TurnBegan):
                self._begin_turn(event.start_byte)
            elif isinstance(event, TurnAudio):
                self._listen(event.mulaw)
            elif isinstance(event, TurnEnded):
                text = self._end_turn()
                if text and event.voiced_ms >= SHORTEST_MS:
                    self._words.append(Heard(text, self._start_byte // 8, event.end_byte // 8))

    def _begin_turn(self, start_byte: int) -> None:
        self._decoder = self._recogniser.borrow()
        self._decoder.set_cmn(self._channel)
        self._decoder.start_utt()
        self._upsampler = MulawToPcm(RATE_HZ)
        self._start_byte, self._fed, self._looked_at, self._interim = start_byte, 0, 0, ""

    def _listen(self, mulaw: bytes) -> None:
        self._decoder.process_raw(mirrored(self._upsampler.feed(mulaw)))
        self._fed += len(mulaw)
        if self._fed - self._looked_at >= INTERIM_EVERY_BYTES:
            self._looked_at = self._fed
            text = _text(self._decoder.hyp())
            if text and text != self._interim:
                self._interim = text
                end_ms = (self._start_byte + self._fed) // 8
                self._words.append(Heard(text, self._start_byte // 8, end_ms, is_final=False))

    def _end_turn(self) -> str:
        decoder, self._decoder = self._decoder, None
        decoder.end_utt()
        self._channel = decoder.get_cmn(True)
        text = _text(decoder.hyp())
        self._recogniser.give_back(decoder)
        return text


def mirrored(pcm: bytes) -> bytes:
    """16 kHz PCM without anything above 4 kHz -> the same with a mirror image of it there, at gain MIRROR.

    Turning every other sample's sign mirrors the spectrum about a quarter of the sampling rate."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float32)
    samples[0::2] *= 1 + MIRROR
    samples[1::2] *= 1 - MIRROR
    return np.clip(samples, -32_768, 32_767).astype("<i2").tobytes()


def _text(hypothesis: Any) -> str:
    """Words only: no fillers such as `<sil>` or `[NOISE]`, no marks of a word's second pronunciation."""
    if hypothesis is None:
        return ""
    words = (word.partition("(")[0] for word in hypothesis.hypstr.split())
    return " ".join(word for word in words if word and word[0] not in "<[+")
