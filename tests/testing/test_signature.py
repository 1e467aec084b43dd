import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from ringfence.testing.signature import sign

pytestmark = pytest.mark.unit

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


def test_the_published_example_is_signed_as_published() -> None:
    form = [
        ("CallSid", "CA1234567890ABCDE"),
        ("Caller", "+14158675309"),
        ("Digits", "1234"),
        ("From", "+14158675309"),
        ("To", "+18005551212"),
    ]
    assert (
        sign("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", form) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    )


@given(st.dictionaries(TEXT.filter(bool), TEXT, max_size=6))
def test_the_carriers_own_validator_accepts_any_form(form: dict[str, str]) -> None:
    url = "https://calls.example.org/prefix/api/v1/twilio/incoming-call?language=es"
    assert RequestValidator("secret").validate(url, form, sign("secret", url, list(form.items())))


def test_the_carriers_own_validator_accepts_a_socket_address() -> None:
    url = "wss://calls.example.org/api/v1/twilio/media-stream"
    assert RequestValidator("secret").validate(url, {}, sign("secret", url))


def test_another_secret_gives_another_signature() -> None:
    url = "https://calls.example.org/"
    assert not RequestValidator("secret").validate(url, {}, sign("other", url))
