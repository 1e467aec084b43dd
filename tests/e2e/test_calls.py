"""Whole calls: a real server process, the simulated carrier's real audio, a real monitor socket, the real history."""

import asyncio
import json
import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import jiwer
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from ringfence.model.calls import Party
from ringfence.privacy.secrets import load_secrets
from ringfence.testing.network import Faults, PlacedCall, SimulatedCall, SimulatedCarrier
from ringfence.testing.script import load_script
from ringfence.testing.server import AUTH_TOKEN, ServerProcess, running_server
from ringfence.testing.wav import write_wav

pytestmark = pytest.mark.e2e

SPEED = 2.0  # the bundled engine keeps up with two calls at this pace on two cores
DANGER = ("high", "critical")


@dataclass
class Door:
    """A server and the credentials to it."""

    server: ServerProcess
    key: str
    auth_token: str = AUTH_TOKEN

    def get(self, path: str) -> Any:
        answer = httpx.get(self.server.url + path, headers=self.headers, trust_env=False)
        assert answer.status_code == 200, answer.text
        return answer.json()

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def monitor(self, call_sid: str) -> connect:
        url = f"{self.server.url.replace('http', 'ws', 1)}/api/v1/twilio/monitor/{call_sid}"
        return connect(url, additional_headers=self.headers, proxy=None)


@dataclass
class Watched:
    """A call, what its monitor showed with the talk's position at that moment, and what is kept of it."""

    placed: PlacedCall
    seen: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    instants_s: list[float] = field(default_factory=list)
    kept: dict[str, Any] = field(default_factory=dict)

    def messages(self, kind: str) -> list[dict[str, Any]]:
        return [message for _, message in self.seen if message["type"] == kind]

    def shown(self) -> list[tuple[str, str]]:
        """The transcript as a monitor saw it grow: the state it began with, and every turn after it."""
        first = self.messages("call.state")[0]["transcript"]
        return [(turn["role"], turn["text"]) for turn in [*first, *self.messages("transcript.update")]]


async def watch(
    door: Door, call: SimulatedCall, *, until: Callable[[Watched], bool] = lambda watched: False
) -> Watched:
    """Place a call and look on to its end, or until something was seen (then the caller hangs up)."""
    async with SimulatedCarrier(door.server.url, door.auth_token) as carrier:
        watched = Watched(await carrier.place(call))
        assert watched.placed.outcome != "refused"
        async with door.monitor(watched.placed.sid) as socket:
            async for text in socket:
                watched.seen.append((watched.placed.position_ms, json.loads(text)))
                watched.instants_s.append(asyncio.get_running_loop().time())
                if until(watched):
                    return watched
        await watched.placed.finished()
    assert watched.placed.problem == "" or call.faults.break_at_ms is not None
    watched.kept = door.get(f"/api/v1/calls/{watched.placed.sid}")
    return watched


def sample(name: str, *, first_s: float | None = None, **changes: Any) -> SimulatedCall:
    call = replace(SimulatedCall.from_script(load_script(name)), speed=SPEED, **changes)
    if first_s is None:
        return call
    size = int(first_s * 8_000)
    return replace(call, caller=call.caller[:size], called=call.called[:size])


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with running_server(tmp_path_factory.mktemp("server")) as server:
        yield Door(server, server.new_key())


@pytest.fixture(scope="module")
def calls(door: Door) -> tuple[Watched, Watched]:
    """A scam and an innocent call, at the same time, from beginning to end."""

    async def run() -> tuple[Watched, Watched]:
        return await asyncio.gather(
            watch(door, sample("bank-impersonation")), watch(door, sample("pharmacy"))
        )

    return asyncio.run(run())


@pytest.fixture(scope="module")
def scam(calls: tuple[Watched, Watched]) -> Watched:
    return calls[0]


@pytest.fixture(scope="module")
def innocent(calls: tuple[Watched, Watched]) -> Watched:
    return calls[1]


def test_a_scam_is_recognised_while_it_is_still_being_spoken(scam: Watched) -> None:
    alarms = [
        position_ms
        for position_ms, message in scam.seen
        if message["type"] == "analysis.complete" and message["risk_level"] in DANGER
    ]
    assert alarms
    assert alarms[0] < scam.placed.call.duration_ms * 0.8


def test_an_innocent_call_stays_low_to_its_end(innocent: Watched) -> None:
    analyses = innocent.messages("analysis.complete")
    assert len(analyses) >= 5
    assert {message["risk_level"] for message in analyses} == {"low"}
    assert not any(message["is_danger"] for message in analyses)


def test_the_alarm_names_its_evidence_in_words_that_were_shown(scam: Watched) -> None:
    verdict = scam.messages("analysis.complete")[-1]
    shown = [text for _, text in scam.shown()]
    assert verdict["final"]
    assert verdict["risk_level"] in DANGER
    assert verdict["indicators"]
    for evidence in verdict["evidence"]:
        assert evidence["text"] in shown[evidence["index"]]


