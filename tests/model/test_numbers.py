import pytest

from ringfence.model.numbers import mask_number, parse_e164

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+15550111", "+15550111"),
        ("+1 (555) 01-11", "+15550111"),
        ("+56 9 0000 1234", "+56900001234"),
        ("anonymous", None),
        ("sip:ann@example.org", None),
        ("15550111", None),
        ("+0123456789", None),
        ("+1234567890123456", None),
        ("", None),
    ],
)
def test_a_number_is_read_in_international_form_or_not_at_all(text: str, number: str | None) -> None:
    assert parse_e164(text) == number


@pytest.mark.parametrize(
    ("text", "masked"),
    [("+15550111", "+••••••11"), ("anonymous", "anonymous"), ("+56 9 0000 1234", "+•• • •••• ••34")],
)
def test_a_masked_number_shows_its_last_two_digits(text: str, masked: str) -> None:
    assert mask_number(text) == masked
