"""The account of one party's turns: which session has which audio, which words are still owed (pure).

A turn is given to a session piece by piece, committed, acknowledged as an item, and completed. Items may be
completed in any order; words leave here in the order in which they were spoken. A session that ends gives its
unfinished turns back, to be given to the next one from their first byte.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ringfence.model.calls import Party
from ringfence.model.speech import AudioDropped, Segment, SpeechEvent
from ringfence.speech.turns import TurnAudio, TurnBegan, TurnCutter, TurnEnded, TurnEvent

BYTES_PER_MS = 8
PIECE_BYTES = 100 * BYTES_PER_MS
"""Audio is appended in pieces of 100 ms."""
SHORTEST_BYTES = 200 * BYTES_PER_MS
"""A turn is filled up with silence to this length: a commit of less than 100 ms is an error."""
KEPT_BYTES = 60_000 * BYTES_PER_MS
"""Audio of unfinished turns that is kept at most; beyond it the oldest turn is given up."""
MAX_ATTEMPTS = 3
"""Sessions a turn is given to before it is given up: its audio may be what ends them."""
MAX_TEXT = 20_000
SILENCE = b"\xff"


@dataclass(slots=True)
class Turn:
    number: int
    start_ms: int
    audio: bytearray = field(default_factory=bytearray)
    end_ms: int = 0
    closed: bool = False
    session: int = 0
    """Number of the session that has it; 0: none."""
    appended: int = 0
    committed_at: float | None = None
    attempts: int = 0
    item_id: str | None = None
    partial: str = ""
    text: str | None = None
    """Its words; None while they are owed."""
    given_up: bool = False

    @property
    def settled(self) -> bool:
        return self.text is not None or self.given_up


class Ledger:
    """One a stream. Offsets are in the party's audio; instants are the caller's."""

    def __init__(self, party: Party, engine: str, is_speech: Callable[[bytes], bool]) -> None:
        self._party = party
        self._engine = engine
        self._cutter = TurnCutter(is_speech)
        self._turns: deque[Turn] = deque()
        self._count = 0

    @property
    def is_settled(self) -> bool:
        """Nothing is owed."""
        return not self._turns

    # audio in

    def hear(self, mulaw: bytes) -> None:
        self._follow(self._cutter.feed(mulaw))

    def finish(self) -> None:
        self._follow(self._cutter.flush())

    def _follow(self, events: list[TurnEvent]) -> None:
        for event in events:
            if isinstance(event, TurnBegan):
                self._count += 1
                self._turns.append(Turn(self._count, event.start_byte // BYTES_PER_MS))
            elif isinstance(event, TurnAudio):
                self._turns[-1].audio += event.mulaw
            elif isinstance(event, TurnEnded):
                turn = self._turns[-1]
                turn.audio += SILENCE * max(0, SHORTEST_BYTES - len(turn.audio))
                turn.end_ms = event.end_byte // BYTES_PER_MS
                turn.closed = True
        while len(self._turns) > 1 and sum(len(turn.audio) for turn in self._turns) > KEPT_BYTES:
            first = next((turn for turn in self._turns if not turn.given_up and turn.closed), None)
            if first is None:
                break
            self._give_up(first)

    # out to a session

    def to_send(self, session: int) -> Iterator[tuple[Turn, bytes | None]]:
        """Pieces to append for this session, in order; None asks for the turn's commit.

        Call `sent` after each has gone out."""
        for turn in self._turns:
            if turn.settled or turn.session not in (0, session) or turn.committed_at is not None:
                continue
            turn.session = session
            while turn.appended < len(turn.audio):
                rest = len(turn.audio) - turn.appended
                if rest < PIECE_BYTES and not turn.closed:
                    return
                yield turn, bytes(turn.audio[turn.appended : turn.appended + PIECE_BYTES])
            if not turn.closed:
                return
            yield turn, None

    def sent(self, turn: Turn, piece: bytes | None, now: float) -> None:
        if piece is None:
            turn.committed_at = now
        else:
            turn.appended += len(piece)

    def take_back(self, session: int, *, only_open: bool = False) -> None:
        """The session is gone, or shall have no more audio (`only_open`: what it has committed it keeps)."""
        for turn in self._turns:
            if (
                turn.session == session
                and not turn.settled
                and not (only_open and turn.committed_at is not None)
            ):
                turn.session, turn.appended, turn.committed_at = 0, 0, None
                turn.item_id, turn.partial = None, ""
                turn.attempts += not only_open
                if turn.attempts >= MAX_ATTEMPTS and turn.closed:
                    self._give_up(turn)

    def owed_since(self, session: int) -> float | None:
        """When the oldest unanswered commit of that session went out."""
        return min(
            (turn.committed_at for turn in self._of(session) if turn.committed_at is not None), default=None
        )

    # in from a session

    def committed(self, session: int, item_id: str, previous_item_id: str | None) -> None:
        """Their name for the next turn we committed; after the turn of `previous_item_id` where that is known."""
        if self._find(session, item_id) is not None:
            return
        previous = self._find(session, previous_item_id)
        for turn in self._of(session):
            if (
                turn.committed_at is not None
                and turn.item_id is None
                and (previous is None or turn.number > previous.number)
            ):
                turn.item_id = item_id
                return

    def delta(self, session: int, item_id: str, text: str) -> Segment | None:
        """The words so far of a running turn. Live models name an item before its commit is acknowledged."""
        turn = self._find(session, item_id)
        if turn is None:
            turn = next((one for one in self._of(session) if one.item_id is None and one.appended), None)
            if turn is None:
                return None
            turn.item_id = item_id
        turn.partial = (turn.partial + text)[:MAX_TEXT]
        if turn.settled or not turn.partial.strip():
            return None
        end_ms = turn.end_ms or turn.start_ms + len(turn.audio) // BYTES_PER_MS
        return Segment(self._party, turn.partial.strip(), turn.start_ms, end_ms, False, None, self._engine)

    def completed(self, session: int, item_id: str, transcript: str) -> bool:
        """Whether these words were owed."""
        turn = self._find(session, item_id)
        if turn is None or turn.settled or not turn.closed:
            return False
        turn.text = transcript[:MAX_TEXT]
        return True

    def failed(self, session: int, item_id: str) -> None:
        turn = self._find(session, item_id)
        if turn is not None and turn.closed:
            self._give_up(turn)

    def refused(self, session: int, turn_number: int) -> None:
        """The commit of that turn was answered with an error."""
        for turn in self._of(session):
            if turn.number == turn_number and turn.closed:
                self._give_up(turn)

    def give_up_all(self) -> None:
        for turn in self._turns:
            if not turn.settled:
                turn.end_ms = turn.end_ms or turn.start_ms + len(turn.audio) // BYTES_PER_MS
                self._give_up(turn)

    def release(self) -> Iterator[SpeechEvent]:
        """What can be told now, in the order in which it was spoken."""
        while self._turns and self._turns[0].settled:
            turn = self._turns.popleft()
            if turn.text is None:
                yield AudioDropped(self._party, turn.start_ms, turn.end_ms - turn.start_ms)
            elif text := turn.text.strip():
                yield Segment(self._party, text, turn.start_ms, turn.end_ms, True, None, self._engine)

    def _of(self, session: int) -> Iterator[Turn]:
        return (turn for turn in self._turns if turn.session == session and not turn.settled)

    def _find(self, session: int, item_id: str | None) -> Turn | None:
        if item_id is None:
            return None
        return next(
            (turn for turn in self._turns if turn.session == session and turn.item_id == item_id), None
        )

    def _give_up(self, turn: Turn) -> None:
        turn.given_up = turn.text is None
        turn.audio.clear()
