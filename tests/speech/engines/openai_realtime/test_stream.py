"""The engine against a server that speaks the documented protocol; see conftest.py."""

import asyncio
import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from ringfence.contracts import Listening, SpeechEngine
from ringfence.model.calls import CallSid, Party
from ringfence.model.errors import ProviderError
from ringfence.model.speech import AudioDropped, EngineSwitched, Segment, SpeechEvent
from ringfence.speech.engines.openai_realtime import RealtimeEngine
from ringfence.speech.engines.openai_realtime.protocol import Account
from ringfence.speech.engines.openai_realtime.stream import Times
from ringfence.speech.engines.scripted import ScriptedEngine
from ringfence.speech.fallback import FallbackEngine
from ringfence.speech.options import ScriptedLine
from ringfence.testing.engine_conformance import SILENCE, SpeechEngineConformance

pytestmark = pytest.mark.unit

LISTENING = Listening(CallSid("CA1"), "+15550100", Party.REMOTE, "en")
QUICK = Times(open_limit=5, linger=2, answer_limit=5, finish_limit=5, first_pause=0.01, longest_pause=0.05)
PAUSE = SILENCE * 8000

Server = Any  # the class lives in conftest.py, which cannot be imported
Serve = Callable[..., Server]


class TestOpenaiRealtime(SpeechEngineConformance):
    words = ("six-numbers",)

    @pytest.fixture(autouse=True)
    def _server(self, realtime_server: Serve, six_numbers: bytes) -> None:
        self.server, self.clip = realtime_server(), six_numbers

    def make_engine(self) -> SpeechEngine:
        return engine_for(self.server)

    def speech(self) -> bytes:
        return self.clip


def engine_for(server: Server, times: Times = QUICK, model: str = "gpt-live-transcribe") -> RealtimeEngine:
    return RealtimeEngine(Account("sk-test", server.base_url, model), times)


def play(engine: SpeechEngine, *pieces: bytes | float, listening: Listening = LISTENING) -> list[SpeechEvent]:
    """Push pieces of audio; a number waits so many seconds; finish; every event."""

    async def main() -> list[SpeechEvent]:
        stream = await engine.open(listening)
        events: list[SpeechEvent] = []

        async def collect() -> None:
            events.extend([event async for event in stream.events()])

        reader = asyncio.ensure_future(collect())
        try:
            async with asyncio.timeout(60):
                for piece in pieces:
                    if isinstance(piece, float):
                        await asyncio.sleep(piece)
                        continue
                    for start in range(0, len(piece), 800):
                        stream.push(piece[start : start + 800])
                        await asyncio.sleep(0.0005)
                await stream.finish()
                await reader
        finally:
            reader.cancel()
            await stream.aclose()
            await engine.aclose()
        return events

    return asyncio.run(main())


def words(events: list[SpeechEvent]) -> list[str]:
    return [event.text for event in events if isinstance(event, Segment) and event.is_final]


def dropped(events: list[SpeechEvent]) -> list[AudioDropped]:
    return [event for event in events if isinstance(event, AudioDropped)]


def test_the_session_is_the_documented_one(realtime_server: Serve, six_numbers: bytes) -> None:
    server = realtime_server()
    listening = Listening(CallSid("CA1"), "+15550100", Party.REMOTE, "es-CL")
    play(engine_for(server), six_numbers, listening=listening)
    (session,) = server.sessions
    assert session.path == "/v1/realtime?intent=transcription"
    assert session.headers["authorization"] == "Bearer sk-test"
    assert "openai-beta" not in session.headers
    assert session.events[0] == {
        "type": "session.update",
        "session": {
            "type": "transcription",
            "audio": {
                "input": {
                    "format": {"type": "audio/pcmu"},
                    "transcription": {"model": "gpt-live-transcribe", "languages": ["es"]},
                    "turn_detection": None,
                }
            },
        },
    }


def test_audio_is_passed_as_it_came_in_small_pieces_and_silence_stays_here(
    realtime_server: Serve, six_numbers: bytes
) -> None:
    server = realtime_server()
    play(engine_for(server), PAUSE * 5, six_numbers, PAUSE * 5, six_numbers, PAUSE * 5)
    (session,) = server.sessions
    assert len(session.turns) == 2
    assert all(turn in PAUSE + six_numbers + PAUSE for turn in session.turns)
    assert session.empty_commits == 0
    assert session.uncommitted == b""
    pieces = [event["audio"] for event in session.events if event["type"] == "input_audio_buffer.append"]
    assert max(len(piece) for piece in pieces) <= 1068  # 800 bytes in base64
    assert sum(map(len, session.turns)) < 2 * len(six_numbers) + 8 * 1000


