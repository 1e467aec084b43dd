import pytest

from ringfence.model.calls import Party
from ringfence.model.speech import AudioDropped, Segment
from ringfence.speech.engines.openai_realtime.ledger import KEPT_BYTES, MAX_ATTEMPTS, Ledger, Turn

pytestmark = pytest.mark.unit

SECOND = 8000
VOICE, PAUSE = b"\x10" * SECOND, b"\xff" * SECOND


def ledger() -> Ledger:
    return Ledger(Party.REMOTE, "acme", lambda frame: frame[0] == 0x10)


def send_all(account: Ledger, session: int, now: float = 0.0) -> list[tuple[Turn, bytes | None]]:
    sent = []
    for turn, piece in account.to_send(session):
        account.sent(turn, piece, now)
        sent.append((turn, piece))
    return sent


def commits(sent: list[tuple[Turn, bytes | None]]) -> list[int]:
    return [turn.number for turn, piece in sent if piece is None]


def texts(account: Ledger) -> list[str]:
    return [event.text if isinstance(event, Segment) else "dropped" for event in account.release()]


def test_silence_is_nobodys_audio() -> None:
    account = ledger()
    account.hear(PAUSE * 10)
    account.finish()
    assert send_all(account, 1) == []
    assert account.is_settled


def test_a_running_turn_goes_out_in_whole_pieces_and_is_committed_at_its_end() -> None:
    account = ledger()
    account.hear(VOICE + VOICE[:100])
    running = send_all(account, 1)
    assert {len(piece or b"") for _, piece in running} == {800}
    account.hear(PAUSE)
    rest = send_all(account, 1)
    assert commits(rest) == [1]
    assert rest[-1][1] is None


def test_the_shortest_turn_is_long_enough_to_be_committed() -> None:
    account = ledger()
    account.hear(VOICE[: 160 * 3])
    account.finish()
    sent = send_all(account, 1)
    assert sum(len(piece or b"") for _, piece in sent) >= 800
    assert commits(sent) == [1]


def test_words_leave_in_the_order_in_which_they_were_spoken() -> None:
    account = ledger()
    account.hear((VOICE + PAUSE) * 3)
    assert commits(send_all(account, 1)) == [1, 2, 3]
    account.committed(1, "a", None)
    account.committed(1, "b", "a")
    account.committed(1, "c", "b")
    assert account.completed(1, "c", "three")
    assert account.completed(1, "b", "two")
    assert texts(account) == []
    assert account.completed(1, "a", "one")
    assert texts(account) == ["one", "two", "three"]
    assert account.is_settled


def test_a_name_belongs_to_the_turn_after_its_predecessor() -> None:
    account = ledger()
    account.hear((VOICE + PAUSE) * 3)
    send_all(account, 1)
    account.committed(1, "a", None)
    account.committed(1, "a", None)  # told twice
    account.committed(1, "b", "a")
    account.completed(1, "a", "one")
    account.completed(1, "b", "two")
    assert texts(account) == ["one", "two"]


def test_a_turn_is_completed_once() -> None:
    account = ledger()
    account.hear(VOICE + PAUSE)
    send_all(account, 1)
    account.committed(1, "a", None)
    assert account.completed(1, "a", "one")
    assert not account.completed(1, "a", "another")
    assert texts(account) == ["one"]


def test_words_for_a_turn_that_is_still_spoken_are_not_final() -> None:
    account = ledger()
    account.hear(VOICE)
    send_all(account, 1)
    interim = account.delta(1, "a", "hel")
    assert interim is not None
    assert (interim.text, interim.is_final) == ("hel", False)
    assert not account.completed(1, "a", "forged")
    more = account.delta(1, "a", "lo")
    assert more is not None
    assert more.text == "hello"


def test_a_lost_session_gives_its_turns_back_from_the_first_byte() -> None:
    account = ledger()
    account.hear((VOICE + PAUSE) * 2 + VOICE)
    first = send_all(account, 1)
    account.take_back(1)
    again = send_all(account, 2)
    assert [piece for _, piece in again] == [piece for _, piece in first]
    account.committed(1, "old", None)
    assert not account.completed(1, "old", "too late")


def test_a_replaced_session_keeps_what_it_has_committed() -> None:
    account = ledger()
    account.hear(VOICE + PAUSE + VOICE)
    send_all(account, 1, now=7.0)
    account.take_back(1, only_open=True)
    assert account.owed_since(1) == 7.0
    assert {turn.number for turn, _ in send_all(account, 2)} == {2}
    account.committed(1, "a", None)
    assert account.completed(1, "a", "one")
    assert account.owed_since(1) is None


def test_a_turn_that_ends_every_session_is_given_up() -> None:
    account = ledger()
    account.hear(VOICE + PAUSE)
    for session in range(1, MAX_ATTEMPTS + 1):
        assert commits(send_all(account, session)) == [1]
        account.take_back(session)
    assert send_all(account, MAX_ATTEMPTS + 1) == []
    assert texts(account) == ["dropped"]


def test_audio_is_kept_up_to_a_bound_and_the_oldest_is_given_up_first() -> None:
    account = ledger()
    for _ in range(20):
        account.hear(VOICE * 5 + PAUSE)
    kept = sum(len(piece or b"") for _, piece in send_all(account, 1))
    assert KEPT_BYTES * 0.8 < kept <= KEPT_BYTES
    lost = [event for event in account.release() if isinstance(event, AudioDropped)]
    assert len(lost) > 5
    assert all(0 <= 6000 * turn - event.start_ms < 250 for turn, event in enumerate(lost))
    assert all(4900 <= event.duration_ms <= 5400 for event in lost)


def test_what_was_refused_or_failed_is_told_in_its_place() -> None:
    account = ledger()
    account.hear((VOICE + PAUSE) * 3)
    send_all(account, 1)
    account.committed(1, "a", None)
    account.failed(1, "a")
    account.refused(1, 2)
    account.refused(1, 99)
    account.committed(1, "c", "a")
    account.completed(1, "c", "three")
    assert texts(account) == ["dropped", "dropped", "three"]


def test_at_the_end_all_that_is_owed_can_be_given_up() -> None:
    account = ledger()
    account.hear(VOICE + PAUSE + VOICE)
    account.give_up_all()
    assert texts(account) == ["dropped", "dropped"]
    assert account.is_settled


def test_a_turn_without_words_is_nothing() -> None:
    account = ledger()
    account.hear(VOICE + PAUSE)
    send_all(account, 1)
    account.committed(1, "a", None)
    account.completed(1, "a", "  ")
    assert texts(account) == []
    assert account.is_settled
