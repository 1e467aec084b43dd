"""A call is judged by a pure state machine: events in, effects out.

`CallMonitor.receive` knows no clock, socket, model or database; time comes as a field of the events. Whole
calls are therefore tested as scripts, a recorded call is replayed at any speed, and offline judgement runs the
very code that runs live. Because it is synchronous, two legs can never interleave inside it: no locks.

Effects come in the order in which they are to be performed: what is shown was kept before.
"""

from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from ringfence.contracts import Brief
from ringfence.detection import escalation, fusion
from ringfence.detection.detector import Detector
from ringfence.model.assessment import AnalystReport, Assessment, Judgement, RiskLevel
from ringfence.model.calls import Call, CallStatus, Party
from ringfence.model.speech import AudioDropped, EngineSwitched, Gap, Segment, Utterance
from ringfence.monitoring import messages
from ringfence.monitoring.messages import Message
from ringfence.privacy.redact import Redactor
from ringfence.speech.utterances import UtteranceBuilder

# --- events ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SegmentHeard:
    """A speech engine understood something."""

    segment: Segment
    at: datetime


@dataclass(frozen=True, slots=True)
class EngineFailed:
    """A speech engine failed; the next one, if any, has taken over."""

    switch: EngineSwitched
    at: datetime


@dataclass(frozen=True, slots=True)
class AudioMissed:
    """An engine could not keep up and audio was thrown away."""

    dropped: AudioDropped
    at: datetime


@dataclass(frozen=True, slots=True)
class StreamLost:
    """No audio comes any more, though the call has not ended."""

    reason: str
    at_ms: int
    """Offset from the start of the call's first stream."""
    at: datetime


@dataclass(frozen=True, slots=True)
class StreamResumed:
    at_ms: int
    at: datetime


