"""The history, one call, its audio, feedback, the audit log and the figures, over a real store."""

import asyncio
import io
import wave
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from ringfence.access.roles import Role
from ringfence.model.assessment import Assessment, Indicator, RiskLevel
from ringfence.model.calls import Attestation, Call, CallId, CallSid, CallStatus, IncomingCall, Party
from ringfence.model.history import Timing
from ringfence.model.media import StreamStarted
from ringfence.model.speech import Gap, Utterance
from ringfence.testing.clock import EPOCH
from ringfence.web.asgi import create_asgi
from ringfence.web.services import Services

pytestmark = pytest.mark.db

OpenServices = Callable[..., AbstractAsyncContextManager[Services]]
Story = Callable[[Services, httpx.AsyncClient], Awaitable[None]]

CALLER, CALLED = "+15550111", "+15550100"


def told(open_services: OpenServices, story: Story, role: Role = Role.ADMIN) -> None:
    """By somebody of that role."""

    async def run() -> None:
        async with open_services() as services:
            key = await services.access.create_key("Ana", role)
            transport = httpx.ASGITransport(create_asgi(services))
            async with httpx.AsyncClient(
                transport=transport,
                base_url="http://127.0.0.1:8000",
                headers={"Authorization": f"Bearer {key}"},
            ) as client:
                await story(services, client)

    asyncio.run(run())


async def keep(
    services: Services,
    number: int = 1,
    *,
    level: RiskLevel = RiskLevel.LOW,
    words: str = "hello",
    caller: str = CALLER,
    started_at: datetime = EPOCH,
) -> Call:
    """A call that is over, with one utterance and its verdict."""
    call = Call(
        CallId(f"id-{number}"),
        CallSid(f"CA{number:032}"),
        caller,
        CALLED,
        "en",
        started_at,
        attestation=Attestation.A,
    )
    await services.calls.open_call(call)
    verdict = Assessment(
        revision=1,
        utterance=0,
        level=level,
        score=int(level) / 4 + 0.1,
        uncertain=False,
        indicators=(Indicator("asks_code", "Asks for a code", 0, words, 2.0, why="No bank asks."),),
        text="Risk level: " + level.word,
        detector="rules 1",
        source="local",
        made_at=started_at,
        final=True,
    )
    await services.calls.append(
        call.id,
        [
            Utterance(0, Party.REMOTE, words, 0, 400, engine="scripted", confidence=0.9),
            verdict,
            Gap(400, 600, "engine_failed", Party.SUBSCRIBER),
            Timing("utterance_end_to_shown", 0, 12.5),
        ],
        started_at,
    )
    await services.calls.set_facts(call.id, {"frames": 20, "engines": ["scripted"]})
    await services.calls.set_status(call.id, CallStatus.ENDED, started_at + timedelta(minutes=1))
    return call


async def actions(services: Services) -> list[tuple[str, str, str]]:
    """What the audit log says beyond the making of the key."""
    return [
        (entry.who, entry.action, entry.subject)
        for entry in await services.audit.entries()
        if entry.action != "key.created"
    ]


def test_one_call_is_shown_with_everything_that_is_kept_of_it(open_services: OpenServices) -> None:
    async def story(services: Services, client: httpx.AsyncClient) -> None:
        call = await keep(services, level=RiskLevel.HIGH, words="read me the code")
        shown = (await client.get(f"/api/v1/calls/{call.sid}")).json()
        assert {name: shown[name] for name in ("call_sid", "recording_id", "caller_number")} == {
            "call_sid": call.sid,
            "recording_id": call.id,
            "caller_number": CALLER,
        }
        assert (shown["status"], shown["risk_level"], shown["score"]) == ("ended", "high", 60)
        assert (shown["attestation"], shown["detector"], shown["has_audio"]) == ("A", "rules 1", False)
        assert shown["legs"] == [
            {"party": "remote", "number": CALLER, "call_sid": call.sid},
            {"party": "subscriber", "number": CALLED, "call_sid": None},
        ]
        (turn,) = shown["transcript"]
        assert (turn["role"], turn["text"], turn["index"]) == ("user", "read me the code", 0)
        assert datetime.fromisoformat(turn["at"]) == EPOCH
        (assessment,) = shown["assessments"]
        assert assessment["type"] == "analysis.complete"
        assert assessment["final"] is True
        assert assessment["evidence"][0]["text"] == "read me the code"
        assert shown["gaps"] == [
            {"start_ms": 400, "end_ms": 600, "reason": "engine_failed", "role": "callee"}
        ]
        assert shown["timings"] == [{"step": "utterance_end_to_shown", "utterance": 0, "elapsed_ms": 12.5}]
        assert shown["facts"] == {"frames": 20, "engines": ["scripted"]}
        assert (shown["alerts"], shown["feedback"]) == ([], [])

    told(open_services, story)


