"""Recordings, heard by an engine and judged."""

import asyncio
import math
import struct
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from ringfence.audio.g711 import encode_mulaw
from ringfence.contracts import SpeechEngine
from ringfence.model.calls import Party
from ringfence.offline.recordings import LONGEST_PIECE_MS, SHORTEST_PIECE_MS, hear, looks_like_sound, pieces
from ringfence.offline.transcripts import Fault, OfflineCall
from ringfence.speech.engines import scripted
from ringfence.speech.options import ScriptedLine, SpeechChoice

pytestmark = pytest.mark.unit

SECOND = 8_000


def wav(*channels: bytes) -> bytes:
    """Mu-law at 8 kHz."""
    audio = b"".join(bytes(frame) for frame in zip(*channels, strict=True))
    count = len(channels)
    header = struct.pack("<HHIIHH", 7, count, 8000, 8000 * count, count, 8)
    body = b"fmt " + struct.pack("<I", len(header)) + header + b"data" + struct.pack("<I", len(audio)) + audio
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body


def tone(seconds: float) -> bytes:
    samples = [
        int(8000 * math.sin(place / 8000 * 2 * math.pi * 440)) for place in range(int(seconds * SECOND))
    ]
    return encode_mulaw(struct.pack(f"<{len(samples)}h", *samples))


SILENCE = b"\xff"


def listened(
    content: bytes, lines: Sequence[ScriptedLine], broken: Sequence[SpeechEngine] = ()
) -> tuple[object, float]:
    """What comes of a recording when an engine hears these lines in it; the progress told."""

    async def run() -> tuple[object, float]:
        engines = [scripted.create(SpeechChoice(scripts={"": lines}))] if lines else []
        told: list[float] = []
        return await hear("call.wav", content, [*broken, *engines], "en", told.append), sum(told)

    return asyncio.run(run())


def test_stereo_holds_the_caller_on_the_left_and_the_protected_on_the_right() -> None:
    lines = [
        ScriptedLine(Party.SUBSCRIBER, 100, 600, "hello"),
        ScriptedLine(Party.REMOTE, 700, 1500, "this is your bank"),
    ]
    call, progress = listened(wav(SILENCE * 2 * SECOND, SILENCE * 2 * SECOND), lines)
    assert isinstance(call, OfflineCall)
    assert [(turn.party, turn.text) for turn in call.turns] == [
        (Party.SUBSCRIBER, "hello"),
        (Party.REMOTE, "this is your bank"),
    ]
    assert progress == pytest.approx(1.0)


def test_mono_counts_as_the_callers() -> None:
    lines = [ScriptedLine(Party.REMOTE, 0, 900, "hello")]
    call, _ = listened(wav(SILENCE * SECOND), lines)
    assert isinstance(call, OfflineCall)
    assert [turn.party for turn in call.turns] == [Party.REMOTE]


def test_what_no_engine_hears_is_a_fault_with_a_remedy() -> None:
    fault, _ = listened(wav(SILENCE * SECOND), ())
    assert isinstance(fault, Fault)
    assert "doctor" in fault.remedy


@pytest.mark.parametrize("content", [b"", b"RIFF", b"RIFF\x00\x00\x00\x00WAVEjunk", b"ID3 not a wav"])
def test_what_is_no_recording_is_a_fault(content: bytes) -> None:
    fault, _ = listened(content, ())
    assert isinstance(fault, Fault)
    assert fault.place == "call.wav"


def test_sound_is_recognised_by_its_name_or_its_first_bytes() -> None:
    assert looks_like_sound(Path("a.WAV"), b"")
    assert looks_like_sound(Path("a"), b"RIFF....")
    assert not looks_like_sound(Path("a.txt"), b"caller: RIFF")


def test_a_short_recording_is_one_piece() -> None:
    assert pieces(SILENCE * SECOND) == [(0, SECOND)]


def test_a_long_recording_is_cut_in_its_pauses() -> None:
    audio = tone(20) + SILENCE * SECOND + tone(60)
    cuts = pieces(audio)
    assert cuts[0][0] == 0
    assert cuts[-1][1] == len(audio)
    assert all(left[1] == right[0] for left, right in pairwise(cuts))
    assert all(end - start <= LONGEST_PIECE_MS * 8 for start, end in cuts)
    assert all(end - start >= SHORTEST_PIECE_MS * 8 for start, end in cuts[:-1])
    assert 20 * SECOND < cuts[0][1] < 21 * SECOND


def test_what_one_engine_fails_on_the_next_one_hears() -> None:
    lines = [ScriptedLine(Party.REMOTE, 0, 900, "hello")]
    knows_nobody = scripted.create(SpeechChoice(scripts={"somebody else": lines}))
    call, _ = listened(wav(SILENCE * SECOND), lines, [knows_nobody])
    assert isinstance(call, OfflineCall)
    fault, _ = listened(wav(SILENCE * SECOND), (), [knows_nobody])
    assert isinstance(fault, Fault)
    assert "no script" in fault.problem
