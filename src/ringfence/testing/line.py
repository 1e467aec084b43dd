"""One media socket of the simulated carrier: audio out, frame by frame, at the pace of a telephone.

Messages and their order: Twilio, "Media Streams: WebSocket messages". Every frame has its own due time, counted
from the first one, so that a late one delays none of those that follow.
"""

import asyncio
import base64
import json
import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import zip_longest

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from ringfence.testing.signature import HEADER, sign
from ringfence.testing.twiml import Stream

FRAME_MS = 20
QUICKEST = 2.0
"""Times a telephone's pace at which frames still last 20 ms. Above it they grow, so that their number a second does
not: a server may refuse more than a carrier would ever send."""
BYTES_PER_MS = 8
SILENCE = b"\xff"  # zero in G.711 mu-law
_OPEN_TIMEOUT_S = 10.0
_CLOSE_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong on the way to the server. Nothing, unless asked for."""

    lose_every: int = 0
    """Every n-th frame of 20 ms never arrives; 0 loses none."""
    swap_every: int = 0
    """Every n-th frame arrives after the next one."""
    garbage_every: int = 0
    """Before every n-th frame comes a message that means nothing."""
    stall_at_ms: int | None = None
    stall_for_ms: int = 1_000
    """From `stall_at_ms` of the talk nothing arrives for so long; then all of it at once."""
    break_at_ms: int | None = None
    """There the connection is gone, without a word; offset into the talk."""
    omit_stop: bool = False
    """The socket closes in order, but no `stop` is sent."""


@dataclass(slots=True)
class LineReport:
    """What happened on one media socket."""

    stream_sid: str
    frames_sent: int = 0
    frames_lost: int = 0
    """Held back by a fault."""
    refusal: str = ""
    """Why the socket could not be opened, such as `HTTP 403`."""
    broken: str = ""
    """Why it ended before the call did."""
    messages_from_server: int = 0
    talk_at_ms: int = 0
    """Where in the stream the talk began; before it was silence."""
    talk_began_s: float = 0.0
    """When the first frame of the talk was due, on the event loop's clock."""


