"""Verdicts for programs (JSON lines) and for people (one page of HTML that needs nothing else)."""

import json
from collections.abc import Sequence
from html import escape

from ringfence.model.assessment import RiskLevel
from ringfence.model.calls import Party
from ringfence.offline.judging import Verdict
from ringfence.offline.transcripts import Fault

_COLOURS = {
    RiskLevel.LOW: "#2c7a4b",
    RiskLevel.MEDIUM: "#9a6700",
    RiskLevel.HIGH: "#b42318",
    RiskLevel.CRITICAL: "#7a0019",
}
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
section { margin: 2.5rem 0; }
.level { color: #fff; border-radius: .3rem; padding: .1rem .5rem; font-weight: 600; white-space: nowrap; }
.text { white-space: pre-line; background: var(--soft); padding: .8rem 1rem; border-radius: .4rem; }
.turn { display: grid; grid-template-columns: 6rem 1fr 4rem; gap: .8rem; padding: .25rem 0; }
.turn span { opacity: .7; }
.turn b { text-align: right; font-weight: 400; opacity: .7; }
mark { background: #ffd54d; color: #000; border-radius: .2rem; }
.fault { color: #b42318; }
"""


def score(value: float) -> float:
    """0 to 100, with two places: fine enough to order calls by."""
    return round(value * 100, 2)


def json_line(verdict: Verdict) -> str:
    """One call, as the public contract has it."""
    assessment = verdict.assessment
    return json.dumps(
        {
            "id": verdict.call.id,
            "risk_level": assessment.level.word,
            "score": score(assessment.score),
            "uncertain": assessment.uncertain,
            "first_danger": verdict.first_danger,
            "utterances": [
                {"index": moment.index, "risk_level": moment.level.word, "score": score(moment.score)}
                for moment in verdict.moments
            ],
            "indicators": [
                {
                    "code": indicator.code,
                    "index": indicator.utterance,
                    "text": indicator.words,
                    "label": indicator.label,
                }
                for indicator in assessment.indicators
            ],
            "detector": assessment.detector,
            "source": assessment.source,
            "notes": list(assessment.notes),
        },
        ensure_ascii=False,
    )


def html_page(verdicts: Sequence[Verdict], faults: Sequence[Fault]) -> str:
    """A page that stands alone: no script, nothing loaded from elsewhere. Everything said is escaped."""
    rows = "".join(_row(number, verdict) for number, verdict in enumerate(verdicts))
    calls = "".join(_section(number, verdict) for number, verdict in enumerate(verdicts))
    unread = "".join(f'<p class="fault">{escape(str(fault))}</p>' for fault in faults)
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Ringfence: {len(verdicts)} calls judged</title><style>{_STYLE}</style></head>
<body>
<h1>{len(verdicts)} calls judged</h1>
{unread}
<table><thead><tr><th>Call</th><th>Level</th><th>Score</th><th>First warning</th><th>Signs</th></tr></thead>
<tbody>{rows}</tbody></table>
{calls}
</body></html>
"""


def _badge(level: RiskLevel) -> str:
    return f'<span class="level" style="background:{_COLOURS[level]}">{level.word}</span>'


def labels(verdict: Verdict) -> list[str]:
    """What was found, each thing once, the weightiest first."""
    ranked = sorted(verdict.assessment.indicators, key=lambda indicator: -indicator.weight)
    return list(dict.fromkeys(indicator.label for indicator in ranked))


def _row(number: int, verdict: Verdict) -> str:
    first = verdict.first_danger
    return (
        f'<tr><td><a href="#call-{number}">{escape(verdict.call.id)}</a></td>'
        f"<td>{_badge(verdict.assessment.level)}{' uncertain' if verdict.assessment.uncertain else ''}</td>"
        f"<td>{verdict.assessment.score_percent}</td>"
        f"<td>{'' if first is None else f'turn {first + 1}'}</td>"
        f"<td>{escape(', '.join(labels(verdict)))}</td></tr>"
    )


def _section(number: int, verdict: Verdict) -> str:
    turns = "".join(_turn(verdict, index) for index in range(len(verdict.heard)))
    return (
        f'<section id="call-{number}"><h2>{escape(verdict.call.id)} {_badge(verdict.assessment.level)}</h2>'
        f'<p class="text">{escape(verdict.assessment.text)}</p>{turns}'
        f"<p>Judged by {escape(verdict.assessment.detector)}, {escape(verdict.assessment.source)}.</p></section>"
    )


def _turn(verdict: Verdict, index: int) -> str:
    speaker = "caller" if verdict.call.turns[index].party is Party.REMOTE else "callee"
    moment = verdict.moments[index]
    return (
        f'<div class="turn"><span>{speaker}</span><div>{_marked(verdict, index)}</div>'
        f"<b>{round(moment.score * 100)}</b></div>"
    )


def _marked(verdict: Verdict, index: int) -> str:
    """The turn's words, with those that were evidence marked."""
    text = verdict.heard[index]
    spans = sorted(
        (start, start + len(indicator.words), indicator.label)
        for indicator in verdict.assessment.indicators
        if indicator.utterance == index and indicator.words and (start := text.find(indicator.words)) >= 0
    )
    out = []
    place = 0
    for start, end, label in spans:
        if start < place:
            continue
        out.append(escape(text[place:start]))
        out.append(f'<mark title="{escape(label)}">{escape(text[start:end])}</mark>')
        place = end
    out.append(escape(text[place:]))
    return "".join(out)
