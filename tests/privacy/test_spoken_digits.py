"""Numbers as people say them."""

import pytest

from ringfence.privacy.spoken_digits import find_runs, fold, read

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("four two four two", "4242"),
        ("forty two forty-two", "4242"),
        ("double four triple two", "44222"),
        ("four oh two nine", "4029"),
        ("oh oh seven", "007"),
        ("four, um, two and then nine", "429"),
        ("cuatro dos cuatro dos", "4242"),
        ("cuarenta y dos, veintitrés", "4223"),
        ("dieciséis cero uno", "1601"),
        ("doble cuatro, dos", "442"),
        ("4-2-4.2/4 2", "424242"),
        ("٤٢٤٢", "4242"),
        ("trescientos cuarenta y uno", "341"),
    ],
)
def test_a_row_of_numbers_is_read_as_its_digits(text: str, digits: str) -> None:
    assert [run.digits for run in find_runs(read(text))] == [digits]


def test_words_between_two_numbers_keep_them_apart() -> None:
    assert [run.digits for run in find_runs(read("ten people came and twenty went"))] == ["10", "20"]


def test_folding_keeps_every_character_in_its_place() -> None:
    text = "¿Código nº 4? İstanbul ﬁn"
    assert len(fold(text)) == len(text)


def test_offsets_point_into_the_text() -> None:
    text = "  Sí, Cuatro — dos"
    assert [text[token.start : token.end] for token in read(text)] == ["Sí", "Cuatro", "dos"]
