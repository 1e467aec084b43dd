"""Cut a party's audio where the speaker pauses (pure: what is speech is decided by an argument)."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

FRAME_BYTES = 160  # 20 ms of mu-law
BYTES_PER_MS = 8

PAUSES_MS = ((0, 600), (6_000, 400), (10_000, 240), (20_000, 0))
"""A turn as long as the first figure ends with a pause as long as the second. A monologue is thus cut at its
smaller and smaller pauses, and after 20 s anywhere: a warning cannot wait for the end of a speech."""
PREROLL_FRAMES = 12
"""Audio before the first recognised speech that belongs to it: soft beginnings are recognised late."""
ONSET_OF, ONSET_NEEDED = 5, 3
"""A turn begins when so many of the latest frames are speech."""


@dataclass(frozen=True, slots=True)
class TurnBegan:
    start_byte: int
    """Offset into the party's audio."""


@dataclass(frozen=True, slots=True)
class TurnAudio:
    mulaw: bytes


@dataclass(frozen=True, slots=True)
class TurnEnded:
    end_byte: int
    """Where the speech ended; the audio told goes on into the pause."""
    voiced_ms: int
    """How much of it was speech. A cough is short."""


TurnEvent = TurnBegan | TurnAudio | TurnEnded


class TurnCutter:
    """One party's turns. Audio goes in at any length; only turns, with a little before and after, come out."""

    def __init__(self, is_speech: Callable[[bytes], bool]) -> None:
        self._is_speech = is_speech
        self._pending = bytearray()
        self._offset = 0  # bytes judged so far
        self._before: deque[bytes] = deque(maxlen=PREROLL_FRAMES)
        self._recent: deque[bool] = deque(maxlen=ONSET_OF)
        self._turn: bytearray | None = None  # audio of the turn not yet told
        self._turn_frames = 0
        self._voiced_frames = 0
        self._pause_frames = 0

    @property
    def in_turn(self) -> bool:
        return self._turn is not None

    def feed(self, mulaw: bytes) -> list[TurnEvent]:
        told: list[TurnEvent] = []
        self._pending += mulaw
        whole = len(self._pending) - len(self._pending) % FRAME_BYTES
        for start in range(0, whole, FRAME_BYTES):
            self._judge(bytes(self._pending[start : start + FRAME_BYTES]), told)
        del self._pending[:whole]
        self._tell_audio(told)
        return told

    def skip(self, length: int) -> list[TurnEvent]:
        """So many bytes of the party's audio will never come: an open turn ends here."""
        told = self.flush()
        self._offset += length
        return told

    def flush(self) -> list[TurnEvent]:
        """The audio ends here."""
        told: list[TurnEvent] = []
        if self._turn is not None:
            self._turn += self._pending
            self._end(told)
        self._offset += len(self._pending)
        self._pending.clear()
        self._before.clear()
        self._recent.clear()
        return told

    def _judge(self, frame: bytes, told: list[TurnEvent]) -> None:
        speech = self._is_speech(frame)
        self._offset += FRAME_BYTES
        self._recent.append(speech)
        if self._turn is None:
            self._before.append(frame)
            if sum(self._recent) >= ONSET_NEEDED:
                self._begin(told)
            return
        self._turn += frame
        self._turn_frames += 1
        self._voiced_frames += speech
        goes_on = speech and sum(self._recent) >= 2
        self._pause_frames = 0 if goes_on else self._pause_frames + 1
        if self._pause_frames * 20 >= self._needed_pause_ms():
            self._end(told)

    def _begin(self, told: list[TurnEvent]) -> None:
        self._turn = bytearray(b"".join(self._before))
        told.append(TurnBegan(self._offset - len(self._turn)))
        self._turn_frames = len(self._before)
        self._voiced_frames = sum(self._recent)
        self._pause_frames = 0
        self._before.clear()

    def _end(self, told: list[TurnEvent]) -> None:
        self._tell_audio(told)
        told.append(TurnEnded(self._offset - self._pause_frames * FRAME_BYTES, self._voiced_frames * 20))
        self._turn = None
        self._recent.clear()

    def _tell_audio(self, told: list[TurnEvent]) -> None:
        if self._turn:
            told.append(TurnAudio(bytes(self._turn)))
            self._turn.clear()

    def _needed_pause_ms(self) -> int:
        turn_ms = self._turn_frames * 20
        return next(pause for length, pause in reversed(PAUSES_MS) if turn_ms >= length)
