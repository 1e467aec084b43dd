"""What a secret of ours looks like: `rf_<id>_<secret>`.

The id finds the row, the secret proves the holder. Only a SHA-256 of the whole is kept. A slow password hash
would add nothing: it protects secrets that people choose, and these are 192 random bits, beyond guessing at
any speed.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

ID_BYTES = 6
SECRET_BYTES = 24

KEY = "rf"
LINK = "rfl"
SESSION = "rfs"
"""Kinds of token, told apart at sight (and by scanners that look for leaked secrets)."""


@dataclass(frozen=True, slots=True)
class NewToken:
    id: str
    text: str
    """Shown once, to its owner, and never kept."""

    @property
    def digest(self) -> str:
        return digest(self.text)


def make(kind: str) -> NewToken:
    token_id = secrets.token_hex(ID_BYTES)
    return NewToken(token_id, f"{kind}_{token_id}_{secrets.token_hex(SECRET_BYTES)}")


def id_of(kind: str, text: str) -> str | None:
    """The id in a token of that kind; None when the text cannot be one."""
    prefix, _, rest = text.partition("_")
    token_id, _, secret = rest.partition("_")
    well_formed = prefix == kind and len(token_id) == 2 * ID_BYTES and len(secret) == 2 * SECRET_BYTES
    return token_id if well_formed and text.isascii() and text.isprintable() else None


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def matches(text: str, kept_digest: str) -> bool:
    """Compares in constant time."""
    return hmac.compare_digest(digest(text), kept_digest)
