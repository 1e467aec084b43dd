import pytest

from ringfence.web.carrier_requests import note_refusal, raw_headers, raw_target

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("scope", "target"),
    [
        ({"path": "/a b", "raw_path": b"/a%20b", "query_string": b"x=%2F+1"}, "/a%20b?x=%2F+1"),
        ({"path": "/a", "query_string": b""}, "/a"),
        ({"path": "/a", "raw_path": None, "query_string": b"x"}, "/a?x"),
        ({"path": "/a", "raw_path": b"/a?x=1", "query_string": b"x=1"}, "/a?x=1"),
        ({"path": "/a", "raw_path": b"/a", "query_string": b"\xff"}, "/a?\xff"),
    ],
    ids=["escapes stay", "no query", "server without raw path", "server with query in it", "no text at all"],
)
def test_a_target_is_what_came_over_the_wire(scope: dict[str, object], target: str) -> None:
    assert raw_target(scope) == target


def test_header_names_are_lower_case() -> None:
    assert raw_headers({"headers": [(b"X-Twilio-Signature", b"s\xe9"), (b"host", b"h")]}) == {
        "x-twilio-signature": "s\xe9",
        "host": "h",
    }


def test_refusals_are_logged_ever_more_rarely(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(1_000):
        note_refusal("/somewhere")
    assert len(caplog.records) == 10
    assert vars(caplog.records[-1])["count"] == 512
