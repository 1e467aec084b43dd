"""The local judgement and the analyst's report become one assessment: its level, and the words a person reads. Pure."""

from collections.abc import Sequence
from datetime import datetime

from ringfence.model.assessment import AnalystReport, Assessment, Indicator, Judgement, RiskLevel

THRESHOLDS = {RiskLevel.MEDIUM: 0.35, RiskLevel.HIGH: 0.65, RiskLevel.CRITICAL: 0.88}
"""Score from which a level holds. Chosen on the playbooks: no innocent one reaches HIGH."""
HYSTERESIS = 0.10
"""A level below HIGH is left again only when the score falls so far under its threshold."""
CRITICAL_NEEDS_LOCAL = 0.20
"""An analyst alone does not make a call critical: the local detector must have found this much."""
ANALYST_CODE = "analyst"

_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "level": "Risk level",
        "low": "LOW",
        "medium": "MEDIUM",
        "high": "HIGH",
        "critical": "CRITICAL",
        "indicators": "Indicators",
        "none": "none so far",
        "none_after": "none",
        "uncertain": "Not certain: what was heard allows no clear judgement.",
        "disclosure": "Secret data are being given away right now. Stop, and hang up.",
        "analyst_unavailable": "Judged by the local detector alone: the analyst did not answer.",
        "advice_medium": "Be careful: give no data and no money, and check by a way of your own.",
        "advice_high": "Hang up, and call back on a number that you know.",
        "disclosure_after": "Secret data were given away. Call your bank now, on the number on your card, "
        "and change every password and code that was told.",
        "advice_medium_after": "Do nothing that was asked for in this call before you have checked it by a way "
        "of your own.",
        "advice_told_after": "Do not call that number back, and tell somebody you trust what happened.",
        "advice_high_after": "Do not call that number back. If you gave data or money, call your bank on the "
        "number on your card, and tell somebody you trust.",
        "no_speech": "Nothing was said that could be understood.",
        "analyst_why": "Found by the analyst.",
    },
    "es": {
        "level": "Nivel de Riesgo",
        "low": "BAJO",
        "medium": "MEDIO",
        "high": "ALTO",
        "critical": "CRÍTICO",
        "indicators": "Indicadores",
        "none": "ninguno hasta ahora",
        "none_after": "ninguno",
        "uncertain": "Sin certeza: lo que se oyó no permite un juicio claro.",
        "disclosure": "Se están entregando datos secretos ahora mismo. Deténgase y cuelgue.",
        "analyst_unavailable": "Juicio del detector local: el analista no respondió.",
        "advice_medium": "Tenga cuidado: no entregue datos ni dinero y compruébelo por su cuenta.",
        "advice_high": "Cuelgue y llame usted a un número que conozca.",
        "disclosure_after": "Se entregaron datos secretos. Llame ya a su banco, al número de su tarjeta, y cambie "
        "las claves que haya dicho.",
        "advice_medium_after": "No haga nada de lo que le pidieron sin haberlo comprobado antes por su cuenta.",
        "advice_told_after": "No devuelva la llamada a ese número y cuéntele lo ocurrido a alguien de confianza.",
        "advice_high_after": "No devuelva la llamada a ese número. Si dio datos o dinero, llame a su banco al "
        "número de su tarjeta y cuénteselo a alguien de confianza.",
        "no_speech": "No se dijo nada que se entendiera.",
        "analyst_why": "Lo encontró el analista.",
    },
}


def assess(
    *,
    revision: int,
    utterance: int,
    judgement: Judgement,
    report: AnalystReport | None,
    previous: RiskLevel,
    detector: str,
    made_at: datetime,
    final: bool = False,
    notes: Sequence[str] = (),
) -> Assessment:
    """One assessment. The score never falls below the local one; HIGH and CRITICAL are never taken back."""
    score = _score(judgement, report)
    level = settle_level(score, previous)
    indicators = judgement.indicators + _analyst_indicators(report, judgement.language)
    return Assessment(
        revision=revision,
        utterance=utterance,
        level=level,
        score=score,
        uncertain=judgement.uncertain and level <= RiskLevel.MEDIUM,
        indicators=indicators,
        text=explain(level, judgement, report, indicators, notes, is_over=final),
        detector=detector,
        source=f"analyst:{report.model}" if report is not None else "local",
        made_at=made_at,
        final=final,
        notes=tuple(notes),
    )


def level_of(score: float) -> RiskLevel:
    """The level of a score by itself."""
    return max(
        (level for level, threshold in THRESHOLDS.items() if score >= threshold), default=RiskLevel.LOW
    )


def settle_level(score: float, previous: RiskLevel) -> RiskLevel:
    """The level of a call that stood at `previous`: it rises at once and does not flap on the way down."""
    level = level_of(score)
    if level >= previous or previous >= RiskLevel.HIGH:
        return max(level, previous)
    return previous if score >= THRESHOLDS[previous] - HYSTERESIS else level


def _score(judgement: Judgement, report: AnalystReport | None) -> float:
    if report is None:
        return judgement.score
    advised = report.score
    if judgement.score < CRITICAL_NEEDS_LOCAL:
        advised = min(advised, THRESHOLDS[RiskLevel.CRITICAL] - 0.01)
    return max(judgement.score, advised)


def _analyst_indicators(report: AnalystReport | None, language: str) -> tuple[Indicator, ...]:
    if report is None:
        return ()
    return tuple(
        Indicator(
            code=ANALYST_CODE,
            label=label,
            utterance=-1,
            words=words,
            weight=0.0,
            why=_vocabulary(language)["analyst_why"],
        )
        for label, words in report.indicators
    )


def explain(
    level: RiskLevel,
    judgement: Judgement,
    report: AnalystReport | None,
    indicators: Sequence[Indicator],
    notes: Sequence[str],
    *,
    is_over: bool = False,
) -> str:
    """The text a person reads, in the call's language: what to do now, or once the call is over what to do next."""
    words = _vocabulary(judgement.language)
    after = "_after" if is_over else ""
    ranked = sorted(indicators, key=lambda indicator: -indicator.weight)
    labels = list(dict.fromkeys(indicator.label for indicator in ranked))
    lines = [
        f"{words['level']}: {words[level.word]}",
        f"{words['indicators']}: {', '.join(labels) if labels else words['none' + after]}",
    ]
    if "no_speech" in notes:
        lines.append(words["no_speech"])
    if judgement.disclosure and level.is_danger:
        lines.append(words["disclosure" + after])
    # An analyst that plays down what was found may have been talked into it.
    agrees = report is not None and level_of(report.score) >= level
    if report is not None and agrees and report.explanation:
        lines.append(report.explanation)
    elif level.is_danger:
        lines.extend(dict.fromkeys(indicator.why for indicator in ranked[:6] if indicator.why))
        del lines[6:]
    if level >= RiskLevel.HIGH:
        # What is to be done about secrets that were told stands above already.
        ours = "advice_told_after" if is_over and judgement.disclosure else "advice_high" + after
        lines.append(
            report.suggested_action if report and agrees and report.suggested_action else words[ours]
        )
    elif level is RiskLevel.MEDIUM:
        lines.append(words["advice_medium" + after])
    if judgement.uncertain and level <= RiskLevel.MEDIUM and "no_speech" not in notes:
        lines.append(words["uncertain"])
    if "analyst_unavailable" in notes:
        lines.append(words["analyst_unavailable"])
    return "\n".join(lines)


def _vocabulary(language: str) -> dict[str, str]:
    return _WORDS.get(language.split("-", maxsplit=1)[0], _WORDS["en"])
