"""Values through columns and back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.telephony import rows

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "folded"),
    [("CÓDIGO", "codigo"), ("Núñez", "nunez"), ("Straße", "strasse"), ("ﬁn", "fin"), ("你好", "你好")],
)
def test_folding_takes_case_and_accents_away(text: str, folded: str) -> None:
    assert rows.fold(text) == folded


@given(st.text())
def test_folding_does_not_depend_on_case(text: str) -> None:
    assert rows.fold(text.casefold()) == rows.fold(text)


@given(st.text(alphabet=st.characters()))
def test_what_is_storable_is_text_to_any_database(text: str) -> None:
    kept = rows.storable(text)
    kept.encode()
    assert "\0" not in kept
    assert rows.storable(kept) == kept


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_ordinary_text_is_kept_as_it_is(text: str) -> None:
    assert rows.storable(text) == text


def test_facts_of_any_kind_can_be_written_down() -> None:
    facts = {"frames": 3, "engines": ["sherpa"], "odd": object(), "letters": "ñ\0"}
    text = rows.facts_text(facts)
    assert text.isascii()
    assert "\0" not in text
    assert rows.facts_from_text(text)["frames"] == 3
    assert json.loads(text)["engines"] == ["sherpa"]