def test_the_monitor_speaks_the_public_contract(scam: Watched) -> None:
    kinds = [message["type"] for _, message in scam.seen]
    assert kinds[0] == "call.state"
    assert kinds[-1] == "call.stopped"
    assert {"transcript.update", "analysis.complete"} <= set(kinds)
    state, stopped = scam.seen[0][1], scam.seen[-1][1]
    assert state["call_sid"] == scam.placed.sid
    assert state["caller_number"] == "+15550111"
    assert stopped["recording_id"] == state["recording_id"]


@pytest.mark.parametrize("name", ["scam", "innocent"])
def test_both_ends_of_the_line_are_heard_and_told_apart(name: str, request: pytest.FixtureRequest) -> None:
    watched: Watched = request.getfixturevalue(name)
    script = load_script("bank-impersonation" if name == "scam" else "pharmacy")
    for role, party in (("user", Party.REMOTE), ("callee", Party.SUBSCRIBER)):
        heard = " ".join(text for who, text in watched.shown() if who == role)
        # A wrong track would leave nearly every word wrong; the bundled engine gets most of the caller right.
        assert jiwer.wer(_plain(script.words(party)), heard) < (0.35 if party is Party.REMOTE else 0.75)


@pytest.mark.parametrize("name", ["scam", "innocent"])
def test_the_history_holds_every_word_and_judgement_that_was_shown(
    name: str, request: pytest.FixtureRequest
) -> None:
    watched: Watched = request.getfixturevalue(name)
    kept = watched.kept
    assert kept["status"] == "ended"
    assert [(turn["role"], turn["text"]) for turn in kept["transcript"]] == watched.shown()
    shown = [message["revision"] for message in watched.messages("analysis.complete")]
    assert [each["revision"] for each in kept["assessments"]][-len(shown) :] == shown
    assert kept["assessments"][-1]["final"]
    assert kept["detector"]
    assert kept["facts"]["engines"] == ["pocketsphinx"]
    assert kept["facts"]["lost_chunks"] == 0
    assert kept["gaps"] == []


def test_the_history_lists_both_calls_with_their_levels(door: Door, scam: Watched, innocent: Watched) -> None:
    listed = {call["call_sid"]: call for call in door.get("/api/v1/calls?limit=50")["calls"]}
    assert listed[scam.placed.sid]["risk_level"] in DANGER
    assert listed[innocent.placed.sid]["risk_level"] == "low"


def test_a_code_that_was_said_is_nowhere_on_the_disk(door: Door, scam: Watched) -> None:
    assert any("[code]" in text or "[digits]" in text for _, text in scam.shown())
    for path in door.server.home.rglob("*"):
        if path.is_file():
            assert not re.search(rb"one nine (zero|oh) two|190\s?2", path.read_bytes()), path.name


def test_a_live_call_is_among_the_active_calls(door: Door) -> None:
    listed: list[str] = []

    def started(watched: Watched) -> bool:
        listed.extend(call["call_sid"] for call in door.get("/api/v1/twilio/active-calls")["calls"])
        return watched.placed.sid in listed or bool(watched.messages("call.stopped"))

    watched = asyncio.run(watch(door, sample("pharmacy", first_s=10), until=started))
    assert watched.placed.sid in listed


def test_at_a_telephones_pace_the_time_from_word_to_screen_is_kept(door: Door) -> None:
    watched = asyncio.run(watch(door, replace(sample("pharmacy", first_s=10), speed=1)))
    assert watched.kept["timings"]
    for timing in watched.kept["timings"]:
        assert timing["step"] == "utterance_end_to_shown"
        assert 0 < timing["elapsed_ms"] < 10_000


def test_lost_late_and_meaningless_messages_are_counted_and_the_call_is_still_heard(door: Door) -> None:
    faults = Faults(lose_every=40, swap_every=33, garbage_every=100)
    watched = asyncio.run(watch(door, sample("pharmacy", first_s=12, faults=faults)))
    facts = watched.kept["facts"]
    assert facts["lost_chunks"] == watched.placed.lines[0].frames_lost > 0
    assert facts["late_chunks"] > 0
    assert facts["bad_messages"] > 0
    assert watched.shown()


def test_a_broken_socket_is_noticed_within_two_seconds_and_the_gap_is_kept(door: Door) -> None:
    call = sample("pharmacy", first_s=12, faults=Faults(break_at_ms=2_000))
    watched = asyncio.run(watch(door, call))
    position_ms = next(at for at, message in watched.seen if message["type"] == "protection.paused")
    assert 2_000 <= position_ms <= 2_000 + 2_000 * SPEED
    assert [gap["reason"] for gap in watched.kept["gaps"]] == ["stream_lost"]
    assert watched.kept["status"] == "ended"


def test_a_webhook_that_comes_five_times_and_late_callbacks_make_one_call(door: Door) -> None:
    call = sample("pharmacy", first_s=4, webhook_copies=5, callback_copies=2, callbacks_out_of_order=True)
    watched = asyncio.run(watch(door, replace(call, from_number="+15550177")))
    assert {status for _, status in watched.placed.replies} <= {200, 204}
    found = door.get("/api/v1/calls?number=%2B15550177")["calls"]
    assert [(each["call_sid"], each["status"]) for each in found] == [(watched.placed.sid, "ended")]


