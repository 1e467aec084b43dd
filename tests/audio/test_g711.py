"""Judged by ITU-T G.711, table 2: the decoder by its formula and by entries read from the table itself."""

import pytest

from ringfence.audio.g711 import SILENCE, decode_mulaw, encode_mulaw

pytestmark = pytest.mark.unit

# Decoder output values y_n of table 2a (14-bit), with the character signal of the positive value as sent.
TABLE_2A = {
    0x80: 8031,
    0x8F: 4191,
    0x9F: 2079,
    0xAF: 1023,
    0xBF: 495,
    0xCF: 231,
    0xDF: 99,
    0xEF: 33,
    0xFE: 2,
    0xFF: 0,
}


def samples(pcm: bytes) -> list[int]:
    return [int.from_bytes(pcm[i : i + 2], "little", signed=True) for i in range(0, len(pcm), 2)]


def by_formula(code: int) -> int:
    """The recommendation's segments: sign, 3 bits of exponent, 4 bits of mantissa, all inverted on the line."""
    bits = ~code & 0xFF
    exponent, mantissa = (bits >> 4) & 7, bits & 0xF
    magnitude = ((2 * mantissa + 33) << exponent) - 33
    return -magnitude if bits & 0x80 else magnitude


@pytest.mark.parametrize(("code", "value"), TABLE_2A.items(), ids=[f"{code:#04x}" for code in TABLE_2A])
def test_entries_of_the_table_decode_to_their_values(code: int, value: int) -> None:
    assert samples(decode_mulaw(bytes([code]))) == [4 * value]
    assert samples(decode_mulaw(bytes([code & 0x7F]))) == [-4 * value]


def test_all_codes_decode_as_the_formula_says() -> None:
    assert samples(decode_mulaw(bytes(range(256)))) == [4 * by_formula(code) for code in range(256)]


def test_what_was_decoded_encodes_to_itself() -> None:
    codes = bytes(range(256))
    again = encode_mulaw(decode_mulaw(codes))
    assert again == codes.replace(b"\x7f", b"\xff")  # Negative zero becomes positive zero.


def lower_decision_value(code: int) -> int:
    """x_n of table 2a: the smallest 14-bit sample that belongs to a positive code."""
    bits = ~code & 0xFF
    exponent, mantissa = bits >> 4, bits & 0xF
    return ((mantissa + 16) << (exponent + 1)) - 33


def test_decision_values_are_those_of_the_table() -> None:
    assert [lower_decision_value(code) for code in (0x8F, 0x9F, 0xAF, 0xBF, 0xCF, 0xDF, 0xEF)] == [
        4063,
        2015,
        991,
        479,
        223,
        95,
        31,
    ]


@pytest.mark.parametrize("sign", [1, -1], ids=["positive", "negative"])
def test_samples_change_code_at_the_decision_values(sign: int) -> None:
    flip = 0 if sign > 0 else 0x80
    for code in range(0x80, 0xFE):
        above, below = (4 * (lower_decision_value(code) + offset) * sign for offset in (1, -1))
        assert encode_mulaw(above.to_bytes(2, "little", signed=True)) == bytes([code ^ flip])
        assert encode_mulaw(below.to_bytes(2, "little", signed=True)) == bytes([(code + 1) ^ flip])


def test_overload_is_cut_to_the_last_value() -> None:
    pcm = (32_767).to_bytes(2, "little", signed=True) + (-32_768).to_bytes(2, "little", signed=True)
    assert encode_mulaw(pcm) == b"\x80\x00"


def test_silence_is_zero() -> None:
    assert decode_mulaw(SILENCE) == b"\0\0"


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="even"):
        encode_mulaw(b"\0")
