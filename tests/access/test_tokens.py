"""What a secret looks like, and that only its owner's text matches."""

import pytest

from ringfence.access import tokens

pytestmark = pytest.mark.unit


def test_a_key_names_its_row_and_holds_at_least_128_random_bits() -> None:
    token = tokens.make(tokens.KEY)
    prefix, token_id, secret = token.text.split("_")
    assert (prefix, token_id) == ("rf", token.id)
    assert len(bytes.fromhex(secret)) * 8 >= 128


def test_two_tokens_share_nothing() -> None:
    one, other = tokens.make(tokens.KEY), tokens.make(tokens.KEY)
    assert one.id != other.id
    assert one.text.rpartition("_")[2] != other.text.rpartition("_")[2]


def test_only_the_very_text_matches_what_is_kept() -> None:
    token = tokens.make(tokens.SESSION)
    assert tokens.matches(token.text, token.digest)
    assert not tokens.matches(token.text[:-1] + ("0" if token.text[-1] != "0" else "1"), token.digest)
    assert token.text not in token.digest


@pytest.mark.parametrize("kind", [tokens.KEY, tokens.LINK, tokens.SESSION])
def test_the_id_is_read_from_its_own_kind_only(kind: str) -> None:
    token = tokens.make(kind)
    others = {tokens.KEY, tokens.LINK, tokens.SESSION} - {kind}
    assert tokens.id_of(kind, token.text) == token.id
    assert [tokens.id_of(other, token.text) for other in others] == [None, None]


@pytest.mark.parametrize(
    "text",
    ["", "rf", "rf_", "rf__", "rf_short_secret", "x" * 10_000, "rf_" + "é" * 12 + "_" + "0" * 48, "rf_\0_\0"],
    ids=["empty", "prefix", "no id", "no secret", "short", "long", "not ascii", "null"],
)
def test_what_cannot_be_a_key_has_no_id(text: str) -> None:
    assert tokens.id_of(tokens.KEY, text) is None
