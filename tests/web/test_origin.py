"""Which pages may ask in a signed-in person's name."""

import pytest
from starlette.requests import HTTPConnection

from ringfence.web.origin import is_loopback, is_ours, origin_of

pytestmark = pytest.mark.unit

PUBLIC = "https://calls.example.org/ringfence"


def asked(origin: str | None, host: str) -> HTTPConnection:
    headers = [(b"host", host.encode())]
    if origin is not None:
        headers.append((b"origin", origin.encode()))
    return HTTPConnection({"type": "http", "headers": headers})


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Calls.Example.org:443/x", "https://calls.example.org"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[::1]:80/", "http://[::1]"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    ("origin", "host", "ours"),
    [
        ("https://calls.example.org", "calls.example.org", True),
        ("https://calls.example.org", "127.0.0.1:8000", True),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", True),
        ("http://localhost:8000", "localhost:8000", True),
        ("http://[::1]:8000", "[::1]:8000", True),
        ("http://calls.example.org", "calls.example.org", False),
        ("https://calls.example.org.evil.example", "calls.example.org", False),
        ("https://evil.example", "calls.example.org", False),
        ("http://evil.example:8000", "evil.example:8000", False),
        ("http://127.0.0.1:9000", "127.0.0.1:8000", False),
        ("null", "127.0.0.1:8000", False),
        (None, "127.0.0.1:8000", False),
        (None, "calls.example.org", False),
    ],
    ids=[
        "public address",
        "public address behind a proxy",
        "loopback address",
        "localhost",
        "IPv6 loopback",
        "without TLS",
        "longer name",
        "foreign page",
        "foreign name that resolves to loopback",
        "other local program",
        "opaque",
        "none on loopback",
        "none",
    ],
)
def test_only_our_own_pages_may_ask(origin: str | None, host: str, ours: bool) -> None:
    assert is_ours(asked(origin, host), PUBLIC) is ours


@pytest.mark.parametrize(
    ("host", "local"),
    [("localhost", True), ("127.9.9.9", True), ("::1", True), ("10.0.0.1", False), ("", False)],
)
def test_loopback_is_this_machine_alone(host: str, local: bool) -> None:
    assert is_loopback(host) is local
