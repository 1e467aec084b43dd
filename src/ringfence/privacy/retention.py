"""What has been kept long enough, and the sweep that erases it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

Erase = Callable[[datetime], Awaitable[int]]
"""Erases what is older than the instant; how many things that were."""

_CLAIM_TERM = timedelta(days=7)
"""A carrier repeats its requests for hours at most; a stream pass lives two minutes."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How long each kind of data is kept."""

    audio: timedelta
    calls: timedelta
    claims: timedelta = _CLAIM_TERM


@dataclass(frozen=True, slots=True)
class Cutoffs:
    """Everything older than these instants is due."""

    audio: datetime
    calls: datetime
    claims: datetime


@dataclass(frozen=True, slots=True)
class Swept:
    """How many things a sweep erased."""

    audio_chunks: int
    calls: int
    claims: int


def cutoffs(now: datetime, terms: Terms) -> Cutoffs:
    """What is due now. Audio never outlives its call."""
    return Cutoffs(
        audio=now - min(terms.audio, terms.calls), calls=now - terms.calls, claims=now - terms.claims
    )


async def sweep(now: datetime, terms: Terms, *, calls: Erase, audio: Erase, claims: Erase) -> Swept:
    """Erase what is due: `CallStore.erase_before`, `AudioStore.erase_before`, `CallStore.erase_claims_before`."""
    due = cutoffs(now, terms)
    return Swept(
        audio_chunks=await audio(due.audio), calls=await calls(due.calls), claims=await claims(due.claims)
    )
