import json
from collections.abc import Callable
from typing import Any

import pytest
from openai.types.realtime import RealtimeClientEvent
from pydantic import TypeAdapter

from ringfence.speech.engines.openai_realtime.protocol import (
    Account,
    ErrorBody,
    append,
    commit,
    read_event,
    session_update,
    session_url,
)

pytestmark = pytest.mark.unit

JUDGE: TypeAdapter[RealtimeClientEvent] = TypeAdapter(RealtimeClientEvent)


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("https://api.openai.com/v1", "wss://api.openai.com/v1/realtime?intent=transcription"),
        ("http://127.0.0.1:9000/v1/", "ws://127.0.0.1:9000/v1/realtime?intent=transcription"),
        ("wss://proxy.example/openai", "wss://proxy.example/openai/realtime?intent=transcription"),
    ],
)
def test_the_address_follows_the_base_address(base_url: str, expected: str) -> None:
    assert session_url(base_url) == expected


@pytest.mark.parametrize(
    ("model", "language", "expected"),
    [
        ("gpt-live-transcribe", "es-CL", {"languages": ["es"]}),
        ("gpt-transcribe", "en", {"languages": ["en"]}),
        ("gpt-realtime-whisper", "en-GB", {"language": "en"}),
        ("gpt-live-transcribe", "auto", {}),
    ],
)
def test_the_language_is_told_in_the_models_way(
    model: str, language: str, expected: dict[str, object]
) -> None:
    update = json.loads(session_update(model, language))
    assert update["session"]["audio"]["input"]["transcription"] == {"model": model} | expected


@pytest.mark.parametrize(
    ("component", "message"),
    [
        ("RealtimeClientEventSessionUpdate", session_update("gpt-live-transcribe", "es")),
        ("RealtimeClientEventInputAudioBufferAppend", append(b"\xff\x00" * 80)),
        ("RealtimeClientEventInputAudioBufferCommit", commit(3)),
    ],
    ids=["update", "append", "commit"],
)
def test_what_we_send_is_what_the_vendor_describes(
    component: str, message: str, judge_by_openai: Callable[[str, Any], None]
) -> None:
    event = JUDGE.validate_json(message)
    dumped = event.model_dump(exclude_unset=True)
    assert dumped == json.loads(message)
    assert not event.model_extra
    judge_by_openai(component, json.loads(message))


def test_an_event_is_read_as_far_as_it_concerns_us() -> None:
    event = read_event('{"type": "error", "error": {"code": "c", "message": "m", "param": 4}, "more": [1]}')
    assert event is not None
    assert event.error == ErrorBody(code="c", message="m")
    assert event.error.sentence() == "c: m"


@pytest.mark.parametrize("message", ["", "{}", "[1]", '{"type": 1}', b"\xff\xfe", "[" * 100_000])
def test_what_is_no_event_is_none(message: str | bytes) -> None:
    assert read_event(message) is None


def test_the_key_is_not_shown() -> None:
    assert "sk-secret" not in repr(Account("sk-secret", "https://api.openai.com/v1", "m"))
