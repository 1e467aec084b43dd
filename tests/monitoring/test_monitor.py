from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ringfence.detection.detector import load_detector
from ringfence.model.assessment import AnalystReport, Assessment, RiskLevel
from ringfence.model.calls import Call, CallId, CallSid, CallStatus, Party
from ringfence.model.speech import AudioDropped, EngineSwitched, Gap, Segment, Utterance
from ringfence.monitoring.monitor import (
    AnalystAnswered,
    AnalystFailed,
    AskAnalyst,
    AudioMissed,
    CallEnded,
    CallMonitor,
    CloseCall,
    Effect,
    EngineFailed,
    Keep,
    MonitorPolicy,
    RaiseAlert,
    RecordingReviewed,
    SegmentHeard,
    Show,
    StreamLost,
    StreamResumed,
)

pytestmark = pytest.mark.unit

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
CALL = Call(CallId("id-1"), CallSid("CA1"), "+15550111", "+15550100", "en", NOW)
SCAM = (
    "this is the fraud department of your bank your account has been compromised",
    "do not tell anyone about this call and do not hang up",
    "read me the six digit code we just sent you",
    "you must move your money to a safe account right now",
)
REPORT = AnalystReport(
    0.97, (("Bank impersonation", "your bank"),), "It asks for a code.", model="fake:model"
)


def monitor(**policy: object) -> CallMonitor:
    return CallMonitor(CALL, load_detector(), MonitorPolicy(**policy))  # type: ignore[arg-type]


def heard(text: str, *, n: int = 0, party: Party = Party.REMOTE, final: bool = True) -> SegmentHeard:
    segment = Segment(party, text, n * 4000, n * 4000 + 3000, is_final=final, engine="fake")
    return SegmentHeard(segment, NOW + timedelta(seconds=4 * n + 3))


def say_all(subject: CallMonitor, *texts: str) -> list[Effect]:
    return [effect for n, text in enumerate(texts) for effect in subject.receive(heard(text, n=n))]


def kept(effects: list[Effect], kind: type) -> list[object]:
    return [effect.entry for effect in effects if isinstance(effect, Keep) and isinstance(effect.entry, kind)]


def shown(effects: list[Effect]) -> list[str]:
    return [effect.message["type"] for effect in effects if isinstance(effect, Show)]


def test_an_utterance_is_kept_then_shown_then_judged() -> None:
    effects = monitor().receive(heard("good morning this is the pharmacy"))
    assert [type(effect).__name__ for effect in effects] == ["Keep", "Show", "Keep", "Show"]
    assert shown(effects) == ["transcript.update", "analysis.complete"]
    (utterance,) = kept(effects, Utterance)
    assert utterance == Utterance(0, Party.REMOTE, "good morning this is the pharmacy", 0, 3000, "fake")


def test_an_innocent_call_stays_low_and_alerts_nobody() -> None:
    subject = monitor()
    effects = say_all(
        subject,
        "good morning this is the pharmacy",
        "your prescription is ready",
        "we close at six",
        "have a nice day",
    )
    assert subject.level is RiskLevel.LOW
    assert not [effect for effect in effects if isinstance(effect, RaiseAlert)]


def test_a_scam_is_recognised_while_it_is_spoken() -> None:
    subject = monitor()
    say_all(subject, *SCAM)
    assert subject.level >= RiskLevel.HIGH


def test_each_level_alerts_once() -> None:
    alerts = [effect for effect in say_all(monitor(), *SCAM, *SCAM) if isinstance(effect, RaiseAlert)]
    levels = [alert.assessment.level for alert in alerts]
    assert levels == sorted(set(levels))
    assert levels


def test_secrets_are_gone_before_anything_is_kept_or_shown() -> None:
    effects = monitor().receive(
        heard("my card is four two four two four two four two four two four two four two four two")
    )
    assert "four" not in repr(effects)


def test_an_interim_segment_is_shown_without_secrets_and_not_kept() -> None:
    effects = monitor().receive(heard("my code is one two three four five six", final=False))
    assert shown(effects) == ["transcript.partial"]
    assert "three" not in repr(effects)


def test_an_interim_segment_does_not_change_what_is_redacted_later() -> None:
    subject, plain = monitor(), monitor()
    subject.receive(heard("the code is one two three", final=False))
    text = "the code is one two three and that is all"
    assert kept(subject.receive(heard(text)), Utterance) == kept(plain.receive(heard(text)), Utterance)


def test_silence_makes_no_utterance() -> None:
    assert monitor().receive(heard("  ")) == []


