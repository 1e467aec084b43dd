"""How tactics add up."""

import pytest

from ringfence.detection.detector import load_detector
from ringfence.detection.weighing import BIAS, GROUP_CAPS, CaseFile, probability

pytestmark = pytest.mark.unit


def case(*found: tuple[str, int]) -> CaseFile:
    file = CaseFile(load_detector().book.tactics)
    for code, utterance in found:
        file.add(code, 1.0, utterance)
    return file


def test_nothing_found_is_the_bias() -> None:
    assert case().log_odds(10) == BIAS
    assert probability(BIAS) < 0.05


def test_a_probability_stays_in_range_however_far_the_evidence_goes() -> None:
    assert probability(0) == 0.5
    assert 0 < probability(-1e9) < probability(1e9) < 1


def test_said_again_a_tactic_adds_a_little_and_no_more() -> None:
    once = case(("urgency", 0)).log_odds(0)
    twice = case(("urgency", 0), ("urgency", 0)).log_odds(0)
    often = case(*[("urgency", 0)] * 50).log_odds(0)
    weight = load_detector().book.tactics["urgency"].weight
    assert once < twice < often <= once + 0.5 * weight + 1e-9


def test_a_group_is_capped() -> None:
    codes = [code for code, tactic in load_detector().book.tactics.items() if tactic.group == "theatre"]
    assert case(*[(code, 0) for code in codes * 9]).log_odds(0) <= BIAS + GROUP_CAPS["theatre"] + 1e-9


def test_a_hook_fades_and_a_demand_hardly_does() -> None:
    def share_left(code: str) -> float:
        file = case((code, 0))
        return (file.log_odds(60) - BIAS) / (file.log_odds(0) - BIAS)

    assert share_left("account_trouble") < 0.5
    assert share_left("asks_code") > 0.75


@pytest.mark.parametrize(
    "pair",
    [
        ("claims_bank", "asks_code"),
        ("secrecy", "asks_money"),
        ("relative_trouble", "asks_money"),
        ("legal_trouble", "threat"),
        ("device_trouble", "claims_tech_support"),
        ("bait_money", "press_key"),
        ("bait_prize", "advance_fee"),
        ("claims_bank", "asks_account"),
    ],
)
def test_what_belongs_together_is_worth_more_together(pair: tuple[str, str]) -> None:
    alone = sum(case((code, 0)).log_odds(0) - BIAS for code in pair)
    assert case((pair[0], 0), (pair[1], 1)).log_odds(1) - BIAS > alone + 0.4


def test_no_single_tactic_makes_a_call_high() -> None:
    for code, tactic in load_detector().book.tactics.items():
        if tactic.by != "protected":
            assert probability(case((code, 0)).log_odds(0)) < 0.65, code


def test_asking_for_nothing_speaks_for_the_caller_until_something_is_asked() -> None:
    assert case(("claims_bank", 0), ("no_demand", 1)).log_odds(1) < case(("claims_bank", 0)).log_odds(1)
    demanded = (("claims_bank", 0), ("asks_code", 2))
    assert case(*demanded, ("no_demand", 1)).log_odds(2) == pytest.approx(
        case(*demanded).log_odds(2), abs=0.02
    )
