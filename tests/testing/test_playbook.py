from dataclasses import dataclass, field

import pytest

from ringfence.model.assessment import Assessment, RiskLevel
from ringfence.model.calls import Party
from ringfence.model.speech import Utterance
from ringfence.monitoring.monitor import Effect, Event, Keep, RaiseAlert, Show
from ringfence.testing.playbook import (
    Playbook,
    heard,
    instant,
    kept,
    later,
    nothing_else,
    raised,
    rest,
    shown,
)

pytestmark = pytest.mark.unit

UTTERANCE = Utterance(0, Party.REMOTE, "hello", 0, 1_000)
ASSESSMENT = Assessment(1, 0, RiskLevel.HIGH, 0.8, False, (), "", "test", "local", instant(0))
EVENT = heard(Party.REMOTE, "hello", at_ms=1_000)


@dataclass
class Scripted:
    """Answers every event with the same effects."""

    effects: list[Effect] = field(default_factory=list)

    def receive(self, event: Event) -> list[Effect]:
        return list(self.effects)


def play(*effects: Effect) -> Playbook:
    return Playbook(Scripted(list(effects)))


def test_effects_in_the_stated_order_pass() -> None:
    (
        play(Keep(UTTERANCE), Show({"type": "transcript.update", "text": "hello"}), RaiseAlert(ASSESSMENT))
        >> EVENT
        << (kept(Utterance))
        << shown("transcript.update", text="hello")
        << raised(RiskLevel.HIGH)
        << nothing_else
    )


@pytest.mark.parametrize(
    "expected",
    [kept(Assessment), shown("transcript.update"), raised(RiskLevel.LOW), RaiseAlert],
    ids=["another entry", "a message", "an alert", "a type"],
)
def test_an_effect_of_another_kind_fails(expected: object) -> None:
    book = play(Keep(UTTERANCE)) >> EVENT
    with pytest.raises(AssertionError, match="but left are"):
        book << expected  # type: ignore[operator]


def test_a_field_with_another_value_fails() -> None:
    book = play(Show({"type": "transcript.update", "text": "hello"})) >> EVENT
    with pytest.raises(AssertionError):
        book << shown("transcript.update", text="goodbye")


def test_an_effect_too_many_fails() -> None:
    book = play(Keep(UTTERANCE)) >> EVENT
    with pytest.raises(AssertionError, match="too many"):
        book << nothing_else


def test_effects_nobody_asked_about_fail_at_the_next_event() -> None:
    book = play(Keep(UTTERANCE)) >> EVENT
    with pytest.raises(AssertionError, match="nobody asked about"):
        book >> EVENT


def test_order_matters_unless_later_says_otherwise() -> None:
    effects = (Keep(UTTERANCE), Show({"type": "transcript.update"}))
    with pytest.raises(AssertionError):
        play(*effects) >> EVENT << shown("transcript.update")
    play(*effects) >> EVENT << later(shown("transcript.update")) << nothing_else


def test_the_rest_can_be_left_unsaid() -> None:
    book = play(Keep(UTTERANCE), Keep(ASSESSMENT)) >> EVENT << Keep << rest
    assert book >> EVENT << rest
    assert len(book.effects) == 4
