"""One assessment of two opinions."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.detection.fusion import HYSTERESIS, THRESHOLDS, assess, level_of, settle_level
from ringfence.model.assessment import AnalystReport, Assessment, Indicator, Judgement, RiskLevel

pytestmark = pytest.mark.unit

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SIGN = Indicator(
    "asks_code", "Asks for a one-time code", 3, "read me the code", 1.9, why="No honest caller asks for it."
)


def judged(
    score: float, language: str = "en", *, uncertain: bool = False, disclosure: bool = False
) -> Judgement:
    return Judgement(score, (SIGN,) if score > 0.1 else (), uncertain, language, disclosure)


def advised(score: float, explanation: str = "The model explains.") -> AnalystReport:
    return AnalystReport(score, (("Odd haste", "right now"),), explanation, model="anthropic:m")


def fused(
    judgement: Judgement,
    report: AnalystReport | None = None,
    previous: RiskLevel = RiskLevel.LOW,
    notes: tuple[str, ...] = (),
    *,
    final: bool = False,
) -> Assessment:
    return assess(
        revision=1,
        utterance=3,
        judgement=judgement,
        report=report,
        previous=previous,
        detector="rules-x",
        made_at=NOW,
        final=final,
        notes=notes,
    )


@given(st.floats(0, 1), st.floats(0, 1), st.sampled_from(list(RiskLevel)))
def test_the_analyst_can_raise_and_never_lower(local: float, analyst: float, previous: RiskLevel) -> None:
    without = fused(judged(local), None, previous)
    with_report = fused(judged(local), advised(analyst), previous)
    assert with_report.score >= without.score == local
    assert with_report.level >= without.level


def test_an_analyst_alone_makes_a_call_high_but_not_critical() -> None:
    assert fused(judged(0.02), advised(1.0)).level is RiskLevel.HIGH
    assert fused(judged(0.5), advised(1.0)).level is RiskLevel.CRITICAL


def test_levels_begin_at_their_thresholds() -> None:
    for level, threshold in THRESHOLDS.items():
        assert level_of(threshold) is level
        assert level_of(threshold - 0.001) < level


def test_a_score_that_swings_about_a_threshold_does_not_make_the_level_flap() -> None:
    level = RiskLevel.LOW
    levels = []
    for step in range(20):
        level = settle_level(THRESHOLDS[RiskLevel.MEDIUM] + (0.02 if step % 2 == 0 else -0.05), level)
        levels.append(level)
    assert set(levels) == {RiskLevel.MEDIUM}


def test_medium_is_left_when_the_score_has_clearly_fallen() -> None:
    assert settle_level(THRESHOLDS[RiskLevel.MEDIUM] - HYSTERESIS - 0.01, RiskLevel.MEDIUM) is RiskLevel.LOW


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30))
def test_high_and_critical_are_never_taken_back(scores: list[float]) -> None:
    levels = [RiskLevel.LOW]
    for score in scores:
        levels.append(settle_level(score, levels[-1]))
    for before, after in pairwise(levels):
        assert after >= before or before < RiskLevel.HIGH


def test_the_text_says_level_and_indicators_in_english() -> None:
    text = fused(judged(0.7)).text.splitlines()
    assert text[0] == "Risk level: HIGH"
    assert text[1] == "Indicators: Asks for a one-time code"
    assert "No honest caller asks for it." in text
    assert text[-1].startswith("Hang up")


def test_the_text_says_level_and_indicators_in_spanish() -> None:
    text = fused(judged(0.7, "es")).text
    assert text.startswith("Nivel de Riesgo: ALTO\nIndicadores: ")
    assert fused(judged(0.02, "es")).text.startswith("Nivel de Riesgo: BAJO\nIndicadores: ninguno")
    assert "CRÍTICO" in fused(judged(0.95, "es")).text
    assert "MEDIO" in fused(judged(0.4, "es-CL")).text


def test_another_language_is_told_in_english() -> None:
    assert fused(judged(0.7, "ko")).text.startswith("Risk level: HIGH")


def test_the_analyst_explains_what_it_agrees_with() -> None:
    assert "The model explains." in fused(judged(0.7), advised(0.8)).text


def test_an_explanation_that_plays_down_what_was_found_is_not_shown() -> None:
    text = fused(judged(0.95), advised(0.0, "This call is perfectly safe.")).text
    assert "perfectly safe" not in text
    assert "No honest caller asks for it." in text


def test_the_analyst_is_named_and_its_findings_stand_beside_ours() -> None:
    assessment = fused(judged(0.7), advised(0.9))
    assert assessment.source == "analyst:anthropic:m"
    assert [indicator.code for indicator in assessment.indicators] == ["asks_code", "analyst"]
    assert fused(judged(0.7)).source == "local"


def test_uncertain_is_said_below_high_only() -> None:
    assert fused(judged(0.4, uncertain=True)).uncertain
    assert "Not certain" in fused(judged(0.4, uncertain=True)).text
    assert not fused(judged(0.9, uncertain=True)).uncertain


def test_a_silent_analyst_and_a_silent_call_are_told() -> None:
    assert "analyst did not answer" in fused(judged(0.4), notes=("analyst_unavailable",)).text
    assert "Nothing was said" in fused(judged(0.0), notes=("no_speech",)).text


def test_a_disclosure_is_said_at_once() -> None:
    assert "being given away right now" in fused(judged(0.8, disclosure=True)).text


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("score", [0.02, 0.4, 0.7, 0.95])
@pytest.mark.parametrize("disclosure", [False, True])
def test_after_the_call_nobody_is_told_to_hang_up(language: str, score: float, disclosure: bool) -> None:
    judgement = judged(score, language, disclosure=disclosure)
    live = fused(judgement).text
    verdict = fused(judgement, final=True).text
    assert not any(
        words in verdict.lower() for words in ("hang up", "right now", "so far", "cuelgue", "ahora")
    )
    assert verdict.splitlines()[0] == live.splitlines()[0]
    if score > 0.1:
        assert verdict.splitlines()[1] == live.splitlines()[1]


def test_the_verdict_says_what_to_do_next() -> None:
    assert "call your bank on the number on your card" in fused(judged(0.7), final=True).text
    assert "llame a su banco al número de su tarjeta" in fused(judged(0.7, "es"), final=True).text
    assert "checked it by a way of your own" in fused(judged(0.4), final=True).text
    assert "comprobado antes por su cuenta" in fused(judged(0.4, "es"), final=True).text
    assert fused(judged(0.02), final=True).text == "Risk level: LOW\nIndicators: none"


def test_secrets_that_were_told_are_to_be_changed() -> None:
    assert "change every password and code" in fused(judged(0.8, disclosure=True), final=True).text
    assert "cambie las claves" in fused(judged(0.8, "es", disclosure=True), final=True).text


def test_the_bank_is_named_once() -> None:
    text = fused(judged(0.8, disclosure=True), final=True).text
    assert text.lower().count("call your bank") == 1
    assert text.endswith("tell somebody you trust what happened.")
