"""Recordings to calls: a WAV file is heard by the engine that the settings choose.

Stereo holds the calling party on the left and the protected party on the right; mono is one track of which nobody
knows who speaks. A recording is handed over in pieces that end in a pause, each of them at once: faster than a call,
and no engine gets more than it may be behind.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ringfence.audio.levels import rms
from ringfence.contracts import Listening, SpeechEngine
from ringfence.model.calls import CallSid, Party
from ringfence.model.errors import ProviderError
from ringfence.model.speech import Segment
from ringfence.offline.transcripts import Fault, Item, OfflineCall, Turn
from ringfence.testing.wav import parse_wav

BYTES_PER_MS = 8  # G.711: 8,000 one-byte samples a second
LONGEST_PIECE_MS = 28_000
SHORTEST_PIECE_MS = 15_000
PAUSE_MS = 300
STEP_MS = 100
REMEDY = "`ringfence doctor` lists the speech engines, their languages and what they need"


def looks_like_sound(path: Path, start: bytes) -> bool:
    return path.suffix.lower() in (".wav", ".wave") or start[:4] == b"RIFF"


async def hear(
    name: str,
    content: bytes,
    engines: Sequence[SpeechEngine],
    language: str,
    advance: Callable[[float], None],
) -> Item:
    """The call of a recording. `engines`: best first; the next one hears what one fails on. `advance` is told
    what share of the recording was heard since, for a progress bar."""
    try:
        recording = parse_wav(content)
    except ValueError as error:
        return Fault(name, str(error), "give a WAV file with PCM, float or mu-law samples")
    able = [engine for engine in engines if engine.understands(language)]
    if not able:
        return Fault(name, f"no speech engine understands '{language}'", REMEDY)
    parties = (Party.REMOTE, Party.SUBSCRIBER)[: len(recording.channels)]
    share = 1 / (len(recording.channels[0]) * len(parties))
    try:
        heard = await asyncio.gather(
            *(
                _hear_channel(
                    channel,
                    Listening(CallSid(name), "", party, language),
                    able,
                    lambda heard_bytes: advance(heard_bytes * share),
                )
                for party, channel in zip(parties, recording.channels, strict=True)
            )
        )
    except ProviderError as error:
        return Fault(name, f"it could not be heard ({error})", REMEDY)
    segments = sorted((segment for channel in heard for segment in channel), key=lambda each: each.end_ms)
    if not segments:
        return Fault(name, "nothing was understood in it", REMEDY)
    turns = tuple(Turn(each.party, each.text, each.start_ms, each.end_ms) for each in segments)
    return OfflineCall(name, language, turns)


async def _hear_channel(
    audio: bytes, listening: Listening, engines: Sequence[SpeechEngine], advance: Callable[[int], None]
) -> list[Segment]:
    """What is said in one channel. Raises ProviderError when the last engine fails too."""
    segments = []
    for start, end in pieces(audio):
        offset_ms = start // BYTES_PER_MS
        for place, engine in enumerate(engines):
            try:
                heard = await _hear_piece(audio[start:end], listening, engine)
                break
            except ProviderError:
                if place == len(engines) - 1:
                    raise
        segments += [
            replace(
                segment,
                party=listening.party,
                start_ms=segment.start_ms + offset_ms,
                end_ms=segment.end_ms + offset_ms,
            )
            for segment in heard
        ]
        advance(end - start)
    return segments


async def _hear_piece(audio: bytes, listening: Listening, engine: SpeechEngine) -> list[Segment]:
    """Raises ProviderError."""
    stream = await engine.open(listening)
    try:
        stream.push(audio)
        await stream.finish()
        return [
            event
            async for event in stream.events()
            if isinstance(event, Segment) and event.is_final and event.text.strip()
        ]
    finally:
        await stream.aclose()


def pieces(audio: bytes) -> list[tuple[int, int]]:
    """Where to cut: every 15 to 28 s, at the quietest moment."""
    cuts = [0]
    longest, shortest = LONGEST_PIECE_MS * BYTES_PER_MS, SHORTEST_PIECE_MS * BYTES_PER_MS
    while len(audio) - cuts[-1] > longest:
        cuts.append(_quietest(audio, cuts[-1] + shortest, cuts[-1] + longest))
    return list(zip(cuts, [*cuts[1:], len(audio)], strict=True))


def _quietest(audio: bytes, first: int, last: int) -> int:
    """The middle of the quietest stretch between two places."""
    width, step = PAUSE_MS * BYTES_PER_MS, STEP_MS * BYTES_PER_MS
    places = range(first, last - width + 1, step)
    best = min(places, key=lambda place: rms(audio[place : place + width]))
    return best + width // 2
