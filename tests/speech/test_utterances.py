import pytest

from ringfence.model.calls import Party
from ringfence.model.speech import Segment, Utterance
from ringfence.speech.utterances import UtteranceBuilder

pytestmark = pytest.mark.unit


def segment(text: str, start_ms: int = 0, end_ms: int = 1000, **more: object) -> Segment:
    return Segment(Party.REMOTE, text, start_ms, end_ms, **more)  # type: ignore[arg-type]


def test_a_final_segment_becomes_an_utterance() -> None:
    heard = segment("  hello \n there ", 500, 900, confidence=0.7, engine="acme")
    assert UtteranceBuilder().add(heard, 4) == Utterance(
        4, Party.REMOTE, "hello there", 500, 900, "acme", 0.7
    )


@pytest.mark.parametrize(
    "heard", [segment("hello", is_final=False), segment(" \n ")], ids=["interim", "empty"]
)
def test_other_segments_become_none(heard: Segment) -> None:
    assert UtteranceBuilder().add(heard, 0) is None


def test_words_told_again_by_the_next_engine_are_one_utterance() -> None:
    builder = UtteranceBuilder()
    assert builder.add(segment("Your account is blocked", 1000, 3000), 0) is not None
    assert builder.add(segment("account is blocked", 1500, 2990), 1) is None


def test_the_same_words_said_again_are_another_utterance() -> None:
    builder = UtteranceBuilder()
    assert builder.add(segment("yes", 1000, 1300), 0) is not None
    assert builder.add(segment("yes", 2000, 2300), 1) is not None


def test_parties_are_told_apart() -> None:
    builder = UtteranceBuilder()
    assert builder.add(segment("yes", 1000, 1300), 0) is not None
    assert builder.add(Segment(Party.SUBSCRIBER, "yes", 1000, 1300), 1) is not None


def test_offsets_are_never_negative_or_reversed() -> None:
    utterance = UtteranceBuilder().add(segment("hello", -20, -40), 0)
    assert utterance is not None
    assert (utterance.start_ms, utterance.end_ms) == (0, 0)
