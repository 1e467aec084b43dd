"""The walls around every test: no settings from outside, no network but loopback."""

import os
import socket

import pytest

from ringfence.settings import known_names

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_no_other_machine_can_be_reached(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as outgoing, pytest.raises(Exception, match="loopback only"):
        outgoing.connect((address, 443))


def test_no_name_is_looked_up() -> None:
    with pytest.raises(Exception, match="look up no names"):
        socket.getaddrinfo("example.com", 443)


def test_loopback_works() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()):
            pass
        assert socket.getaddrinfo("localhost", server.getsockname()[1])


def test_no_setting_comes_in_from_outside() -> None:
    assert known_names().isdisjoint(os.environ)
