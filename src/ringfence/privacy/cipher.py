"""Field encryption for what is kept: AES-256-GCM under named keys, and keyed hashes to find equal values.

A sealed value: one byte for this format, four for the key's id, twelve of nonce, then ciphertext and tag.
Format, id and context are authenticated with it. Nonces are random, so one key must not seal more than 2^32
values (NIST SP 800-38D, 8.3): rotate long before.
"""

import hashlib
import hmac
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_FORMAT = b"\x01"
_ID_BYTES = 4
_HEADER_BYTES = 1 + _ID_BYTES
_NONCE_BYTES = 12  # NIST SP 800-38D, 5.2.1.1
_TAG_BYTES = 16


@dataclass(frozen=True, slots=True)
class CipherKeys:
    """Keys by id; the one with the highest id seals, all of them open."""

    by_id: Mapping[int, bytes] = field(repr=False)
    """32 bytes each, ids from 1."""
    index_key: bytes = field(repr=False)
    """For keyed hashes. It is never rotated: equal values must stay findable."""

    def __post_init__(self) -> None:
        if not self.by_id or any(not 1 <= key_id < 2**32 for key_id in self.by_id):
            raise ValueError("at least one key is needed, with an id from 1 up")
        if any(len(key) != KEY_BYTES for key in (*self.by_id.values(), self.index_key)):
            raise ValueError(f"a key has {KEY_BYTES} bytes")

    @property
    def newest(self) -> int:
        return max(self.by_id)


class FieldCipher:
    """Satisfies `contracts.Cipher`. Safe to share between threads."""

    def __init__(self, keys: CipherKeys, current: Callable[[], CipherKeys] | None = None) -> None:
        """`current` gives the keys as they are now, so that a rotation needs no restart; asked for every
        value, it must be quick."""
        self._current = current or (lambda: keys)
        self._keys = keys
        self._ciphers = _ciphers(keys)

    def seal(self, plaintext: bytes, context: str) -> bytes:
        """`context` (table.column) is bound to the value: it opens only there."""
        keys = self._refreshed()
        header = _FORMAT + keys.newest.to_bytes(_ID_BYTES)
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[keys.newest].encrypt(nonce, plaintext, header + context.encode())
        return header + nonce + sealed

    def open(self, sealed: bytes, context: str) -> bytes:
        """Raises ValueError when the value was changed, moved, or its key is gone."""
        key_id = key_id_of(sealed)
        self._refreshed()
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise ValueError(f"the value is sealed with key {key_id}, which is gone")
        header, nonce = sealed[:_HEADER_BYTES], sealed[_HEADER_BYTES : _HEADER_BYTES + _NONCE_BYTES]
        try:
            return cipher.decrypt(nonce, sealed[_HEADER_BYTES + _NONCE_BYTES :], header + context.encode())
        except InvalidTag:
            raise ValueError(f"the sealed value was changed, or does not belong to {context}") from None

    def index(self, value: str, context: str) -> str:
        """A keyed hash by which equal values can be found; 64 hexadecimal digits."""
        message = context.encode() + b"\0" + value.encode()
        return hmac.new(self._keys.index_key, message, hashlib.sha256).hexdigest()

    def is_current(self, sealed: bytes) -> bool:
        """Whether the value is sealed with the newest key."""
        return key_id_of(sealed) == self._refreshed().newest

    def _refreshed(self) -> CipherKeys:
        keys = self._current()
        if keys is not self._keys:
            self._ciphers = _ciphers(keys)
            self._keys = keys
        return keys


def key_id_of(sealed: bytes) -> int:
    """Which key sealed the value. Raises ValueError when it is no sealed value."""
    if len(sealed) < _HEADER_BYTES + _NONCE_BYTES + _TAG_BYTES or sealed[:1] != _FORMAT:
        raise ValueError("this is not a sealed value")
    return int.from_bytes(sealed[1:_HEADER_BYTES])


def _ciphers(keys: CipherKeys) -> dict[int, AESGCM]:
    return {key_id: AESGCM(key) for key_id, key in keys.by_id.items()}
