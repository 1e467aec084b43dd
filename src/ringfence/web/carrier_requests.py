"""What the carrier's doors share: its requests in their raw form, and how little is said of refused ones."""

import logging
from collections import Counter

from starlette.types import Scope

log = logging.getLogger(__name__)

_refused: Counter[str] = Counter()


def raw_target(scope: Scope) -> str:
    """The undecoded path and query of an ASGI request, as a signature covers them."""
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope["query_string"]
    return (path.partition(b"?")[0] + (b"?" + query if query else b"")).decode("latin-1")


def raw_headers(scope: Scope) -> dict[str, str]:
    """Names in lower case; of a repeated header the last one."""
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}


def note_refusal(path: str) -> None:
    """A request that the carrier did not sign. Logged at 1, 2, 4, 8, … of them: guessing must not fill a disk."""
    _refused[path] += 1
    count = _refused[path]
    if count & (count - 1) == 0:
        log.warning("refused what the carrier did not sign", extra={"path": path, "count": count})