@pytest.mark.parametrize("door", ["", "/audio"])
def test_a_call_that_there_is_not_is_404_and_nobody_looked(open_services: OpenServices, door: str) -> None:
    async def story(services: Services, client: httpx.AsyncClient) -> None:
        answer = await client.get(f"/api/v1/calls/CA-unknown{door}")
        assert answer.status_code == 404
        assert await actions(services) == []

    told(open_services, story)


def test_looking_at_a_call_is_written_down(open_services: OpenServices) -> None:
    async def story(services: Services, client: httpx.AsyncClient) -> None:
        call = await keep(services)
        await services.audio.append(call.id, Party.REMOTE, 0, b"\xff" * 800, EPOCH)
        await client.get(f"/api/v1/calls/{call.sid}")
        await client.get(f"/api/v1/calls/{call.sid}/audio")
        await client.get("/api/v1/calls", params={"q": "hello", "number": CALLER})
        assert await actions(services) == [
            ("Ana", "call.viewed", f"call {call.id}"),
            ("Ana", "call.heard", f"call {call.id}"),
            ("Ana", "history.searched", "by words, by number"),
        ]

    told(open_services, story)


def test_audio_comes_as_a_recording_that_players_can_jump_in(open_services: OpenServices) -> None:
    async def story(services: Services, client: httpx.AsyncClient) -> None:
        call = await keep(services)
        await services.audio.append(call.id, Party.REMOTE, 0, b"\x00" * 8000, EPOCH)
        whole = await client.get(f"/api/v1/calls/{call.sid}/audio")
        assert whole.headers["Content-Type"] == "audio/wav"
        with wave.open(io.BytesIO(whole.content)) as recording:
            assert recording.getnchannels() == 2
            assert recording.getnframes() == 8000
        part = await client.get(f"/api/v1/calls/{call.sid}/audio", headers={"Range": "bytes=44-143"})
        assert (part.status_code, part.content) == (206, whole.content[44:144])

    told(open_services, story)


def test_a_call_without_audio_says_how_audio_is_kept(open_services: OpenServices) -> None:
    async def story(services: Services, client: httpx.AsyncClient) -> None:
        call = await keep(services)
        answer = await client.get(f"/api/v1/calls/{call.sid}/audio")
        assert answer.status_code == 404
        assert "RINGFENCE_KEEP_AUDIO" in answer.json()["detail"]

    told(open_services, story)


def sids(answer: httpx.Response) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [int(call["call_sid"].removeprefix("CA")) for call in answer.json()["calls"]]


FILTERS: list[tuple[dict[str, Any], list[int]]] = [
    ({}, [3, 2, 1]),
    ({"level": "medium"}, [3, 2]),
    ({"level": "critical"}, [3]),
    ({"q": "CODE"}, [2]),
    ({"number": "+1 555 0133"}, [3]),
    ({"number": " 15550133"}, [3]),  # Typed into an address as it is, a plus sign is a space.
    ({"status": "live"}, []),
    ({"since": (EPOCH + timedelta(hours=1)).isoformat()}, [3, 2]),
    ({"until": (EPOCH + timedelta(hours=1)).isoformat()}, [1]),
    ({"level": "medium", "q": "code", "status": "ended"}, [2]),
]


@pytest.mark.parametrize(("filters", "found"), FILTERS, ids=[str(list(names)) for names, _ in FILTERS])
def test_the_history_is_filtered_as_asked_newest_first(
    open_services: OpenServices, filters: dict[str, Any], found: list[int]
) -> None:
    async def story(services: Services, client: httpx.AsyncClient) -> None:
        await keep(services, 1)
        hour = timedelta(hours=1)
        await keep(services, 2, level=RiskLevel.MEDIUM, words="the code please", started_at=EPOCH + hour)
        await keep(services, 3, level=RiskLevel.CRITICAL, caller="+15550133", started_at=EPOCH + 2 * hour)
        assert sids(await client.get("/api/v1/calls", params=filters)) == found

    told(open_services, story)


