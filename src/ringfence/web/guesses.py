"""Counts wrong credentials by client address: a sliding window, in this process.

Only what is wrong counts, and what is right is always let in. Behind a proxy that is not named in
`RINGFENCE_TRUSTED_PROXIES` all clients share one address; were good credentials refused too, anybody could lock
everybody out. The secrets are 192 random bits: the limit spares the database and shows in the log, it is not what
keeps them safe.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.requests import HTTPConnection

from ringfence.contracts import Clock
from ringfence.model.errors import ConfigurationError

LIMIT = 10
WINDOW_S = 60.0
ADDRESSES = 10_000
"""Remembered at most; the one heard of longest ago is forgotten first."""


class Guesses:
    def __init__(self, clock: Clock, *, limit: int = LIMIT, window_s: float = WINDOW_S) -> None:
        self._clock = clock
        self._limit = limit
        self._window_s = window_s
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()

    def wrong(self, address: str) -> int | None:
        """Count one. None while that is tolerable, else after how many seconds it will be again."""
        now = self._clock.monotonic_s()
        times = self._wrong.setdefault(address, deque())
        self._wrong.move_to_end(address)
        if len(self._wrong) > ADDRESSES:
            self._wrong.popitem(last=False)
        while times and times[0] <= now - self._window_s:
            times.popleft()
        if len(times) >= self._limit:
            return max(1, round(times[0] + self._window_s - now))
        times.append(now)
        return None


Network = IPv4Network | IPv6Network


def networks(proxies: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and networks as the settings write them. Raises ConfigurationError."""
    try:
        return tuple(ip_network(proxy, strict=False) for proxy in proxies)
    except ValueError as error:
        raise ConfigurationError(
            f"RINGFENCE_TRUSTED_PROXIES: {error}; write addresses or networks such as 10.0.0.7, 10.1.0.0/16"
        ) from None


def client_address(connection: HTTPConnection, trusted_proxies: Iterable[Network]) -> str:
    """Where the request comes from; an IPv6 address counts as its /64, which one client owns whole.

    `X-Forwarded-For` is read from its end, and only as far as it was written by proxies we were told of."""
    address = connection.client.host if connection.client else ""
    forwarded = [
        hop.strip()
        for line in connection.headers.getlist("x-forwarded-for")
        for hop in line.split(",")
        if hop.strip()
    ]
    while forwarded and _is_in(address, trusted_proxies):
        address = forwarded.pop()
    return _grouped(address)


def _is_in(address: str, networks: Iterable[Network]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


def _grouped(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(ip_network((parsed, 64), strict=False))
    return str(parsed)
