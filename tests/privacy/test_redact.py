"""Secrets leave the words before anything else sees them."""

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.model.calls import Party
from ringfence.privacy.redact import PLACEHOLDERS, Redactor, passes_luhn
from ringfence.privacy.spoken_digits import find_runs, read

pytestmark = pytest.mark.unit

CALLER, PROTECTED = Party.REMOTE, Party.SUBSCRIBER
ENGLISH = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
SPANISH = ["cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"]


def clean(*turns: tuple[Party, str]) -> list[str]:
    redactor = Redactor()
    return [redactor.clean(party, text) for party, text in turns]


def digits_left(text: str) -> str:
    return "".join(run.digits for run in find_runs(read(text), loosely=True))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("My card is 4242 4242 4242 4242.", "My card is [card number]."),
        ("it is 4242424242424242", "it is [card number]"),
        ("sure, the PIN is 1984", "sure, the PIN is [pin]"),
        ("the three digits are 123", "the three digits are [security code]"),
        ("your verification code is 4 9 2 1 0 3", "your verification code is [code]"),
        ("the code reads G-482913", "the code reads [code]"),
        ("my password is sunshine blue", "my password is [password]"),
        ("la contraseña es perro verde", "la contraseña es [password]"),
        ("my social security number is 078-05-1120", "my social security number is [national id]"),
        ("mi RUT es 12.345.678-K", "mi RUT es [national id]"),
        ("mi DNI es 12345678Z", "mi DNI es [national id]"),
        ("anote: GARC800101HDFRRL09", "anote: [national id]"),
        ("mi número de cuenta es cuatro cuatro cero uno nueve", "mi número de cuenta es [account number]"),
        ("call me back at 1-800-555-0134", "call me back at [phone number]"),
        ("one two three four five", "[digits]"),
    ],
)
def test_a_secret_becomes_a_placeholder(text: str, expected: str) -> None:
    assert clean((PROTECTED, text)) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "It costs 500 dollars, or $1,250.50 with tax",
        "five hundred dollars",
        "son 45.000 pesos en tres cuotas",
        "see you at 3:45 pm on 12/05/2024",
        "I was born in 1984 and have two kids",
        "between 10 and 20 people",
        "press 1 to confirm",
        "oprima 2 para hablar con alguien",
        "call 911 right away",
        "in twenty four hours",
        "about two thousand five hundred",
        "the other one is fine",
        "el 15 de marzo a las 4",
        "",
        "no numbers at all",
    ],
)
def test_amounts_times_dates_and_small_counts_stay(text: str) -> None:
    assert clean((CALLER, text)) == [text]


def test_digits_asked_for_are_masked_however_few_come_at_a_time() -> None:
    said = clean(
        (CALLER, "Read me the code we just sent you"),
        (PROTECTED, "four two"),
        (PROTECTED, "then nine"),
        (CALLER, "four two nine, go on"),
        (PROTECTED, "it ends with sixty six"),
    )
    assert said[1:] == ["[code]", "then [code]", "[code], go on", "it ends with [code]"]


def test_a_turn_of_digits_goes_on_from_the_turn_before_though_nobody_asked() -> None:
    assert clean((PROTECTED, "four two four"), (CALLER, "mhm"), (PROTECTED, "two")) == [
        "[digits]",
        "mhm",
        "[digits]",
    ]


def test_a_password_given_when_asked_is_masked_and_a_question_is_not() -> None:
    asked = (CALLER, "What is your password?")
    assert clean(asked, (PROTECTED, "purple elephant"))[1] == "[password]"
    assert clean(asked, (PROTECTED, "why do you want it?"))[1] == "why do you want it?"


def test_a_small_answer_stays_while_nothing_secret_was_named() -> None:
    assert clean((CALLER, "How many people?"), (PROTECTED, "two"))[1] == "two"


def test_what_is_still_being_spoken_is_cleaned_and_changes_nothing() -> None:
    redactor = Redactor()
    assert redactor.peek(PROTECTED, "my pin is 4 2") == "my pin is [pin]"
    assert redactor.clean(PROTECTED, "two") == "two"


def test_clean_text_comes_back_as_it_is_a_second_time() -> None:
    once = clean((CALLER, "the code?"), (PROTECTED, "it is 4 9 2 2"))
    assert clean((CALLER, once[0]), (PROTECTED, once[1])) == once


def test_placeholders_hold_no_digits_and_differ() -> None:
    assert len(set(PLACEHOLDERS.values())) == len(PLACEHOLDERS)
    assert not any(re.search(r"\d", text) for text in PLACEHOLDERS.values())


def test_the_check_digit_of_cards() -> None:
    assert passes_luhn("4242424242424242")
    assert not passes_luhn("4242424242424241")


def _spell(digit: str, way: int, double: bool) -> str:
    word = (digit, ENGLISH[int(digit)], SPANISH[int(digit)], ENGLISH[int(digit)].capitalize())[way]
    if digit == "0" and way == 1 and double:
        return "oh"
    return word


SEPARATORS = (" ", ", ", " - ", ". ", " um ", " and then ", ", eh, ", "… ")
OPENINGS = ("", "It's ", "Sí, ", "okay so ", "it starts with ", "a ver, es el ")
ASKS = (
    "Please read me the code from the text message",
    "Dígame el código que le llegó",
    "and the card number?",
    "What is your PIN?",
    "su clave dinámica por favor",
    "número de cuenta",
)


@settings(max_examples=400, deadline=None)
@given(
    canary=st.text("0123456789", min_size=4, max_size=19),
    seed=st.integers(0, 2**32),
    ask=st.sampled_from(ASKS),
    filler=st.lists(st.sampled_from(["mhm", "go on", "sí", "okay"]), max_size=3),
)
def test_canary_digits_asked_for_never_survive(canary: str, seed: int, ask: str, filler: list[str]) -> None:
    chance = random.Random(seed)
    redactor = Redactor()
    redactor.clean(CALLER, ask)
    way = chance.randrange(4)
    left = []
    position = 0
    while position < len(canary):
        size = chance.randint(1, 6)
        piece = canary[position : position + size]
        position += size
        separator = chance.choice(SEPARATORS)
        glued = way == 0 and chance.random() < 0.3
        spoken = piece if glued else separator.join(_spell(d, way, chance.random() < 0.5) for d in piece)
        left.append(redactor.clean(PROTECTED, chance.choice(OPENINGS) + spoken))
        if filler and chance.random() < 0.3:
            redactor.clean(CALLER, chance.choice(filler))
    assert digits_left(" | ".join(left)) == ""


@settings(max_examples=300, deadline=None)
@given(
    canary=st.text("123456789", min_size=4, max_size=19),
    seed=st.integers(0, 2**32),
    around=st.sampled_from(
        [("well ", " that was it"), ("", ""), ("the thing says ", ""), ("anote usted ", " por favor")]
    ),
)
def test_a_row_of_four_digits_or_more_never_survives_though_nobody_asked(
    canary: str, seed: int, around: tuple[str, str]
) -> None:
    chance = random.Random(seed)
    way = chance.randrange(4)
    spoken = chance.choice(SEPARATORS).join(_spell(digit, way, False) for digit in canary)
    assert digits_left(Redactor().clean(PROTECTED, around[0] + spoken + around[1])) == ""


@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=200), party=st.sampled_from(list(Party)))
def test_no_text_makes_it_stumble(text: str, party: Party) -> None:
    assert isinstance(Redactor().clean(party, text), str)