def test_a_recording_is_played_from_the_command_line(door: Door, tmp_path: Path) -> None:
    write_wav(tmp_path / "hello.wav", load_script("pharmacy").mulaw[:16_000])
    said = door.server.command(
        "call", str(tmp_path / "hello.wav"), "--from", "+15550188", "--url", door.server.url, "--speed", "2"
    )
    assert "answered: send the inbound and outbound audio to ws://" in said
    assert "completed: 00:02 spoken" in said
    assert len(door.get("/api/v1/calls?number=%2B15550188")["calls"]) == 1


def test_a_webhook_signed_with_another_secret_is_refused_and_leaves_no_trace(door: Door) -> None:
    async def run() -> PlacedCall:
        async with SimulatedCarrier(door.server.url, "another-secret") as carrier:
            return await carrier.place(sample("pharmacy", first_s=1, sid="CA" + "9" * 32))

    assert asyncio.run(run()).outcome == "refused: HTTP 403"
    answer = httpx.get(f"{door.server.url}/api/v1/calls/CA{'9' * 32}", headers=door.headers, trust_env=False)
    assert answer.status_code == 404


def test_a_media_socket_without_a_signature_is_refused(door: Door) -> None:
    async def run() -> int:
        url = f"{door.server.url.replace('http', 'ws', 1)}/api/v1/twilio/media-stream"
        with pytest.raises(InvalidStatus) as refusal:
            await connect(url, proxy=None)
        return refusal.value.response.status_code

    assert asyncio.run(run()) == 403


def test_a_monitor_without_credentials_sees_nothing(door: Door) -> None:
    async def run() -> list[str]:
        stranger = Door(door.server, "not-a-key")
        try:
            async with stranger.monitor("CA" + "1" * 32) as socket:
                return [str(text) async for text in socket]
        except (InvalidStatus, ConnectionClosed):
            return []

    assert asyncio.run(run()) == []


def test_after_a_kill_in_mid_call_every_word_that_was_shown_is_there(tmp_path: Path) -> None:
    def enough(watched: Watched) -> bool:
        if len(watched.messages("transcript.update")) < 3:
            return False
        server.kill()
        return True

    with running_server(tmp_path) as server:
        door = Door(server, server.new_key())
        watched = asyncio.run(watch(door, sample("tech-support"), until=enough))
    with running_server(tmp_path) as server:
        kept = Door(server, door.key).get(f"/api/v1/calls/{watched.placed.sid}")
    shown = watched.shown()
    assert len(shown) >= 3
    assert [(turn["role"], turn["text"]) for turn in kept["transcript"]][: len(shown)] == shown
    assert kept["status"] == "interrupted"
    assert kept["ended_at"]
    assert kept["assessments"]


def test_told_to_stop_the_server_lets_the_call_finish_and_takes_no_other(tmp_path: Path) -> None:
    second: list[PlacedCall] = []

    async def run(door: Door) -> Watched:
        async def ring_again() -> None:
            async with SimulatedCarrier(door.server.url, AUTH_TOKEN) as carrier:
                second.append(await (await carrier.place(sample("paquete", first_s=1))).finished())

        later: list[asyncio.Task[None]] = []

        def when_heard(watched: Watched) -> bool:
            if watched.messages("transcript.update") and not later:
                door.server.process.send_signal(signal.SIGTERM)
                later.append(asyncio.create_task(ring_again()))
            return bool(watched.messages("call.stopped"))

        watched = await watch(door, sample("pharmacy", first_s=20), until=when_heard)
        await asyncio.gather(*later)
        return watched

    with running_server(tmp_path) as server:
        watched = asyncio.run(run(Door(server, server.new_key())))
        assert server.stop() == 0
    assert watched.placed.outcome == "completed"
    assert watched.messages("call.stopped")[0]["status"] == "ended"
    assert len(watched.shown()) >= 3
    assert second[0].lines == []


def test_spanish_calls_of_the_demonstration_are_judged_in_spanish_from_their_scripts(tmp_path: Path) -> None:
    async def run(door: Door) -> tuple[Watched, Watched]:
        return await asyncio.gather(
            watch(door, replace(sample("familiar-en-apuros"), speed=6)),
            watch(door, replace(sample("paquete"), speed=6)),
        )

    with running_server(tmp_path, command=("demo", "--no-calls")) as server:
        token = load_secrets(tmp_path).demo_carrier_token
        scam, innocent = asyncio.run(run(Door(server, server.new_key(), token)))
    assert scam.kept["risk_level"] in DANGER
    assert scam.kept["language"] == "es"
    assert scam.messages("analysis.complete")[-1]["text"].startswith("Nivel de Riesgo")
    assert [turn["text"] for turn in innocent.kept["transcript"]] == [
        turn.text for turn in load_script("paquete").turns
    ]
    assert {each["risk_level"] for each in innocent.kept["assessments"]} == {"low"}
    assert scam.kept["facts"]["engines"] == ["scripted"]


def _plain(text: str) -> str:
    return re.sub(r"[^a-z ]", "", text.lower())
