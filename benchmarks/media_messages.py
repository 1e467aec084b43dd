"""The carrier's media messages, as both sides of the benchmarks use them. Standard library only."""

import base64
import json
import math
import random

FRAME_BYTES = 160  # 20 ms of G.711
FRAMES_PER_S = 50
STREAM_SID = "MZ" + "0" * 32
CALL_SID = "CA" + "0" * 32


def speech_like(frames: int) -> list[bytes]:
    """Mu-law with the loudness and the spread of values of speech; the same every time."""
    chance = random.Random(1)
    made = []
    for frame in range(frames):
        loudness = 0.5 + 0.5 * math.sin(frame / 9)
        # Mu-law bytes count down from 0xff (quiet) to 0x80 (loud); the upper bit is the sign.
        top = 20 + int(90 * loudness)
        made.append(
            bytes(0xFF - chance.randrange(top) - 0x80 * chance.randrange(2) for _ in range(FRAME_BYTES))
        )
    return made


def start(call_sid: str = CALL_SID, parameters: dict[str, str] | None = None) -> str:
    return json.dumps(
        {
            "event": "start",
            "sequenceNumber": "1",
            "streamSid": STREAM_SID,
            "start": {
                "accountSid": "AC" + "0" * 32,
                "streamSid": STREAM_SID,
                "callSid": call_sid,
                "tracks": ["inbound"],
                "customParameters": parameters or {},
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            },
        },
        separators=(",", ":"),
    )


def media(number: int, mulaw: bytes) -> str:
    return json.dumps(
        {
            "event": "media",
            "sequenceNumber": str(number + 2),
            "media": {
                "track": "inbound",
                "chunk": str(number + 1),
                "timestamp": str(20 * number),
                "payload": base64.b64encode(mulaw).decode(),
            },
            "streamSid": STREAM_SID,
        },
        separators=(",", ":"),
    )
