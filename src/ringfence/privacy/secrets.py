"""The secrets this installation made for itself, in one file that only its owner may read.

Whoever has the file can read what is kept sealed; whoever loses it cannot any more. Several servers on one
database need the same file.
"""

import base64
import binascii
import fcntl
import json
import os
import secrets as randomness
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ringfence.model.errors import ConfigurationError
from ringfence.privacy.cipher import KEY_BYTES, CipherKeys, FieldCipher

FILE_NAME = "secrets.json"
_LOCK_NAME = "secrets.lock"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Secrets:
    """All of them; no representation shows any."""

    cipher_keys: CipherKeys
    stream_pass: bytes = field(repr=False)
    """Signs the one-time pass that ties a media socket to its call."""
    session: bytes = field(repr=False)
    """Signs what browsers hold."""
    demo_carrier_token: str = field(repr=False)
    """With it the simulated carrier of the demonstration signs; 32 hexadecimal digits like a real one."""


def load_secrets(home: Path) -> Secrets:
    """The secrets in that folder; made on first use. Raises ConfigurationError.

    Of two programs that start at once in an empty folder, one makes them and both get the same."""
    path = home / FILE_NAME
    try:
        if not path.exists():
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _locked(home):
                if not path.exists():
                    _write(path, _new())
        return _read(path)
    except OSError as error:
        raise ConfigurationError(
            f"RINGFENCE_HOME: cannot read or make {path} ({error.strerror}); "
            "name a folder that belongs to the user who runs this program"
        ) from None


def add_cipher_key(home: Path) -> int:
    """Make a new key, with which everything is sealed from now on; its id. Running servers notice it."""
    load_secrets(home)
    with _locked(home):
        known = _read(home / FILE_NAME)
        new_id = known.cipher_keys.newest + 1
        keys = {**known.cipher_keys.by_id, new_id: randomness.token_bytes(KEY_BYTES)}
        _write(home / FILE_NAME, replace(known, cipher_keys=replace(known.cipher_keys, by_id=keys)))
        return new_id


def drop_old_cipher_keys(home: Path) -> tuple[int, ...]:
    """Forget all keys but the newest; their ids. What is still sealed with them is lost."""
    load_secrets(home)
    with _locked(home):
        known = _read(home / FILE_NAME)
        newest = known.cipher_keys.newest
        kept = {newest: known.cipher_keys.by_id[newest]}
        _write(home / FILE_NAME, replace(known, cipher_keys=replace(known.cipher_keys, by_id=kept)))
        return tuple(sorted(set(known.cipher_keys.by_id) - {newest}))


def open_cipher(home: Path) -> FieldCipher:
    """The cipher with this folder's keys. It follows a rotation by another program at once."""
    watch = _Watch(home)
    return FieldCipher(watch.keys(), watch.keys)


class _Watch:
    """Reads the file again when it has changed: a look at it costs about a microsecond."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._path = home / FILE_NAME
        self._keys = load_secrets(home).cipher_keys
        self._seen = self._stamp()

    def keys(self) -> CipherKeys:
        stamp = self._stamp()
        if stamp is not None and stamp != self._seen:
            self._keys = load_secrets(self._home).cipher_keys
            self._seen = stamp
        return self._keys

    def _stamp(self) -> tuple[int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            # A file that went away for a moment takes no key from a running server.
            return None
        return status.st_mtime_ns, status.st_ino


def _new() -> Secrets:
    return Secrets(
        cipher_keys=CipherKeys({1: randomness.token_bytes(KEY_BYTES)}, randomness.token_bytes(KEY_BYTES)),
        stream_pass=randomness.token_bytes(32),
        session=randomness.token_bytes(32),
        demo_carrier_token=randomness.token_hex(16),
    )


def _read(path: Path) -> Secrets:
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode & 0o777
        if mode & 0o077:
            raise ConfigurationError(
                f"{path}: others than its owner may read these secrets (mode {mode:03o}); run: chmod 600 {path}"
            )
        content = file.read()
    try:
        return _parse(json.loads(content))
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        raise ConfigurationError(
            f"{path}: this file of secrets is damaged; put back a copy of it "
            "(without it, sealed numbers and audio cannot be read)"
        ) from None


def _parse(content: Any) -> Secrets:
    if content["format"] != _FORMAT:
        raise ValueError("unknown format")
    keys = {int(key_id): base64.b64decode(key) for key_id, key in content["cipher_keys"].items()}
    return Secrets(
        cipher_keys=CipherKeys(keys, base64.b64decode(content["index_key"])),
        stream_pass=base64.b64decode(content["stream_pass"]),
        session=base64.b64decode(content["session"]),
        demo_carrier_token=str(content["demo_carrier_token"]),
    )


def _write(path: Path, secrets: Secrets) -> None:
    """Either the whole new content stands there afterwards, on the disk, or the old."""
    content = {
        "format": _FORMAT,
        "cipher_keys": {str(key_id): _text(key) for key_id, key in secrets.cipher_keys.by_id.items()},
        "index_key": _text(secrets.cipher_keys.index_key),
        "stream_pass": _text(secrets.stream_pass),
        "session": _text(secrets.session),
        "demo_carrier_token": secrets.demo_carrier_token,
    }
    # mkstemp makes files that only their owner may read.
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump(content, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode()


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    descriptor = os.open(home / _LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
