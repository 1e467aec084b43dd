"""Judge a call from Python, turn by turn, as it would have been judged live.

The call is written down as events, one JSON line each: the same form in which the tests keep whole calls. A script like
this one answers "what would the detector have said, and when?" for a transcript of yours.
"""

import json
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import ringfence

BEGAN = datetime(2026, 1, 1, 12, tzinfo=UTC)
TURNS = (
    ("remote", "Good morning, this is the security department of your bank."),
    ("subscriber", "Good morning. Is something wrong?"),
    ("remote", "Somebody is taking money from your account at this moment."),
    ("remote", "Read me the six digit code that we have just sent you, quickly."),
    ("subscriber", "I was told never to do that."),
    ("remote", "Tell nobody about this call, not even your bank."),
)


def events() -> list[dict[str, object]]:
    """The call, its turns five seconds apart, and its end."""
    call: dict[str, object] = {
        "event": "Call",
        "id": "example",
        "sid": "CA0123",
        "caller_number": "+15550111",
        "called_number": "+15550100",
        "language": "en",
        "started_at": BEGAN.isoformat(),
    }
    heard: list[dict[str, object]] = [
        {
            "event": "SegmentHeard",
            "segment": {
                "party": party,
                "text": text,
                "start_ms": place * 5_000,
                "end_ms": place * 5_000 + 4_000,
            },
            "at": (BEGAN + timedelta(seconds=place * 5 + 5)).isoformat(),
        }
        for place, (party, text) in enumerate(TURNS)
    ]
    return [call, *heard, {"event": "CallEnded", "at": (BEGAN + timedelta(minutes=1)).isoformat()}]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "call.jsonl"
        recording.write_text("\n".join(json.dumps(event) for event in events()), encoding="utf-8")
        for effect in ringfence.replay(recording):
            message = getattr(effect, "message", None)  # Other effects are for the store and the analyst.
            if message and message["type"] == "analysis.complete":
                said = TURNS[message["index"]][1]
                print(f"{message['risk_level']:8}  {message['score']:3}  {said}")
                for sign in message["evidence"]:
                    if sign["index"] == message["index"] and not message["final"]:
                        print(f"               {sign['label']}: “{sign['text']}”")


if __name__ == "__main__":
    main()
