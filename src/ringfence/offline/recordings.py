"""Recordings to calls: a WAV file is heard by the engine that the settings choose.

Stereo holds the calling party on the left and the protected party on the right; mono is one track of which nobody
knows who speaks. A recording is handed over in pieces that end in a pause, each of them at once: faster than a call,
and no engine gets more than it may be behind.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ringfence.audio.levels import rms
from ringfence.contracts import Listening, SpeechEngine
from ringfence.model.calls import CallSid, Party
from ringfence.model.speech import EngineSwitched, Segment
from ringfence.offline.transcripts import Fault, Item, OfflineCall, Turn
from ringfence.testing.wav import parse_wav

BYTES_PER_MS = 8  # G.711: 8,000 one-byte samples a second
LONGEST_PIECE_MS = 50_000
SHORTEST_PIECE_MS = 30_000
PAUSE_MS = 300
STEP_MS = 100


def looks_like_sound(path: Path, start: bytes) -> bool:
    return path.suffix.lower() in (".wav", ".wave") or start[:4] == b"RIFF"


async def hear(
    name: str, content: bytes, engine: SpeechEngine, language: str, advance: Callable[[float], None]
) -> Item:
    """The call of a recording. `advance` is told what share of it was heard since, for a progress bar."""
    try:
        recording = parse_wav(content)
    except ValueError as error:
        return Fault(name, str(error), "give a WAV file with PCM, float or mu-law samples")
    parties = (Party.REMOTE, Party.SUBSCRIBER)[: len(recording.channels)]
    faults: list[str] = []
    heard = await asyncio.gather(
        *(
            _hear_channel(
                channel,
                Listening(CallSid(name), "", party, language),
                engine,
                advance,
                faults,
                parties=len(parties),
            )
            for party, channel in zip(parties, recording.channels, strict=True)
        )
    )
    segments = sorted((segment for channel in heard for segment in channel), key=lambda each: each.end_ms)
    if not segments:
        problem = faults[0] if faults else "nothing was understood in it"
        return Fault(
            name, problem, "`ringfence doctor` lists the speech engines, their languages and what they need"
        )
    turns = tuple(Turn(each.party, each.text, each.start_ms, each.end_ms) for each in segments)
    return OfflineCall(name, language, turns)


async def _hear_channel(
    audio: bytes,
    listening: Listening,
    engine: SpeechEngine,
    advance: Callable[[float], None],
    faults: list[str],
    *,
    parties: int,
) -> list[Segment]:
    segments = []
    for start, end in pieces(audio):
        offset_ms = start // BYTES_PER_MS
        stream = await engine.open(listening)
        try:
            stream.push(audio[start:end])
            await stream.finish()
            async for event in stream.events():
                if isinstance(event, Segment) and event.is_final and event.text.strip():
                    segments.append(
                        replace(
                            event,
                            party=listening.party,
                            start_ms=event.start_ms + offset_ms,
                            end_ms=event.end_ms + offset_ms,
                        )
                    )
                elif isinstance(event, EngineSwitched) and not event.next_engine:
                    faults.append(f"no speech engine could hear it ({event.reason})")
        finally:
            await stream.aclose()
        advance((end - start) / (len(audio) * parties))
    return segments


def pieces(audio: bytes) -> list[tuple[int, int]]:
    """Where to cut: every 30 to 50 s, at the quietest moment."""
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