def test_words_so_far_come_before_the_final_ones(realtime_server: Serve, six_numbers: bytes) -> None:
    events = play(engine_for(realtime_server()), six_numbers, PAUSE)
    segments = [event for event in events if isinstance(event, Segment)]
    assert [(one.text, one.is_final) for one in segments] == [("six-numbers", False), ("six-numbers", True)]
    assert {one.engine for one in segments} == {"openai-realtime"}


def test_completions_out_of_order_are_told_in_order(
    realtime_server: Serve, six_numbers: bytes, urgent: bytes
) -> None:
    server = realtime_server({"late": 2})
    events = play(engine_for(server), six_numbers, PAUSE, urgent, PAUSE, six_numbers, PAUSE)
    assert words(events) == ["six-numbers", "urgent", "six-numbers"]
    starts = [event.start_ms for event in events if isinstance(event, Segment) and event.is_final]
    assert starts == sorted(starts)


def test_a_connection_lost_in_mid_turn_costs_no_word(
    realtime_server: Serve, six_numbers: bytes, urgent: bytes
) -> None:
    server = realtime_server({"drop_after_bytes": 24_000})
    events = play(engine_for(server), six_numbers, PAUSE, urgent, PAUSE)
    assert words(events) == ["six-numbers", "urgent"]
    assert dropped(events) == []
    assert len(server.sessions) == 2


def test_a_commit_that_was_never_answered_is_sent_again(
    realtime_server: Serve, six_numbers: bytes, urgent: bytes
) -> None:
    server = realtime_server({"drop_at_commit": 2})
    events = play(engine_for(server), six_numbers, PAUSE, 0.3, urgent, PAUSE)
    assert words(events) == ["six-numbers", "urgent"]


def test_audio_spoken_while_there_is_no_connection_is_sent_afterwards(
    realtime_server: Serve, six_numbers: bytes, urgent: bytes
) -> None:
    server = realtime_server({"drop_after_bytes": 8_000}, {"status": 503}, {"status": 503})
    events = play(engine_for(server), six_numbers, PAUSE, urgent, PAUSE)
    assert words(events) == ["six-numbers", "urgent"]
    assert server.refused == 2


def test_a_session_is_renewed_before_its_end_and_the_old_one_may_finish(
    realtime_server: Serve, six_numbers: bytes, urgent: bytes
) -> None:
    server = realtime_server()
    times = Times(renew_after=0.4, linger=3, finish_limit=5)
    events = play(engine_for(server, times), six_numbers, PAUSE, 0.5, urgent, PAUSE, 0.6, six_numbers, PAUSE)
    assert words(events) == ["six-numbers", "urgent", "six-numbers"]
    assert dropped(events) == []
    assert len(server.sessions) >= 2


def test_a_turn_that_runs_when_the_session_is_renewed_goes_to_the_next_one_whole(
    realtime_server: Serve, six_numbers: bytes
) -> None:
    server = realtime_server()
    half = len(six_numbers) // 2
    times = Times(renew_after=0.3, linger=3, finish_limit=5)
    events = play(engine_for(server, times), six_numbers[:half], 0.6, six_numbers[half:], PAUSE)
    assert words(events) == ["six-numbers"]
    first, second = server.sessions[:2]
    assert first.turns == []
    assert first.uncommitted
    assert second.turns or len(server.sessions) > 2


def test_a_session_that_cannot_be_renewed_is_kept(
    realtime_server: Serve, six_numbers: bytes, urgent: bytes
) -> None:
    server = realtime_server({}, {"status": 503})
    times = Times(renew_after=0.2, linger=0.3, finish_limit=5, first_pause=0.01)
    events = play(engine_for(server, times), six_numbers, PAUSE, 0.4, urgent, PAUSE)
    assert words(events) == ["six-numbers", "urgent"]
    assert server.refused == 1


