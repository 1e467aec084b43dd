from datetime import UTC, datetime

import pytest

from ringfence.detection.detector import load_detector
from ringfence.model.assessment import AnalystReport
from ringfence.model.calls import Call, CallId, CallSid, Party
from ringfence.model.errors import WireFormatError
from ringfence.model.speech import AudioDropped, EngineSwitched, Segment
from ringfence.monitoring import recorder
from ringfence.monitoring.monitor import (
    AnalystAnswered,
    AnalystFailed,
    AudioMissed,
    CallEnded,
    CallMonitor,
    CloseCall,
    EngineFailed,
    Event,
    MonitorPolicy,
    RecordingReviewed,
    SegmentHeard,
    StreamLost,
    StreamResumed,
)

pytestmark = pytest.mark.unit

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
CALL = Call(CallId("id-1"), CallSid("CA1"), "+15550111", "+15550100", "en", NOW)
SEGMENT = Segment(Party.REMOTE, "read me the code we sent you", 0, 2000, confidence=0.5, engine="fake")
EVENTS: list[Event] = [
    SegmentHeard(SEGMENT, NOW),
    EngineFailed(EngineSwitched(Party.REMOTE, "a", "b", "broke", 0, 10), NOW),
    AudioMissed(AudioDropped(Party.SUBSCRIBER, 5, 6), NOW),
    StreamLost("no_audio", 4000, NOW),
    StreamResumed(5000, NOW),
    AnalystAnswered(AnalystReport(0.5, (("label", "words"),), "why", model="m"), False, NOW),
    AnalystFailed("deadline", False, NOW),
    RecordingReviewed((SEGMENT,), NOW),
    CallEnded(NOW),
]


def written() -> list[str]:
    return [recorder.write_call(CALL), *map(recorder.write_event, EVENTS)]


def test_every_kind_of_event_is_read_as_it_was_written() -> None:
    assert {type(event).__name__ for event in EVENTS} == set(recorder.EVENTS)
    assert recorder.read(written()) == (CALL, EVENTS)


def test_a_replay_does_what_the_live_monitor_did() -> None:
    live = CallMonitor(CALL, load_detector(), MonitorPolicy())
    expected = [effect for event in EVENTS for effect in live.receive(event)]
    replayed = list(recorder.replay(written(), load_detector()))
    assert replayed == expected
    assert isinstance(replayed[-1], CloseCall)


@pytest.mark.parametrize(
    "line", ["no json", "[]", "{}", '{"event":"Unheard"}', '{"event":"CallEnded","at":"yesterday"}', "7"]
)
def test_a_line_that_is_no_event_is_named(line: str) -> None:
    with pytest.raises(WireFormatError, match="line 2"):
        recorder.read([recorder.write_call(CALL), line])


def test_a_recording_without_its_call_is_refused() -> None:
    with pytest.raises(WireFormatError, match="no line with the event 'Call'"):
        recorder.read([recorder.write_event(CallEnded(NOW))])
