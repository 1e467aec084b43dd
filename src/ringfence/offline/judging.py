"""Calls to verdicts: the live monitor is fed turn by turn, and looked at after each."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from ringfence.clock import SystemClock
from ringfence.contracts import Analyst
from ringfence.detection.detector import Detector, load_detector
from ringfence.model.assessment import Assessment, Indicator, RiskLevel
from ringfence.model.calls import Call, CallId, CallSid
from ringfence.model.errors import ProviderError
from ringfence.model.speech import Segment
from ringfence.monitoring import recorder
from ringfence.monitoring.monitor import (
    AnalystAnswered,
    AnalystFailed,
    AskAnalyst,
    CallEnded,
    CallMonitor,
    Effect,
    Event,
    MonitorPolicy,
    SegmentHeard,
)
from ringfence.offline.transcripts import OfflineCall, Turn

TURN_MS = 4_000
"""Length given to a turn of which no time is known; only the order matters to the judgement."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The judgement after one turn."""

    index: int
    level: RiskLevel
    score: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """A call, judged."""

    call: OfflineCall
    moments: tuple[Moment, ...]
    """One for each turn."""
    assessment: Assessment
    """The final one. Its indicators point to turns of `call`."""
    heard: tuple[str, ...]
    """What was said, turn by turn, as it was judged: secrets taken out."""

    @property
    def first_danger(self) -> int | None:
        """The first turn at which the level was at least medium."""
        return next((moment.index for moment in self.moments if moment.level.is_danger), None)


async def judge(
    call: OfflineCall,
    detector: Detector,
    *,
    language: str = "en",
    analyst: Analyst | None = None,
    analysis_every: int = 3,
    at: datetime,
) -> Verdict:
    """Feed the call to a monitor. `language` is the line's where the call does not say its own."""
    run = _Run(call, detector, language, analyst=analyst, analysis_every=analysis_every, at=at)
    moments = []
    for index, turn in enumerate(call.turns):
        await run.hear(index, turn)
        moments.append(run.moment(index))
    await run.tell(CallEnded(at))
    return run.verdict(tuple(moments))


class _Run:
    """One call on its way through a monitor."""

    def __init__(
        self,
        call: OfflineCall,
        detector: Detector,
        language: str,
        *,
        analyst: Analyst | None,
        analysis_every: int,
        at: datetime,
    ) -> None:
        self._call = call
        self._analyst = analyst
        self._at = at
        self._turn_of_utterance: list[int] = []
        self._monitor = CallMonitor(
            Call(
                id=CallId(call.id),
                sid=CallSid(call.id),
                caller_number="",
                called_number="",
                language=call.language or language,
                started_at=at,
            ),
            detector,
            MonitorPolicy(
                analysis_every=analysis_every,
                has_analyst=analyst is not None,
                has_final_analyst=analyst is not None,
            ),
        )

    async def hear(self, index: int, turn: Turn) -> None:
        start_ms = turn.start_ms if turn.start_ms >= 0 else index * TURN_MS
        end_ms = turn.end_ms if turn.end_ms >= 0 else start_ms + TURN_MS
        before = len(self._monitor.transcript)
        await self.tell(SegmentHeard(Segment(turn.party, turn.text, start_ms, end_ms), self._at))
        if len(self._monitor.transcript) > before:
            self._turn_of_utterance.append(index)

    async def tell(self, event: Event) -> None:
        """Hand an event over and perform what is asked for: of the effects only the analyst matters here."""
        for effect in self._monitor.receive(event):
            if isinstance(effect, AskAnalyst) and self._analyst is not None:
                await self.tell(await self._ask(self._analyst, effect))

    async def _ask(self, analyst: Analyst, question: AskAnalyst) -> Event:
        try:
            report = await analyst.analyse(question.brief)
        except ProviderError as error:
            return AnalystFailed(str(error), question.brief.final, self._at)
        return AnalystAnswered(report, question.brief.final, self._at)

    def moment(self, index: int) -> Moment:
        assessment = self._monitor.assessment
        score = assessment.score if assessment else 0.0
        return Moment(index, self._monitor.level, score)

    def verdict(self, moments: tuple[Moment, ...]) -> Verdict:
        assessment = self._monitor.assessment
        if assessment is None:
            raise RuntimeError("a call that ended has an assessment")
        heard = [""] * len(self._call.turns)
        for utterance in self._monitor.transcript:
            heard[self._turn_of_utterance[utterance.index]] = utterance.text
        return Verdict(
            call=self._call,
            moments=moments,
            assessment=replace(
                assessment, indicators=tuple(self._placed(indicator) for indicator in assessment.indicators)
            ),
            heard=tuple(heard),
        )

    def _placed(self, indicator: Indicator) -> Indicator:
        if not 0 <= indicator.utterance < len(self._turn_of_utterance):
            return indicator
        return replace(indicator, utterance=self._turn_of_utterance[indicator.utterance])


def assess(text: str, language: str = "en") -> Assessment:
    """The judgement of a transcript, by the local detector, without a network.

    A turn a line, `caller:` or `callee:` before it where it is known who spoke."""
    from ringfence.offline.transcripts import Fault, read_transcript

    for item, _ in read_transcript("text", text):
        if isinstance(item, Fault):
            raise ValueError(str(item))
        verdict = _finish(judge(item, load_detector(), language=language, at=SystemClock().now()))
        return verdict.assessment
    raise ValueError("nothing was said")


def replay(path: str | Path) -> Iterator[Effect]:
    """Run a recorded call through the live monitor again, and give its effects. Raises WireFormatError, OSError."""
    with Path(path).open(encoding="utf-8") as lines:
        yield from recorder.replay(lines, load_detector())


def _finish(work: Awaitable[Verdict]) -> Verdict:
    """The result of a coroutine that waits for nothing: without an analyst there is nothing to wait for."""
    step: Callable[[None], object] = work.__await__().send
    try:
        step(None)
    except StopIteration as done:
        verdict: Verdict = done.value
        return verdict
    raise RuntimeError("judging a transcript waited for something")
