"""A player jumps within a recording."""

import pytest

from ringfence.web.byte_ranges import ranged

pytestmark = pytest.mark.unit

BODY = bytes(range(10))


@pytest.mark.parametrize(
    ("header", "status", "body", "content_range"),
    [
        (None, 200, BODY, None),
        ("bytes=0-", 206, BODY, "bytes 0-9/10"),
        ("bytes=2-4", 206, BODY[2:5], "bytes 2-4/10"),
        ("bytes=-3", 206, BODY[-3:], "bytes 7-9/10"),
        ("bytes=-99", 206, BODY, "bytes 0-9/10"),
        ("bytes=8-99", 206, BODY[8:], "bytes 8-9/10"),
        ("bytes=-", 200, BODY, None),
        ("bytes=0-1,4-5", 200, BODY, None),
        ("lines=1-2", 200, BODY, None),
    ],
)
def test_the_stretch_asked_for_is_what_comes(
    header: str | None, status: int, body: bytes, content_range: str | None
) -> None:
    response = ranged(BODY, "audio/wav", header)
    assert response.status_code == status
    assert response.body == body
    assert response.headers["Accept-Ranges"] == "bytes"
    assert response.headers.get("Content-Range") == content_range


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=5-4", "bytes=-0"])
def test_a_stretch_that_is_not_there_is_a_problem_with_the_true_length(header: str) -> None:
    response = ranged(BODY, "audio/wav", header)
    assert response.status_code == 416
    assert response.headers["Content-Range"] == "bytes */10"
    assert response.media_type == "application/problem+json"
