"""Wrong credentials are counted by where they come from."""

import pytest
from starlette.requests import HTTPConnection

from ringfence.model.errors import ConfigurationError
from ringfence.testing.clock import ManualClock
from ringfence.web.guesses import ADDRESSES, Guesses, client_address, networks

pytestmark = pytest.mark.unit


def connection(peer: str, *forwarded_for: str) -> HTTPConnection:
    headers = [(b"x-forwarded-for", line.encode()) for line in forwarded_for]
    return HTTPConnection({"type": "http", "headers": headers, "client": (peer, 50_000)})


def test_a_few_wrong_guesses_are_tolerated_and_then_told_how_long_to_wait() -> None:
    clock = ManualClock()
    guesses = Guesses(clock, limit=3, window_s=60)
    answers = []
    for _ in range(4):
        answers.append(guesses.wrong("192.0.2.1"))
        clock.advance(10)
    assert answers == [None, None, None, 30]


def test_the_window_slides() -> None:
    clock = ManualClock()
    guesses = Guesses(clock, limit=2, window_s=60)
    guesses.wrong("192.0.2.1")
    clock.advance(40)
    guesses.wrong("192.0.2.1")
    clock.advance(20)
    assert guesses.wrong("192.0.2.1") is None
    assert guesses.wrong("192.0.2.1") == 40


def test_one_address_does_not_pay_for_another() -> None:
    guesses = Guesses(ManualClock(), limit=1)
    guesses.wrong("192.0.2.1")
    assert guesses.wrong("192.0.2.1") is not None
    assert guesses.wrong("192.0.2.2") is None


def test_many_addresses_take_a_bounded_room() -> None:
    guesses = Guesses(ManualClock(), limit=1)
    for number in range(ADDRESSES + 5):
        guesses.wrong(str(number))
    assert guesses.wrong("0") is None
    assert guesses.wrong(str(ADDRESSES)) is not None


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "proxies", "address"),
    [
        ("192.0.2.1", (), (), "192.0.2.1"),
        ("192.0.2.1", ("198.51.100.7",), (), "192.0.2.1"),
        ("10.0.0.1", ("198.51.100.7",), ("10.0.0.0/8",), "198.51.100.7"),
        ("10.0.0.1", ("203.0.113.9, 198.51.100.7, 10.0.0.2",), ("10.0.0.0/8",), "198.51.100.7"),
        ("10.0.0.1", ("203.0.113.9", "198.51.100.7"), ("10.0.0.1",), "198.51.100.7"),
        ("10.0.0.1", ("not an address",), ("10.0.0.1",), "not an address"),
        ("10.0.0.1", (), ("10.0.0.1",), "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", (), (), "2001:db8:1:2::/64"),
    ],
    ids=[
        "direct",
        "forged header",
        "one proxy",
        "two proxies and a forged hop",
        "header twice",
        "garbage from a proxy",
        "proxy without header",
        "IPv6 by its network",
    ],
)
def test_a_client_is_known_by_what_trusted_proxies_say(
    peer: str, forwarded_for: tuple[str, ...], proxies: tuple[str, ...], address: str
) -> None:
    assert client_address(connection(peer, *forwarded_for), networks(proxies)) == address


def test_a_proxy_that_is_no_address_is_named_with_its_setting() -> None:
    with pytest.raises(ConfigurationError, match=r"RINGFENCE_TRUSTED_PROXIES.*proxy\.example"):
        networks(["proxy.example"])