@dataclass(frozen=True, slots=True)
class AnalystAnswered:
    report: AnalystReport
    final: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class AnalystFailed:
    """Late, out of order, out of budget, or talking nonsense: an event like any other."""

    reason: str
    final: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class RecordingReviewed:
    """The whole recording was heard once more, with more care, after the call."""

    segments: tuple[Segment, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class CallEnded:
    at: datetime
    status: CallStatus = CallStatus.ENDED
    at_ms: int | None = None
    """Offset from the start of the call's first stream, where it is known."""


Event = (
    SegmentHeard
    | EngineFailed
    | AudioMissed
    | StreamLost
    | StreamResumed
    | AnalystAnswered
    | AnalystFailed
    | RecordingReviewed
    | CallEnded
)

# --- effects ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Keep:
    """Store it before anything that follows is performed."""

    entry: Utterance | Assessment | Gap


@dataclass(frozen=True, slots=True)
class Show:
    """Tell whoever looks on."""

    message: Message


@dataclass(frozen=True, slots=True)
class AskAnalyst:
    """Have the analyst look; the answer comes back as AnalystAnswered or AnalystFailed."""

    brief: Brief


@dataclass(frozen=True, slots=True)
class RaiseAlert:
    """The level rose to one at which somebody must be told. Once for each level of a call."""

    assessment: Assessment


@dataclass(frozen=True, slots=True)
class CloseCall:
    """The verdict stands and nothing more will come."""

    status: CallStatus
    ended_at: datetime


Effect = Keep | Show | AskAnalyst | RaiseAlert | CloseCall


@dataclass(frozen=True, slots=True)
class MonitorPolicy:
    analysis_every: int = 3
    """Utterances between two live analyses."""
    has_analyst: bool = False
    has_final_analyst: bool = False


class CallMonitor:
    """One call's judgement, from its first word to its verdict."""

    def __init__(self, call: Call, detector: Detector, policy: MonitorPolicy) -> None:
        self.call = call
        self.transcript: list[Utterance] = []
        self.assessment: Assessment | None = None
        """The current one; None while nothing has been said."""
        self._detector = detector
        self._policy = policy
        self._judge = detector.begin(call.language)
        self._judgement = Judgement(score=0.0, indicators=(), uncertain=True, language=call.language)
        self._redactor = Redactor()
        self._builder = UtteranceBuilder()
        self._report: AnalystReport | None = None
        self._notes: dict[str, None] = {}
        self._asking = False
        self._ask_again = False
        self._utterances_unanalysed = 0
        self._alerted = RiskLevel.LOW
        self._paused_at_ms: int | None = None
        self._unheard_since: dict[Party, Gap] = {}
        self._ended: CallEnded | None = None

    @property
    def level(self) -> RiskLevel:
        return self.assessment.level if self.assessment else RiskLevel.LOW

    @property
    def is_protected(self) -> bool:
        """False while no audio comes, or when no engine is left for a party."""
        return self._paused_at_ms is None and "no_engine" not in self._notes

    @property
    def is_closed(self) -> bool:
        return self.assessment is not None and self.assessment.final

    def receive(self, event: Event) -> list[Effect]:
        """Take in what happened; say what is to be done about it, in order."""
        if self.is_closed:
            return []
        match event:
            case SegmentHeard(segment, at):
                return self._hear(segment, at) if segment.is_final else self._overhear(segment)
            case EngineFailed(switch, _):
                return self._engine_failed(switch)
            case AudioMissed(dropped, _):
                return self._note_gap(
                    Gap(
                        dropped.start_ms,
                        dropped.start_ms + dropped.duration_ms,
                        "audio_dropped",
                        dropped.party,
                    )
                )
            case StreamLost(reason, at_ms, _):
                return self._pause(reason, at_ms)
            case StreamResumed(at_ms, _):
                return self._resume(at_ms)
            case AnalystAnswered(report, final, at):
                self._report = report
                self._notes.pop("analyst_unavailable", None)
                return self._analysed(final, at)
            case AnalystFailed(_, final, at):
                self._notes["analyst_unavailable"] = None
                return self._analysed(final, at)
            case RecordingReviewed(segments, _):
                return self._review(segments)
            case CallEnded():
                return self._end(event)
            case _:
                assert_never(event)

    # --- words

    def _hear(self, segment: Segment, at: datetime) -> list[Effect]:
        utterance = self._utterance(segment, self._redactor, len(self.transcript))
        if utterance is None:
            return []
        self.transcript.append(utterance)
        self._judgement = self._judge.hear(utterance)
        previous = self.level
        assessed = self._assess(at)
        self._utterances_unanalysed += 1
        return [
            Keep(utterance),
            Show(messages.transcript_update(self.call.sid, utterance)),
            *assessed,
            *self._maybe_ask(previous),
        ]

    def _overhear(self, segment: Segment) -> list[Effect]:
        text = copy(self._redactor).clean(segment.party, segment.text)
        return [Show(messages.transcript_partial(self.call.sid, segment.party.role, text))]

    def _utterance(self, segment: Segment, redactor: Redactor, index: int) -> Utterance | None:
        utterance = self._builder.add(segment, index)
        if utterance is None:
            return None
        return Utterance(
            index=index,
            party=utterance.party,
            text=redactor.clean(utterance.party, utterance.text),
            start_ms=utterance.start_ms,
            end_ms=utterance.end_ms,
            engine=utterance.engine,
            confidence=utterance.confidence,
        )

    # --- judgement

    def _assess(self, at: datetime, *, final: bool = False) -> list[Effect]:
        current = self.assessment
        assessment = fusion.assess(
            revision=current.revision + 1 if current else 1,
            utterance=len(self.transcript) - 1,
            judgement=self._judgement,
            report=self._report,
            previous=self.level,
            detector=self._detector.version,
            made_at=at,
            final=final,
            notes=tuple(self._notes),
        )
        self.assessment = assessment
        effects: list[Effect] = [
            Keep(assessment),
            Show(messages.analysis_complete(self.call.sid, assessment)),
        ]
        if assessment.level.is_danger and assessment.level > self._alerted:
            self._alerted = assessment.level
            effects.append(RaiseAlert(assessment))
        return effects

    def _maybe_ask(self, previous: RiskLevel) -> list[Effect]:
        wanted = self._policy.has_analyst and escalation.wants_analyst(
            utterances_since_last=self._utterances_unanalysed,
            every=self._policy.analysis_every,
            level=self.level,
            previous_level=previous,
        )
        if not wanted:
            return []
        if self._asking:
            self._ask_again = True
            return []
        return [self._ask(final=False)]

    def _ask(self, *, final: bool) -> Effect:
        self._asking = True
        self._ask_again = False
        self._utterances_unanalysed = 0
        return AskAnalyst(
            Brief(
                language=self._judgement.language or self.call.language,
                transcript=tuple(self.transcript),
                judgement=self._judgement,
                final=final,
            )
        )

    def _analysed(self, final: bool, at: datetime) -> list[Effect]:
        if final:
            return self._close(at)
        self._asking = False
        if self._ended is not None:
            return []  # The last look is already under way and will be the newer one.
        effects = self._assess(at)
        if self._ask_again:
            effects.append(self._ask(final=False))
        return effects

    # --- what was not heard

    def _engine_failed(self, switch: EngineSwitched) -> list[Effect]:
        effects: list[Effect] = []
        reason = f"engine_failed:{switch.engine}" if switch.engine else "no_engine"
        gap = Gap(switch.gap_start_ms, switch.gap_end_ms, reason, switch.party)
        if switch.gap_end_ms > switch.gap_start_ms or not switch.next_engine:
            effects += self._note_gap(gap)
        if not switch.next_engine:
            self._unheard_since[switch.party] = gap
            self._notes["no_engine"] = None
            effects.append(
                Show(messages.protection_changed(self.call.sid, paused=True, reason="no_speech_engine"))
            )
        return effects

    def _note_gap(self, gap: Gap) -> list[Effect]:
        self._notes["audio_missed"] = None
        return [Keep(gap), Show(messages.gap_noted(self.call.sid, gap))]

    def _pause(self, reason: str, at_ms: int) -> list[Effect]:
        if self._paused_at_ms is not None or self._ended is not None:
            return []
        self._paused_at_ms = at_ms
        return [Show(messages.protection_changed(self.call.sid, paused=True, reason=reason))]

    def _resume(self, at_ms: int) -> list[Effect]:
        if self._paused_at_ms is None:
            return []
        gap = Gap(self._paused_at_ms, max(at_ms, self._paused_at_ms), "stream_lost")
        self._paused_at_ms = None
        effects = self._note_gap(gap)
        if self.is_protected:
            effects.append(
                Show(messages.protection_changed(self.call.sid, paused=False, reason="stream_resumed"))
            )
        return effects

    # --- the end

    def _end(self, event: CallEnded) -> list[Effect]:
        if self._ended is not None:
            return []
        self._ended = event
        end_ms = event.at_ms or 0
        effects: list[Effect] = []
        if self._paused_at_ms is not None:
            effects += self._note_gap(Gap(self._paused_at_ms, max(end_ms, self._paused_at_ms), "stream_lost"))
        for gap in self._unheard_since.values():
            if end_ms > gap.end_ms:
                effects += self._note_gap(replace(gap, start_ms=gap.end_ms, end_ms=end_ms))
        if not self.transcript:
            self._notes["no_speech"] = None
        if self.transcript and self._policy.has_final_analyst:
            return [*effects, self._ask(final=True)]
        return [*effects, *self._close(event.at)]

    def _review(self, segments: tuple[Segment, ...]) -> list[Effect]:
        """Judge the careful hearing by itself; the worse of the two judgements stands."""
        judge = self._detector.begin(self.call.language)
        redactor = Redactor()
        judgement = self._judgement
        index = 0
        for segment in sorted(segments, key=lambda each: each.start_ms):
            utterance = self._utterance(segment, redactor, index)
            if utterance is None:
                continue
            index += 1
            reviewed = judge.hear(utterance)
            if reviewed.score > judgement.score:
                judgement = reviewed
        if judgement is not self._judgement:
            self._notes["raised_by_review"] = None
            # Its evidence stands in the second hearing, not in the live transcript: no index.
            indicators = tuple(replace(indicator, utterance=-1) for indicator in judgement.indicators)
            self._judgement = replace(judgement, indicators=indicators)
        return []

    def _close(self, at: datetime) -> list[Effect]:
        status = self._ended.status if self._ended else CallStatus.ENDED
        ended_at = self._ended.at if self._ended else at
        return [*self._assess(at, final=True), CloseCall(status, ended_at)]