def test_pages_of_the_history_follow_each_other_without_loss(open_services: OpenServices) -> None:
    async def story(services: Services, client: httpx.AsyncClient) -> None:
        for number in range(1, 6):
            await keep(services, number, started_at=EPOCH + timedelta(minutes=number))
        seen, cursor = [], None
        while True:
            asked = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            answer = await client.get("/api/v1/calls", params=asked)
            seen += sids(answer)
            cursor = answer.json()["next_cursor"]
            if cursor is None:
                break
        assert seen == [5, 4, 3, 2, 1]

    told(open_services, story)


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "201"},
        {"level": "terrible"},
        {"status": "gone"},
        {"number": "call me"},
        {"since": "2026-01-01T00:00:00"},
        {"cursor": "made up"},
        {"levle": "high"},
    ],
    ids=lambda query: "=".join(*query.items()),
)
def test_a_question_that_cannot_be_understood_is_422(
    open_services: OpenServices, query: dict[str, str]
) -> None:
    async def story(services: Services, client: httpx.AsyncClient) -> None:
        answer = await client.get("/api/v1/calls", params=query)
        assert answer.status_code == 422
        assert answer.headers["Content-Type"] == "application/problem+json"

    told(open_services, story)


def test_feedback_is_kept_shown_and_written_down(open_services: OpenServices) -> None:
    async def story(services: Services, client: httpx.AsyncClient) -> None:
        call = await keep(services)
        for label in ("scam", "benign"):
            answer = await client.post(f"/api/v1/calls/{call.sid}/feedback", json={"label": label})
            assert (answer.status_code, answer.content) == (204, b"")
        shown = (await client.get(f"/api/v1/calls/{call.sid}")).json()["feedback"]
        assert [(word["label"], word["by"]) for word in shown] == [("scam", "Ana"), ("benign", "Ana")]
        listed = (await client.get("/api/v1/calls")).json()["calls"][0]
        assert listed["feedback"] == "benign"
        assert ("Ana", "call.labelled_scam", f"call {call.id}") in await actions(services)

    told(open_services, story, Role.OPERATOR)


def test_the_calls_of_this_moment_are_listed(open_services: OpenServices) -> None:
    async def story(services: Services, client: httpx.AsyncClient) -> None:
        assert (await client.get("/api/v1/twilio/active-calls")).json() == {"calls": []}
        sid = CallSid("CA" + "7" * 32)
        instructions = await services.switchboard.answer(IncomingCall(sid, CALLER, CALLED))
        assert instructions.stream is not None
        await services.switchboard.connect_media(
            StreamStarted("MZ1", sid, (Party.REMOTE,), instructions.stream.parameters)
        )
        (line,) = (await client.get("/api/v1/twilio/active-calls")).json()["calls"]
        assert (line["call_sid"], line["caller_number"], line["current_risk_level"]) == (sid, CALLER, "low")
        health = (await client.get("/api/v1/twilio/health")).json()
        assert health == {"status": "ok", "twilio_configured": True, "active_calls": 1}

    told(open_services, story)


def test_the_audit_log_comes_in_pages_and_says_whether_it_is_whole(open_services: OpenServices) -> None:
    async def story(services: Services, client: httpx.AsyncClient) -> None:
        for number in range(3):
            await services.audit.add("Ana", "test.done", f"thing {number}", EPOCH)
        first = (await client.get("/api/v1/audit", params={"limit": 2})).json()
        assert first["intact"] is None
        asked = {"after": first["next_after"], "verify": True}
        second = (await client.get("/api/v1/audit", params=asked)).json()
        numbers = [entry["number"] for entry in first["entries"] + second["entries"]]
        assert numbers == sorted(set(numbers))
        assert second["intact"] is True
        told = [entry["action"] for entry in first["entries"] + second["entries"]]
        assert told == ["key.created", "test.done", "test.done", "test.done", "audit.viewed"]

    told(open_services, story)


def test_the_figures_count_what_is_kept(open_services: OpenServices) -> None:
    async def story(services: Services, client: httpx.AsyncClient) -> None:
        await keep(services, 1)
        call = await keep(services, 2, level=RiskLevel.HIGH)
        await client.post(f"/api/v1/calls/{call.sid}/feedback", json={"label": "scam"})
        stats = (await client.get("/api/v1/stats")).json()
        assert stats["calls"] == 2
        assert stats["calls_by_level"] == {"low": 1, "medium": 0, "high": 1, "critical": 0}
        assert stats["feedback"]["scam_caught"] == 1
        assert stats["timings_ms"]["utterance_end_to_shown"]["median"] == 12.5
        assert stats["detector"] == services.detector_version

    told(open_services, story)
