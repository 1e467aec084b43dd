"""Segments to utterances (pure)."""

from ringfence.model.calls import Party
from ringfence.model.speech import Segment, Utterance


class UtteranceBuilder:
    """One a call. A final segment with words in it becomes an utterance; nothing else does."""

    def __init__(self) -> None:
        self._latest: dict[Party, Segment] = {}

    def add(self, segment: Segment, index: int) -> Utterance | None:
        """The utterance with that index, or None: interim, empty, or told before.

        An engine that takes over is given audio again, so the same words at the same place may come twice."""
        text = " ".join(segment.text.split())
        if not segment.is_final or not text:
            return None
        latest = self._latest.get(segment.party)
        if latest and segment.end_ms <= latest.end_ms and text.casefold() in latest.text.casefold():
            return None
        start_ms = max(0, segment.start_ms)
        utterance = Utterance(
            index,
            segment.party,
            text,
            start_ms,
            max(start_ms, segment.end_ms),
            segment.engine,
            segment.confidence,
        )
        self._latest[segment.party] = Segment(segment.party, text, utterance.start_ms, utterance.end_ms)
        return utterance
