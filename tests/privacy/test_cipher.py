"""Sealing: what goes in comes out, only there and only unchanged."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.privacy.cipher import CipherKeys, FieldCipher, key_id_of

pytestmark = pytest.mark.unit

OLD, NEW, INDEX = os.urandom(32), os.urandom(32), os.urandom(32)
CIPHER = FieldCipher(CipherKeys({1: OLD, 2: NEW}, INDEX))


@given(st.binary(max_size=2000), st.text(max_size=40))
def test_what_is_sealed_opens_again(plaintext: bytes, context: str) -> None:
    context = context.encode("utf-8", "replace").decode()
    assert CIPHER.open(CIPHER.seal(plaintext, context), context) == plaintext


@given(st.binary(max_size=100), st.data())
def test_a_changed_bit_anywhere_is_noticed(plaintext: bytes, data: st.DataObject) -> None:
    sealed = bytearray(CIPHER.seal(plaintext, "a.b"))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(ValueError, match=r"seal"):
        CIPHER.open(bytes(sealed), "a.b")


@given(st.binary(max_size=60))
def test_bytes_that_were_never_sealed_are_refused(noise: bytes) -> None:
    with pytest.raises(ValueError, match="seal"):
        CIPHER.open(noise, "a.b")


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_value_opens_only_in_its_own_place(here: str, there: str) -> None:
    here, there = (text.encode("utf-8", "replace").decode() for text in (here, there))
    sealed = CIPHER.seal(b"value", here)
    if here != there:
        with pytest.raises(ValueError, match="belong"):
            CIPHER.open(sealed, there)


def test_equal_values_are_sealed_differently_and_indexed_equally() -> None:
    assert CIPHER.seal(b"+15550100", "a.b") != CIPHER.seal(b"+15550100", "a.b")
    index = CIPHER.index("+15550100", "number")
    assert index == CIPHER.index("+15550100", "number")
    assert len(index) == 64
    assert set(index) <= set("0123456789abcdef")
    assert index != CIPHER.index("+15550101", "number")
    assert index != CIPHER.index("+15550100", "other")


def test_the_context_of_an_index_cannot_run_into_its_value() -> None:
    assert CIPHER.index("bc", "a") != CIPHER.index("c", "ab")


def test_another_index_key_gives_other_hashes() -> None:
    other = FieldCipher(CipherKeys({1: OLD}, os.urandom(32)))
    assert other.index("+15550100", "number") != CIPHER.index("+15550100", "number")


def test_the_newest_key_seals_and_all_open() -> None:
    old = FieldCipher(CipherKeys({1: OLD}, INDEX)).seal(b"value", "a.b")
    assert CIPHER.open(old, "a.b") == b"value"
    assert not CIPHER.is_current(old)
    new = CIPHER.seal(b"value", "a.b")
    assert key_id_of(new) == 2
    assert CIPHER.is_current(new)


def test_a_value_whose_key_is_gone_says_so() -> None:
    old = FieldCipher(CipherKeys({1: OLD}, INDEX)).seal(b"value", "a.b")
    with pytest.raises(ValueError, match="key 1, which is gone"):
        FieldCipher(CipherKeys({2: NEW}, INDEX)).open(old, "a.b")


def test_a_rotation_is_followed_without_a_restart() -> None:
    current = CipherKeys({1: OLD}, INDEX)
    cipher = FieldCipher(current, lambda: current)
    old = cipher.seal(b"value", "a.b")
    current = CipherKeys({1: OLD, 2: NEW}, INDEX)
    assert key_id_of(cipher.seal(b"value", "a.b")) == 2
    assert cipher.open(old, "a.b") == b"value"


@pytest.mark.parametrize(
    ("keys", "index_key"),
    [({}, INDEX), ({1: b"short"}, INDEX), ({0: OLD}, INDEX), ({1: OLD}, b"short")],
    ids=["none", "short", "id 0", "short index key"],
)
def test_keys_that_cannot_be_are_refused(keys: dict[int, bytes], index_key: bytes) -> None:
    with pytest.raises(ValueError, match="key"):
        CipherKeys(keys, index_key)


def test_no_representation_shows_a_key() -> None:
    assert OLD.hex() not in repr(CIPHER.__dict__)
    assert repr(OLD) not in repr(CipherKeys({1: OLD}, INDEX))