def test_the_analyst_is_asked_after_every_third_utterance() -> None:
    effects = say_all(monitor(has_analyst=True), *["see you on monday then"] * 2)
    assert not [effect for effect in effects if isinstance(effect, AskAnalyst)]
    effects = say_all(monitor(has_analyst=True), *["see you on monday then"] * 3)
    (ask,) = [effect for effect in effects if isinstance(effect, AskAnalyst)]
    assert len(ask.brief.transcript) == 3


def test_the_analyst_is_asked_at_once_when_the_level_rises() -> None:
    effects = say_all(monitor(has_analyst=True, analysis_every=100), *SCAM)
    assert [effect for effect in effects if isinstance(effect, AskAnalyst)]


def test_only_one_question_is_under_way_and_the_newest_words_follow_it() -> None:
    subject = monitor(has_analyst=True, analysis_every=1)
    effects = say_all(subject, "hello", "how are you", "fine thanks")
    assert len([effect for effect in effects if isinstance(effect, AskAnalyst)]) == 1
    effects = subject.receive(AnalystAnswered(replace(REPORT, score=0.01), final=False, at=NOW))
    (ask,) = [effect for effect in effects if isinstance(effect, AskAnalyst)]
    assert len(ask.brief.transcript) == 3


def test_without_an_analyst_nobody_is_asked() -> None:
    assert not [effect for effect in say_all(monitor(), *SCAM) if isinstance(effect, AskAnalyst)]


def test_a_report_raises_the_judgement() -> None:
    subject = monitor(has_analyst=True)
    say_all(subject, "hello", "it is about your grandson", "he needs your help")
    before = subject.level
    effects = subject.receive(AnalystAnswered(REPORT, final=False, at=NOW))
    assert subject.level > before
    assert kept(effects, Assessment)[0].source == "analyst:fake:model"  # type: ignore[attr-defined]


def test_a_report_cannot_lower_what_was_found_locally() -> None:
    subject = monitor(has_analyst=True)
    say_all(subject, *SCAM)
    before = subject.assessment
    subject.receive(AnalystAnswered(replace(REPORT, score=0.0), final=False, at=NOW))
    assert before is not None
    assert subject.assessment is not None
    assert subject.assessment.level >= before.level
    assert subject.assessment.score >= before.score


def test_an_analyst_that_fails_leaves_the_local_judgement_and_a_note() -> None:
    subject = monitor(has_analyst=True)
    say_all(subject, *SCAM)
    level = subject.level
    effects = subject.receive(AnalystFailed("deadline", final=False, at=NOW))
    assert subject.level == level
    assert kept(effects, Assessment)[0].notes == ("analyst_unavailable",)  # type: ignore[attr-defined]


def test_the_end_brings_a_verdict_and_closes_the_call() -> None:
    subject = monitor()
    say_all(subject, *SCAM)
    effects = subject.receive(CallEnded(NOW))
    assert effects[-1] == CloseCall(CallStatus.ENDED, NOW)
    (verdict,) = kept(effects, Assessment)
    assert verdict.final  # type: ignore[attr-defined]
    assert subject.receive(heard("anybody there")) == []


def test_the_verdict_waits_for_the_final_analysis() -> None:
    subject = monitor(has_analyst=True, has_final_analyst=True)
    subject.receive(heard("hello"))
    (ask,) = subject.receive(CallEnded(NOW))
    assert isinstance(ask, AskAnalyst)
    assert ask.brief.final
    effects = subject.receive(AnalystAnswered(REPORT, final=True, at=NOW + timedelta(seconds=5)))
    assert effects[-1] == CloseCall(CallStatus.ENDED, NOW)


def test_a_final_analysis_that_fails_leaves_a_verdict_all_the_same() -> None:
    subject = monitor(has_analyst=True, has_final_analyst=True)
    say_all(subject, *SCAM)
    subject.receive(CallEnded(NOW))
    effects = subject.receive(AnalystFailed("deadline", final=True, at=NOW))
    assert effects[-1] == CloseCall(CallStatus.ENDED, NOW)
    assert subject.is_closed


def test_a_call_in_which_nothing_was_said_is_closed_and_says_so() -> None:
    effects = monitor(has_final_analyst=True).receive(CallEnded(NOW))
    (verdict,) = kept(effects, Assessment)
    assert verdict.notes == ("no_speech",)  # type: ignore[attr-defined]
    assert verdict.utterance == -1  # type: ignore[attr-defined]


def test_that_nothing_was_said_is_told_in_the_calls_language() -> None:
    subject = CallMonitor(replace(CALL, language="es-CL"), load_detector(), MonitorPolicy())
    (verdict,) = kept(subject.receive(CallEnded(NOW)), Assessment)
    assert "Nivel de Riesgo: BAJO" in verdict.text  # type: ignore[attr-defined]