class Line:
    """Audio of both ends on its way to the server. Open it, say `talk`, wait for `pumping`, then close it."""

    def __init__(
        self,
        stream: Stream,
        *,
        account_sid: str,
        call_sid: str,
        caller: bytes,
        called: bytes,
        speed: float,
        faults: Faults,
        digits: tuple[tuple[int, str], ...],
        report: LineReport,
    ) -> None:
        self.stream = stream
        self.report = report
        self.pumping: asyncio.Task[None] | None = None
        self._account_sid = account_sid
        self._call_sid = call_sid
        self._tracks = {"inbound": caller, "outbound": called}
        self._speed = speed
        self._frame_ms = FRAME_MS * math.ceil(speed / QUICKEST)
        self._faults = faults
        self._digits = list(digits)
        self._talks = asyncio.Event()
        self._socket: ClientConnection | None = None
        self._listening: asyncio.Task[None] | None = None
        self._sequence = 0
        self._chunks = dict.fromkeys(stream.tracks, 0)

    @property
    def is_open(self) -> bool:
        return self._socket is not None and not self.report.broken

    async def open(self, reach: Callable[[str], str], auth_token: str) -> None:
        """Connect and begin; a refusal stands in the report. `reach` says where an address really is."""
        try:
            self._socket = await connect(
                reach(self.stream.url),
                additional_headers={HEADER: sign(auth_token, self.stream.url)},
                compression=None,
                ping_interval=None,
                open_timeout=_OPEN_TIMEOUT_S,
                close_timeout=_CLOSE_TIMEOUT_S,
                proxy=None,
            )
        except InvalidStatus as error:
            self.report.refusal = f"HTTP {error.response.status_code}"
            return
        except (OSError, TimeoutError, InvalidHandshake) as error:
            self.report.refusal = str(error) or type(error).__name__
            return
        self._listening = asyncio.create_task(self._listen(self._socket))
        self.pumping = asyncio.create_task(self._pump(self._socket))

    def talk(self) -> None:
        """From the next frame on both parties are heard; before it there is silence."""
        self._talks.set()

    async def close(self) -> None:
        """Stop sending, say `stop` unless that is the fault, close."""
        for task in (self.pumping, self._listening):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        if self._socket is None or self.report.broken:
            return
        with suppress(ConnectionClosed):
            if not self._faults.omit_stop:
                stop = {"accountSid": self._account_sid, "callSid": self._call_sid}
                await self._socket.send(self._message("stop", {"stop": stop}))
            await self._socket.close()

    async def _listen(self, socket: ClientConnection) -> None:
        with suppress(ConnectionClosed):
            async for _ in socket:
                self.report.messages_from_server += 1
        if not self.report.broken:
            self.report.broken = f"closed by the server ({socket.close_code})"

    async def _pump(self, socket: ClientConnection) -> None:
        try:
            await socket.send(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
            await socket.send(self._start())
            await self._send_audio(socket)
        except ConnectionClosed:
            self.report.broken = self.report.broken or f"closed by the server ({socket.close_code})"

    def _start(self) -> str:
        return self._message(
            "start",
            {
                "start": {
                    "accountSid": self._account_sid,
                    "streamSid": self.report.stream_sid,
                    "callSid": self._call_sid,
                    "tracks": list(self.stream.tracks),
                    "customParameters": self.stream.parameters,
                    "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                }
            },
        )

    async def _send_audio(self, socket: ClientConnection) -> None:
        faults = self._faults
        clock = asyncio.get_running_loop().time
        started_s = clock()
        nothing = SILENCE * (self._frame_ms * BYTES_PER_MS)
        sounds = [self._frames(self._tracks[track]) for track in self.stream.tracks]
        talk = list(zip_longest(*sounds, fillvalue=nothing))
        silence = (nothing,) * len(sounds)
        held: list[str] = []
        slot = talk_slot = 0
        while talk_slot < len(talk):
            due_s = started_s + slot * self._frame_ms / 1_000 / self._speed
            await asyncio.sleep(max(0.0, due_s - clock()))
            is_talking = self._talks.is_set()
            talk_ms = talk_slot * self._frame_ms
            if is_talking and talk_slot == 0:
                self.report.talk_at_ms, self.report.talk_began_s = slot * self._frame_ms, due_s
            if is_talking and faults.break_at_ms is not None and talk_ms >= faults.break_at_ms:
                self.report.broken = "broken by a fault"
                socket.transport.abort()
                return
            frames = self._media(talk[talk_slot] if is_talking else silence, slot * self._frame_ms)
            if is_talking:
                frames += self._pressed(talk_ms)
                talk_slot += 1
            if _every(faults.garbage_every, slot):
                await socket.send('{"event":"media","media":{"payload":"')
            if _every(faults.lose_every, slot):
                self.report.frames_lost += len(frames)
            elif self._is_stalled(talk_ms) or _every(faults.swap_every, slot):
                held += frames
            else:
                late, held = held, []
                if faults.stall_at_ms is None:
                    await self._send(socket, [*frames, *late])
                else:
                    await self._send(socket, [*late, *frames])
            slot += 1
        await self._send(socket, held)

    async def _send(self, socket: ClientConnection, messages: list[str]) -> None:
        for message in messages:
            await socket.send(message)
            self.report.frames_sent += 1

    def _is_stalled(self, talk_ms: int) -> bool:
        at = self._faults.stall_at_ms
        return at is not None and at <= talk_ms < at + self._faults.stall_for_ms

    def _media(self, frames: tuple[bytes, ...], timestamp_ms: int) -> list[str]:
        messages = []
        for track, frame in zip(self._chunks, frames, strict=True):
            self._chunks[track] += 1
            media = {
                "track": track,
                "chunk": str(self._chunks[track]),
                "timestamp": str(timestamp_ms),
                "payload": base64.b64encode(frame).decode(),
            }
            messages.append(self._message("media", {"media": media}))
        return messages

    def _pressed(self, talk_ms: int) -> list[str]:
        pressed = []
        while self._digits and self._digits[0][0] <= talk_ms:
            digit = self._digits.pop(0)[1]
            pressed.append(self._message("dtmf", {"dtmf": {"track": "inbound_track", "digit": digit}}))
        return pressed

    def _message(self, event: str, content: dict[str, object]) -> str:
        self._sequence += 1
        envelope = {
            "event": event,
            "sequenceNumber": str(self._sequence),
            "streamSid": self.report.stream_sid,
        }
        return json.dumps(envelope | content, separators=(",", ":"))

    def _frames(self, mulaw: bytes) -> list[bytes]:
        size = self._frame_ms * BYTES_PER_MS
        pieces = [mulaw[at : at + size] for at in range(0, len(mulaw), size)]
        return [piece.ljust(size, SILENCE) for piece in pieces]


def _every(count: int, slot: int) -> bool:
    return count > 0 and slot % count == count - 1
