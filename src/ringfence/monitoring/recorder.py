"""A call's events as JSON lines, for replay, evaluation and bug reports: the bug report is the test.

The first line is the call; each further line is one event, under the name of its class. Instants are RFC 3339.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from ringfence.detection.detector import Detector
from ringfence.model.calls import Call
from ringfence.model.errors import WireFormatError
from ringfence.monitoring.monitor import (
    AnalystAnswered,
    AnalystFailed,
    AudioMissed,
    CallEnded,
    CallMonitor,
    Effect,
    EngineFailed,
    Event,
    MonitorPolicy,
    RecordingReviewed,
    SegmentHeard,
    StreamLost,
    StreamResumed,
)

EVENTS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (
        SegmentHeard,
        EngineFailed,
        AudioMissed,
        StreamLost,
        StreamResumed,
        AnalystAnswered,
        AnalystFailed,
        RecordingReviewed,
        CallEnded,
    )
}


def write_call(call: Call) -> str:
    """The first line of a recording."""
    return _line("Call", call)


def write_event(event: Event) -> str:
    """One further line."""
    return _line(type(event).__name__, event)


def read(lines: Iterable[str]) -> tuple[Call, list[Event]]:
    """The call and its events. Raises WireFormatError that names the line."""
    call: Call | None = None
    events: list[Event] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record: dict[str, Any] = msgspec.json.decode(line)
            name = record.pop("event")
            if name == "Call":
                call = msgspec.convert(record, Call)
            else:
                events.append(msgspec.convert(record, EVENTS[name]))
        except (msgspec.MsgspecError, KeyError, AttributeError, TypeError) as error:
            raise WireFormatError(f"line {number} is no event of a call: {error}") from error
    if call is None:
        raise WireFormatError("the recording has no line with the event 'Call'")
    return call, events


def replay(lines: Iterable[str], detector: Detector, policy: MonitorPolicy | None = None) -> Iterator[Effect]:
    """What the live monitor would do with a recorded call, effect by effect."""
    call, events = read(lines)
    monitor = CallMonitor(call, detector, policy or MonitorPolicy())
    for event in events:
        yield from monitor.receive(event)


def _line(name: str, value: object) -> str:
    return msgspec.json.encode({"event": name, **msgspec.to_builtins(value)}).decode()
