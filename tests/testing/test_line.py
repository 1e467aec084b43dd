"""One media socket of the simulated carrier, before a listener that writes everything down."""

import asyncio
import base64
import json
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from twilio.request_validator import RequestValidator
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from ringfence.testing.line import Faults, Line, LineReport
from ringfence.testing.twiml import Stream

pytestmark = pytest.mark.e2e

TOKEN = "a-secret-of-this-test"
SECOND = bytes(range(1, 161)) * 50
ACCOUNT, CALL, STREAM = "AC" + "1" * 32, "CA" + "2" * 32, "MZ" + "3" * 32


@dataclass
class Heard:
    """What a server got over one socket."""

    report: LineReport
    messages: list[dict[str, Any]] = field(default_factory=list)
    arrivals_s: list[float] = field(default_factory=list)
    garbage: int = 0
    signed: bool = False
    close_code: int | None = None

    def events(self) -> list[str]:
        return [message["event"] for message in self.messages]

    def media(self, track: str = "inbound") -> list[dict[str, str]]:
        media = (message["media"] for message in self.messages if message["event"] == "media")
        return [piece for piece in media if piece["track"] == track]

    def chunks(self) -> list[int]:
        return [int(piece["chunk"]) for piece in self.media()]

    def audio(self, track: str) -> bytes:
        return b"".join(base64.b64decode(piece["payload"]) for piece in self.media(track))


def send(
    *,
    caller: bytes = SECOND,
    called: bytes = b"",
    both: bool = False,
    speed: float = 2,
    faults: Faults | None = None,
    digits: tuple[tuple[int, str], ...] = (),
    silence_s: float = 0.0,
) -> Heard:
    """One stream from beginning to end; the talk begins after `silence_s`."""

    async def run() -> Heard:
        heard = Heard(LineReport(STREAM))
        done = asyncio.Event()

        async def listen(socket: ServerConnection) -> None:
            assert socket.request
            signature = socket.request.headers["X-Twilio-Signature"]
            heard.signed = RequestValidator(TOKEN).validate(url, {}, signature)
            try:
                async for text in socket:
                    heard.arrivals_s.append(asyncio.get_running_loop().time())
                    try:
                        heard.messages.append(json.loads(text))
                    except json.JSONDecodeError:
                        heard.garbage += 1
            except ConnectionClosed:
                pass
            heard.close_code = socket.close_code
            done.set()

        async with serve(listen, "127.0.0.1", 0) as server:
            url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/media"
            line = Line(
                Stream(url, {"pass": "p"}, ("inbound", "outbound") if both else ("inbound",), "", False),
                account_sid=ACCOUNT,
                call_sid=CALL,
                caller=caller,
                called=called,
                speed=speed,
                faults=faults or Faults(),
                digits=digits,
                report=heard.report,
            )
            await line.open(lambda address: address, TOKEN)
            await asyncio.sleep(silence_s)
            line.talk()
            assert line.pumping is not None
            await line.pumping
            await line.close()
            await asyncio.wait_for(done.wait(), 5)
        return heard

    return asyncio.run(run())


def test_a_stream_begins_and_ends_as_the_carrier_documents_it() -> None:
    heard = send(both=True)
    assert heard.signed
    assert heard.messages[0] == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    assert heard.messages[1] == {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": STREAM,
        "start": {
            "accountSid": ACCOUNT,
            "streamSid": STREAM,
            "callSid": CALL,
            "tracks": ["inbound", "outbound"],
            "customParameters": {"pass": "p"},
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        },
    }
    assert heard.messages[-1]["stop"] == {"accountSid": ACCOUNT, "callSid": CALL}
    assert heard.close_code == 1000
    numbers = [int(message["sequenceNumber"]) for message in heard.messages[1:]]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("track", ["inbound", "outbound"])
def test_every_byte_of_a_party_arrives_in_order_on_its_own_track(track: str) -> None:
    heard = send(called=SECOND[::-1], both=True)
    assert (SECOND if track == "inbound" else SECOND[::-1]) in heard.audio(track)


def test_frames_are_twenty_milliseconds_long_and_numbered() -> None:
    heard = send()
    stamps = [int(piece["timestamp"]) for piece in heard.media()]
    assert {after - before for before, after in pairwise(stamps)} == {20}
    assert heard.chunks() == list(range(1, len(stamps) + 1))
    assert {len(base64.b64decode(piece["payload"])) for piece in heard.media()} == {160}


def test_before_the_talk_there_is_silence() -> None:
    heard = send(silence_s=0.1, speed=2)
    before, talk, _ = heard.audio("inbound").partition(SECOND)
    assert talk
    assert len(before) >= 160 * 5
    assert set(before) == {0xFF}


def test_the_pace_is_a_telephones_and_does_not_drift() -> None:
    heard = send()
    elapsed_s = heard.arrivals_s[-1] - heard.arrivals_s[0]
    assert 0.49 <= elapsed_s < 0.8


def test_above_twice_the_pace_frames_grow_instead_of_their_number() -> None:
    heard = send(caller=SECOND * 4, speed=10)
    assert {len(base64.b64decode(piece["payload"])) for piece in heard.media()} == {800}
    stamps = [int(piece["timestamp"]) for piece in heard.media()]
    assert {after - before for before, after in pairwise(stamps)} == {100}
    assert SECOND * 4 in heard.audio("inbound")
    assert heard.arrivals_s[-1] - heard.arrivals_s[0] < 0.8


def test_keys_are_pressed_at_their_time() -> None:
    heard = send(digits=((400, "7"), (600, "#")))
    pressed = [message["dtmf"]["digit"] for message in heard.messages if message["event"] == "dtmf"]
    place = heard.events().index("dtmf")
    assert pressed == ["7", "#"]
    assert heard.events()[:place].count("media") == pytest.approx(21, abs=3)


def test_lost_and_meaningless_messages_are_as_many_as_asked_for() -> None:
    heard = send(faults=Faults(lose_every=10, garbage_every=25))
    assert heard.report.frames_lost == 5
    assert not {10, 20, 30, 40, 50} & set(heard.chunks())
    assert heard.garbage == 2
    assert heard.report.frames_sent == len(heard.chunks())


def test_swapped_frames_arrive_after_their_successors() -> None:
    chunks = send(faults=Faults(swap_every=7)).chunks()
    assert chunks[5:9] == [6, 8, 7, 9]
    assert sorted(chunks) == list(range(1, len(chunks) + 1))


def test_a_stall_delivers_late_and_all_at_once() -> None:
    heard = send(speed=2, faults=Faults(stall_at_ms=200, stall_for_ms=400))
    assert max(after - before for before, after in pairwise(heard.arrivals_s)) >= 0.15
    assert heard.chunks() == list(range(1, len(heard.chunks()) + 1))
    assert SECOND in heard.audio("inbound")


def test_a_break_ends_the_stream_without_a_word() -> None:
    heard = send(faults=Faults(break_at_ms=400))
    assert heard.events()[-1] == "media"
    assert heard.close_code != 1000
    assert heard.report.broken == "broken by a fault"


def test_a_stream_can_close_without_a_stop() -> None:
    heard = send(faults=Faults(omit_stop=True))
    assert "stop" not in heard.events()
    assert heard.close_code == 1000
