import pytest

from ringfence.speech.options import primary_language

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("tag", "primary"), [("es-CL", "es"), ("EN", "en"), ("pt_BR", "pt"), ("auto", "auto"), ("", "")]
)
def test_the_primary_language_is_what_stands_before_the_region(tag: str, primary: str) -> None:
    assert primary_language(tag) == primary
