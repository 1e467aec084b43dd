"""Speech, levelled for matching."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.detection.normalise import Normaliser

pytestmark = pytest.mark.unit

LEVEL = Normaliser({"gonna": "going to", "passcode": "pass code"}, {"two", "dos", "forty"}, {"um", "eh"})


@pytest.mark.parametrize(
    ("text", "levelled"),
    [
        ("Read me THE code.", " read me the code "),
        ("¡Dígame el código, señora!", " digame el codigo senora "),
        ("don't, it’s", " dont its "),
        ("I'm um gonna, eh, call", " im going to call "),
        ("forty two 42 dos", " #n "),
        ("24-hour", " #n hour "),
        ("the the code", " the code "),
        ("[card number] and [code]", " #card and #code "),
        ("your passcode", " your pass code "),
        ("", "  "),
    ],
)
def test_what_differs_in_writing_only_becomes_one(text: str, levelled: str) -> None:
    assert LEVEL.level(text).text == levelled


def test_a_phrase_and_speech_are_levelled_alike() -> None:
    assert LEVEL.level_phrase("two-step, don't") in LEVEL.level("a 2 step. Don’t!").text


def test_words_lead_back_to_the_original_text() -> None:
    text = "Well, um, DON'T  hang up — señor"
    levelled = LEVEL.level(text)
    assert [levelled.quote(text, word, word) for word in range(len(levelled.spans))] == [
        "Well",
        "DON'T",
        "hang",
        "up",
        "señor",
    ]
    assert levelled.word_at(levelled.text.index(" hang") + 1) == 2


@given(st.text(max_size=300))
def test_every_word_has_its_place_whatever_the_text(text: str) -> None:
    levelled = LEVEL.level(text)
    words = levelled.text.split()
    assert len(words) == len(levelled.offsets) == len(levelled.spans)
    for word, offset, (start, end) in zip(words, levelled.offsets, levelled.spans, strict=True):
        assert levelled.text[offset - 1 : offset + len(word) + 1] == f" {word} "
        assert 0 <= start < end <= len(text)