def test_after_failures_in_a_row_the_engine_gives_up(realtime_server: Serve, six_numbers: bytes) -> None:
    server = realtime_server({"drop_after_bytes": 8_000}, otherwise={"status": 503})
    with pytest.raises(ProviderError, match="failures in a row") as caught:
        play(engine_for(server), six_numbers, PAUSE)
    assert caught.value.retryable
    assert server.refused == QUICK.attempts - 1


def test_a_session_that_works_in_between_starts_the_count_again(
    realtime_server: Serve, six_numbers: bytes
) -> None:
    server = realtime_server(*[{"drop_at_commit": 2}] * 7)
    events = play(engine_for(server), *[six_numbers, PAUSE] * 8)
    assert words(events) == ["six-numbers"] * 8
    assert len(server.sessions) == 8


@pytest.mark.parametrize(("status", "retryable"), [(401, False), (429, True), (503, True)])
def test_a_refused_handshake_is_told(realtime_server: Serve, status: int, retryable: bool) -> None:
    server = realtime_server({"status": status})
    with pytest.raises(ProviderError, match=f"status {status}") as caught:
        play(engine_for(server))
    assert caught.value.retryable is retryable


def test_a_server_that_is_not_there_is_told() -> None:
    engine = RealtimeEngine(Account("sk-test", "http://127.0.0.1:9/v1", "gpt-live-transcribe"), QUICK)
    with pytest.raises(ProviderError, match="no connection"):
        play(engine)


def test_an_error_while_the_session_is_set_up_is_told(realtime_server: Serve) -> None:
    with pytest.raises(ProviderError, match="model_not_found") as caught:
        play(engine_for(realtime_server({"setup_error": "model_not_found"})))
    assert not caught.value.retryable


def test_a_session_that_is_never_set_up_is_left(realtime_server: Serve) -> None:
    with pytest.raises(ProviderError, match="not set up in time"):
        play(engine_for(realtime_server({"setup_silence": True}), Times(open_limit=0.3)))


def test_an_empty_account_ends_the_stream_for_the_next_engine(
    realtime_server: Serve, six_numbers: bytes
) -> None:
    server = realtime_server({"error_at_commit": {"code": "insufficient_quota"}})
    with pytest.raises(ProviderError, match="insufficient_quota") as caught:
        play(engine_for(server), six_numbers, PAUSE)
    assert not caught.value.retryable


def test_a_refused_commit_costs_that_turn_only(realtime_server: Serve, six_numbers: bytes) -> None:
    server = realtime_server({"error_at_commit": {"code": "input_audio_buffer_commit_empty"}})
    events = play(engine_for(server), six_numbers, PAUSE)
    assert words(events) == []
    (lost,) = dropped(events)
    assert 0 <= lost.start_ms < 400
    assert lost.duration_ms > 3000


def test_an_expired_session_is_replaced(realtime_server: Serve, six_numbers: bytes) -> None:
    server = realtime_server({"error_at_commit": {"code": "session_expired"}})
    assert words(play(engine_for(server), six_numbers, PAUSE)) == ["six-numbers"]
    assert len(server.sessions) == 2


def test_a_failed_transcription_is_told_as_dropped_audio_in_its_place(
    realtime_server: Serve, six_numbers: bytes, urgent: bytes
) -> None:
    server = realtime_server({"fail": (1,)})
    events = play(engine_for(server), six_numbers, PAUSE, urgent, PAUSE)
    assert words(events) == ["urgent"]
    (lost,) = dropped(events)
    assert lost.start_ms + lost.duration_ms <= len(six_numbers) // 8


def test_a_session_that_does_not_answer_is_left_for_another(
    realtime_server: Serve, six_numbers: bytes
) -> None:
    server = realtime_server({"answers": False})
    times = Times(answer_limit=0.3, finish_limit=8, first_pause=0.01)
    assert words(play(engine_for(server, times), six_numbers, PAUSE)) == ["six-numbers"]
    assert len(server.sessions) == 2


def test_at_the_end_nobody_waits_for_ever(realtime_server: Serve, six_numbers: bytes) -> None:
    server = realtime_server(otherwise={"answers": False})
    events = play(engine_for(server, Times(finish_limit=0.5)), six_numbers, PAUSE)
    assert words(events) == []
    assert len(dropped(events)) == 1


