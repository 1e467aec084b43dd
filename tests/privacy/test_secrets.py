"""The file of secrets: made once, for its owner only, whole or not at all."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ringfence.model.errors import ConfigurationError
from ringfence.privacy.cipher import key_id_of
from ringfence.privacy.secrets import (
    FILE_NAME,
    add_cipher_key,
    drop_old_cipher_keys,
    load_secrets,
    open_cipher,
)

pytestmark = pytest.mark.unit


def test_secrets_are_made_on_first_use_and_stay(tmp_path: Path) -> None:
    made = load_secrets(tmp_path / "home")
    assert load_secrets(tmp_path / "home") == made
    assert load_secrets(tmp_path / "elsewhere") != made
    keys = {made.stream_pass, made.session, made.cipher_keys.by_id[1], made.cipher_keys.index_key}
    assert len(keys) == 4
    assert all(len(key) == 32 for key in keys)
    assert len(made.demo_carrier_token) == 32


def test_only_their_owner_may_read_them(tmp_path: Path) -> None:
    load_secrets(tmp_path / "home")
    assert (tmp_path / "home" / FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604], ids=oct)
def test_a_file_that_others_may_read_is_refused_with_the_remedy(mode: int, tmp_path: Path) -> None:
    load_secrets(tmp_path)
    (tmp_path / FILE_NAME).chmod(mode)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        load_secrets(tmp_path)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"format": 2}', '{"format": 1, "cipher_keys": {}}'], ids=repr
)
def test_a_damaged_file_is_said_and_left_as_it_is(content: str, tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    path.touch(mode=0o600)
    path.write_text(content)
    with pytest.raises(ConfigurationError, match="damaged"):
        load_secrets(tmp_path)
    assert path.read_text() == content


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigurationError, match="RINGFENCE_HOME"):
        load_secrets(tmp_path / "file" / "home")


def test_all_who_start_at_once_get_the_same_secrets(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda _: load_secrets(tmp_path / "home"), range(32)))
    assert all(secrets == made[0] for secrets in made)


def test_no_representation_shows_a_secret(tmp_path: Path) -> None:
    secrets = load_secrets(tmp_path)
    shown = repr(secrets)
    assert secrets.demo_carrier_token not in shown
    assert repr(secrets.session) not in shown
    assert repr(secrets.cipher_keys.index_key) not in shown


def test_a_running_cipher_follows_a_rotation(tmp_path: Path) -> None:
    cipher = open_cipher(tmp_path)
    old = cipher.seal(b"value", "a.b")
    index = cipher.index("value", "a.b")
    assert add_cipher_key(tmp_path) == 2
    assert key_id_of(cipher.seal(b"value", "a.b")) == 2
    assert cipher.open(old, "a.b") == b"value"
    assert cipher.index("value", "a.b") == index


def test_dropping_old_keys_keeps_the_newest_and_all_other_secrets(tmp_path: Path) -> None:
    before = load_secrets(tmp_path)
    add_cipher_key(tmp_path)
    add_cipher_key(tmp_path)
    assert drop_old_cipher_keys(tmp_path) == (1, 2)
    assert drop_old_cipher_keys(tmp_path) == ()
    after = load_secrets(tmp_path)
    assert set(after.cipher_keys.by_id) == {3}
    assert (after.session, after.stream_pass, after.cipher_keys.index_key) == (
        before.session,
        before.stream_pass,
        before.cipher_keys.index_key,
    )


def test_a_new_file_never_stands_half_written(tmp_path: Path) -> None:
    load_secrets(tmp_path)
    add_cipher_key(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [FILE_NAME, "secrets.lock"]
    assert json.loads((tmp_path / FILE_NAME).read_text())["format"] == 1
