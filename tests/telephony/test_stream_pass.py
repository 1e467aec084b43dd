from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.model.calls import CallSid
from ringfence.telephony import stream_pass

pytestmark = pytest.mark.unit

SECRET = b"s" * 32
CALL = CallSid("CA" + "1" * 32)
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NONCE = "abcdefgh12345678"
PASS = stream_pass.issue(SECRET, CALL, NOW, NONCE)


def test_a_pass_gives_back_its_nonce() -> None:
    assert stream_pass.check(SECRET, CALL, PASS, NOW) == NONCE


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(minutes=2), NONCE),
        (timedelta(minutes=2, seconds=1), None),
        (timedelta(seconds=-5), NONCE),
        (timedelta(seconds=-6), None),
    ],
    ids=["two minutes", "older", "skewed clock", "from the future"],
)
def test_a_pass_is_good_for_two_minutes(age: timedelta, expected: str | None) -> None:
    assert stream_pass.check(SECRET, CALL, PASS, NOW + age) == expected


def test_a_pass_is_good_for_its_own_call_only() -> None:
    assert stream_pass.check(SECRET, CallSid("CA" + "2" * 32), PASS, NOW) is None


def test_another_servers_pass_is_refused() -> None:
    assert stream_pass.check(b"t" * 32, CALL, PASS, NOW) is None


@pytest.mark.parametrize("place", range(len(PASS)))
def test_a_pass_with_one_character_changed_is_refused(place: int) -> None:
    other = "0" if PASS[place] != "0" else "1"
    changed = PASS[:place] + other + PASS[place + 1 :]
    assert stream_pass.check(SECRET, CALL, changed, NOW) is None


@given(st.text(max_size=200))
def test_no_text_is_too_strange_to_be_refused(text: str) -> None:
    assert stream_pass.check(SECRET, CALL, text, NOW) is None


def test_a_pass_fits_a_stream_parameter() -> None:
    longest = stream_pass.issue(SECRET, CALL, NOW, "n" * 64)
    assert len("pass") + len(longest) < 500


@pytest.mark.parametrize("nonce", ["short", "with.dot.inside", "n" * 65, ""])
def test_a_nonce_that_cannot_travel_is_refused(nonce: str) -> None:
    with pytest.raises(ValueError, match="nonce"):
        stream_pass.issue(SECRET, CALL, NOW, nonce)