def test_a_call_ends_once() -> None:
    subject = monitor(has_final_analyst=True)
    subject.receive(heard("hello"))
    subject.receive(CallEnded(NOW))
    assert subject.receive(CallEnded(NOW)) == []


def test_an_engine_that_hands_over_leaves_its_gap_in_the_record() -> None:
    subject = monitor()
    switch = EngineSwitched(Party.REMOTE, "one", "two", "broke", 1000, 2500)
    effects = subject.receive(EngineFailed(switch, NOW))
    assert kept(effects, Gap) == [Gap(1000, 2500, "engine_failed:one", Party.REMOTE)]
    assert subject.is_protected


def test_when_no_engine_is_left_the_pause_is_told() -> None:
    subject = monitor()
    effects = subject.receive(EngineFailed(EngineSwitched(Party.REMOTE, "one", "", "broke", 0, 0), NOW))
    assert shown(effects) == ["call.gap", "protection.paused"]
    assert not subject.is_protected


def test_what_no_engine_heard_until_the_end_is_in_the_record() -> None:
    subject = monitor()
    subject.receive(EngineFailed(EngineSwitched(Party.REMOTE, "one", "", "broke", 1000, 3000), NOW))
    effects = subject.receive(CallEnded(NOW, at_ms=60_000))
    assert kept(effects, Gap) == [Gap(3000, 60_000, "engine_failed:one", Party.REMOTE)]


def test_a_stream_that_never_returned_is_missed_until_the_end() -> None:
    subject = monitor()
    subject.receive(StreamLost("socket_lost", 4000, NOW))
    assert kept(subject.receive(CallEnded(NOW, at_ms=14_000)), Gap) == [Gap(4000, 14_000, "stream_lost")]


def test_a_language_that_no_engine_understands_is_a_gap_without_a_culprit() -> None:
    subject = monitor()
    effects = subject.receive(
        EngineFailed(EngineSwitched(Party.REMOTE, "", "", "nobody speaks it", 0, 0), NOW)
    )
    assert [gap.reason for gap in kept(effects, Gap)] == ["no_engine"]  # type: ignore[attr-defined]


def test_audio_that_was_dropped_is_in_the_record_and_on_the_assessment() -> None:
    subject = monitor()
    effects = subject.receive(AudioMissed(AudioDropped(Party.REMOTE, 500, 300), NOW))
    assert kept(effects, Gap) == [Gap(500, 800, "audio_dropped", Party.REMOTE)]
    subject.receive(heard("hello"))
    assert subject.assessment is not None
    assert "audio_missed" in subject.assessment.notes


def test_a_lost_stream_pauses_protection_once_and_its_return_closes_the_gap() -> None:
    subject = monitor()
    assert shown(subject.receive(StreamLost("no_audio", 4000, NOW))) == ["protection.paused"]
    assert subject.receive(StreamLost("socket_lost", 5000, NOW)) == []
    effects = subject.receive(StreamResumed(9000, NOW))
    assert kept(effects, Gap) == [Gap(4000, 9000, "stream_lost")]
    assert shown(effects) == ["call.gap", "protection.resumed"]
    assert subject.receive(StreamResumed(9500, NOW)) == []


def test_a_stream_that_returns_does_not_make_up_for_an_engine_that_is_gone() -> None:
    subject = monitor()
    subject.receive(EngineFailed(EngineSwitched(Party.REMOTE, "one", "", "broke", 0, 0), NOW))
    subject.receive(StreamLost("no_audio", 4000, NOW))
    assert shown(subject.receive(StreamResumed(9000, NOW))) == ["call.gap"]
    assert not subject.is_protected


def test_a_careful_second_hearing_can_raise_the_verdict() -> None:
    subject = monitor()
    subject.receive(heard("mumble mumble"))
    segments = tuple(Segment(Party.REMOTE, text, n * 4000, n * 4000 + 3000) for n, text in enumerate(SCAM))
    subject.receive(RecordingReviewed(segments, NOW))
    subject.receive(CallEnded(NOW))
    assert subject.level >= RiskLevel.HIGH
    assert subject.assessment is not None
    assert "raised_by_review" in subject.assessment.notes
    assert len(subject.transcript) == 1


def test_a_second_hearing_cannot_lower_the_verdict() -> None:
    subject = monitor()
    say_all(subject, *SCAM)
    level = subject.level
    subject.receive(RecordingReviewed((Segment(Party.REMOTE, "hello", 0, 1000),), NOW))
    subject.receive(CallEnded(NOW))
    assert subject.level == level