HOSTILE: tuple[str | bytes, ...] = (
    "",
    "null",
    "[]",
    "{",
    "42",
    '{"type": 7}',
    '{"type": "error"}',
    '{"type": "error", "error": {"event_id": "turn-999", "code": "x"}}',
    '{"type": "error", "error": {"event_id": "turn-²", "code": "x"}}',
    '{"type": "error", "error": 3}',
    '{"type": "input_audio_buffer.committed"}',
    '{"type": "input_audio_buffer.committed", "item_id": "ghost", "previous_item_id": "nobody"}',
    '{"type": "conversation.item.input_audio_transcription.delta", "item_id": "ghost", "delta": "boo"}',
    '{"type": "conversation.item.input_audio_transcription.completed", "item_id": "ghost", "transcript": "boo"}',
    '{"type": "conversation.item.input_audio_transcription.failed", "item_id": "ghost", "error": {}}',
    '{"type": "a.thing.of.tomorrow", "item_id": "x"}',
    "[" * 5000,
    b"\x00\xff\xfe",
)


def test_hostile_messages_neither_stop_it_nor_put_words_into_a_mouth(
    realtime_server: Serve, six_numbers: bytes
) -> None:
    server = realtime_server({"hello": HOSTILE})
    events = play(engine_for(server), six_numbers, PAUSE)
    assert words(events) == ["six-numbers"]
    assert not any("boo" in event.text for event in events if isinstance(event, Segment))


def test_random_messages_are_survived(realtime_server: Serve, six_numbers: bytes) -> None:
    dice = random.Random(7)
    kinds = ["error", "input_audio_buffer.committed", "session.updated"] + [
        f"conversation.item.input_audio_transcription.{what}" for what in ("delta", "completed", "failed")
    ]
    values: list[object] = [None, 1, "x", {}, [], {"code": 5}, {"code": "c", "event_id": "turn-1"}]
    keys = ["item_id", "previous_item_id", "error", "event_id"]
    messages = tuple(
        json.dumps({"type": dice.choice(kinds)} | {key: dice.choice(values) for key in dice.sample(keys, 2)})
        for _ in range(15)
    )
    assert words(play(engine_for(realtime_server({"hello": messages})), six_numbers, PAUSE)) == [
        "six-numbers"
    ]


def test_a_flood_of_nonsense_ends_the_session(realtime_server: Serve, six_numbers: bytes) -> None:
    server = realtime_server({"hello": ("?",) * 100})
    assert words(play(engine_for(server), six_numbers, PAUSE)) == ["six-numbers"]
    assert len(server.sessions) == 2


def test_a_message_beyond_all_measure_ends_the_session(realtime_server: Serve, six_numbers: bytes) -> None:
    server = realtime_server({"hello": ("x" * 2_000_000,)})
    assert words(play(engine_for(server), six_numbers, PAUSE)) == ["six-numbers"]


def test_when_it_fails_for_good_the_next_engine_hears_what_it_did_not(
    realtime_server: Serve, six_numbers: bytes, urgent: bytes
) -> None:
    server = realtime_server({"drop_at_commit": 2}, otherwise={"status": 401})
    second_ms = (len(six_numbers) + len(PAUSE)) // 8
    script = [ScriptedLine(Party.REMOTE, 100, 3000, "said by the next one")]
    engine = FallbackEngine([engine_for(server), ScriptedEngine({"+15550100": script})])
    events = play(engine, six_numbers, PAUSE, 0.3, urgent, PAUSE)
    assert words(events) == ["six-numbers", "said by the next one"]
    (switch,) = [event for event in events if isinstance(event, EngineSwitched)]
    assert (switch.engine, switch.next_engine) == ("openai-realtime", "scripted")
    assert switch.gap_start_ms == switch.gap_end_ms
    second = next(
        event
        for event in events
        if isinstance(event, Segment) and event.text.startswith("said by the n") and event.is_final
    )
    assert second_ms - 1000 < second.start_ms < second_ms + 1000


def test_closing_the_engine_closes_its_connections(realtime_server: Serve, six_numbers: bytes) -> None:
    server = realtime_server()

    async def main() -> None:
        engine = engine_for(server)
        streams = [await engine.open(LISTENING) for _ in range(3)]
        for stream in streams:
            stream.push(six_numbers)
        await engine.aclose()
        for stream in streams:
            async for _ in stream.events():
                pass

    asyncio.run(main())
    assert all(session.closed.wait(10) for session in server.sessions)
