import pytest

from ringfence.model.calls import Attestation
from ringfence.telephony.attestation import read_attestation

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("suffix", ["", "-Diverted", "-Passthrough"])
@pytest.mark.parametrize("letter", ["A", "B", "C"])
def test_a_passed_validation_is_worth_its_letter(letter: str, suffix: str) -> None:
    assert read_attestation(f"TN-Validation-Passed-{letter}{suffix}") is Attestation(letter)


@pytest.mark.parametrize("suffix", ["", "-Diverted", "-Passthrough"])
@pytest.mark.parametrize("letter", ["-A", "-B", "-C", ""])
def test_a_failed_validation_is_a_failure_whatever_its_letter(letter: str, suffix: str) -> None:
    assert read_attestation(f"TN-Validation-Failed{letter}{suffix}") is Attestation.FAILED


@pytest.mark.parametrize(
    "verstat",
    [None, "", "NULL", "No-TN-Validation", "TN-Validation-Passed", "TN-Validation-Passed-D", "A+", "passed"],
)
def test_everything_else_vouches_for_nothing(verstat: str | None) -> None:
    assert read_attestation(verstat) is Attestation.ABSENT


@pytest.mark.parametrize("verstat", ["B", " tn-validation-passed-b ", "TN-VALIDATION-PASSED-B-DIVERTED"])
def test_other_carriers_spelling_counts(verstat: str) -> None:
    assert read_attestation(verstat) is Attestation.B
