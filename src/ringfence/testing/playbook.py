"""A call's judgement, told as a script: `>>` gives the monitor an event, `<<` states the next effect.

    play = Playbook(CallMonitor(call, detector, MonitorPolicy(has_analyst=True)))
    play >> heard(Party.REMOTE, "move it to a safe account", at_ms=4_000)
    play << kept(Utterance) << shown("transcript.update") << kept(Assessment) << ... << nothing_else

Effects are matched in their order. `later` skips what comes before; `nothing_else` says that no effect is left.
An event given while effects are left unmatched is an error unless `rest` took them. After mitmproxy's playbooks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from ringfence.model.assessment import Assessment, RiskLevel
from ringfence.model.calls import Party
from ringfence.model.speech import Gap, Segment, Utterance
from ringfence.testing.clock import EPOCH

if TYPE_CHECKING:
    from ringfence.monitoring.monitor import Effect, Event


class Judge(Protocol):
    """What a playbook plays against: `CallMonitor`."""

    def receive(self, event: Event) -> list[Effect]: ...


@dataclass(frozen=True, slots=True)
class Expected:
    """One effect, described: what it is called in a failure, and how it is recognised."""

    description: str
    matches: Callable[[Effect], bool]
    skips: bool = False
    """Whether effects before it may be passed over."""

    def __repr__(self) -> str:
        return self.description


class _Marker:
    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


nothing_else = _Marker("nothing_else")
"""No effect is left."""
rest = _Marker("rest")
"""Whatever is left does not matter here."""


class Playbook:
    """Feeds events to a monitor and checks its effects; every mismatch is an AssertionError that shows both."""

    def __init__(self, monitor: Judge) -> None:
        self.monitor = monitor
        self.effects: list[Effect] = []
        """All of them so far."""
        self._left: list[Effect] = []
        self._event: Event | None = None

    def __rshift__(self, event: Event) -> Playbook:
        if self._left:
            raise AssertionError(f"before {event!r}: effects nobody asked about:\n{self._list()}")
        self._event = event
        self._left = list(self.monitor.receive(event))
        self.effects += self._left
        return self

    def __lshift__(self, expected: Expected | type[Any] | _Marker) -> Playbook:
        if expected is rest:
            self._left = []
            return self
        if expected is nothing_else:
            if self._left:
                raise AssertionError(f"after {self._event!r}: effects too many:\n{self._list()}")
            return self
        wanted = _of_type(expected) if isinstance(expected, type) else expected
        if not isinstance(wanted, Expected):
            raise TypeError(f"{wanted!r} describes no effect")
        for place, effect in enumerate(self._left):
            if wanted.matches(effect):
                self._left = self._left[place + 1 :]
                return self
            if not wanted.skips:
                break
        raise AssertionError(f"after {self._event!r}: expected {wanted!r}, but left are:\n{self._list()}")

    def _list(self) -> str:
        return "\n".join(f"  {effect!r}" for effect in self._left) or "  nothing"


def heard(
    party: Party,
    text: str,
    *,
    at_ms: int,
    lasts_ms: int = 2_000,
    final: bool = True,
    engine: str = "scripted",
) -> Event:
    """The event that a speech engine understood `text`, ending at `at_ms` of the call."""
    from ringfence.monitoring.monitor import SegmentHeard

    segment = Segment(party, text, max(0, at_ms - lasts_ms), at_ms, final, None, engine)
    return SegmentHeard(segment, instant(at_ms))


def instant(at_ms: int) -> datetime:
    """That offset into a call which began when a `ManualClock` begins."""
    return EPOCH + timedelta(milliseconds=at_ms)


def kept(what: type[Utterance] | type[Assessment] | type[Gap]) -> Expected:
    from ringfence.monitoring.monitor import Keep

    return Expected(f"kept({what.__name__})", lambda it: isinstance(it, Keep) and isinstance(it.entry, what))


def shown(kind: str, **fields: object) -> Expected:
    """A message of that type in which the named fields have these values."""
    from ringfence.monitoring.monitor import Show

    def matches(effect: Effect) -> bool:
        if not isinstance(effect, Show) or effect.message.get("type") != kind:
            return False
        return all(effect.message.get(name) == value for name, value in fields.items())

    described = "".join(f", {name}={value!r}" for name, value in fields.items())
    return Expected(f"shown({kind!r}{described})", matches)


def raised(level: RiskLevel, *codes: str) -> Expected:
    """An alert of that level whose evidence includes these tactics."""
    from ringfence.monitoring.monitor import RaiseAlert

    def matches(effect: Effect) -> bool:
        if not isinstance(effect, RaiseAlert) or effect.assessment.level is not level:
            return False
        return set(codes) <= {indicator.code for indicator in effect.assessment.indicators}

    return Expected(f"raised({', '.join([level.name, *codes])})", matches)


def later(expected: Expected | type[Any]) -> Expected:
    """The same effect, with others allowed before it."""
    wanted = _of_type(expected) if isinstance(expected, type) else expected
    return Expected(f"later({wanted!r})", wanted.matches, skips=True)


def _of_type(kind: type[Any]) -> Expected:
    return Expected(kind.__name__, lambda effect: isinstance(effect, kind))
