"""Calls that speak at their own pace, with as little work as can be: one loop, one send a message.

    python media_load.py PORT CALLS FRAMES

Says `ready` when every call has started, and speaks from the first line it reads on. Answers every line with the
messages that were due so far and whose turn came, and ends with its input. A call whose message is not taken at once
falls silent, so that it does not hold up the others; the server's count then falls behind this one.
"""

import base64
import hashlib
import hmac
import os
import select
import socket
import struct
import sys
import time
from collections.abc import Sequence

import media_messages as messages

PATH = "/api/v1/twilio/media-stream"
TOKEN = "0" * 32
HOST = "bench.example.org"
SIGNED_URL = f"ws://{HOST}{PATH}"
FRAME_S = 1 / messages.FRAMES_PER_S
SLOTS = 40
"""Calls start at so many moments of the 20 ms; those of one moment send one after the other."""


questions = open(0, "rb", buffering=0)  # noqa: SIM115
"""The input, without a buffer: `select` knows nothing of lines that were read too early."""


def frame(text: str) -> bytes:
    """A client's text frame (RFC 6455); its mask is zero, which leaves the text as it is."""
    payload = text.encode()
    assert 126 <= len(payload) < 65_536
    return b"\x81" + struct.pack("!BH", 0x80 | 126, len(payload)) + bytes(4) + payload


def open_call(port: int, number: int) -> socket.socket:
    peer = socket.create_connection(("127.0.0.1", port), 20)
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    digest = hmac.new(TOKEN.encode(), SIGNED_URL.encode(), hashlib.sha1).digest()
    peer.sendall(
        (
            f"GET {PATH} HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
            f"X-Twilio-Signature: {base64.b64encode(digest).decode()}\r\n\r\n"
        ).encode()
    )
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += peer.recv(1)
    assert b" 101 " in answer, answer
    peer.sendall(frame(messages.start(f"CA{os.getpid():08x}{number:024x}")))
    peer.setblocking(False)
    return peer


def speak(calls: Sequence[socket.socket], frames: int) -> None:
    wires = [frame(messages.media(n, mulaw)) for n, mulaw in enumerate(messages.speech_like(2_000))]
    slots = [[peer.send for peer in calls[slot::SLOTS]] for slot in range(SLOTS)]
    sizes = [len(sends) for sends in slots]
    sent = 0
    due_s = time.monotonic()
    for number in range(frames):
        wire = wires[number % len(wires)]
        for sends, size in zip(slots, sizes, strict=True):
            wait_s = due_s - time.monotonic()
            if wait_s > 0:
                time.sleep(wait_s)
            stuck = []
            for send in sends:
                try:
                    if send(wire) != len(wire):
                        stuck.append(send)
                except OSError:
                    stuck.append(send)
            sent += size
            for send in stuck:
                sends.remove(send)
            due_s += FRAME_S / SLOTS
        if not answer(sent, 0):
            return
    while answer(sent, None):
        pass


def answer(sent: int, within_s: float | None) -> bool:
    """Answer a line if there is one; False at the end of the input."""
    if not select.select([questions], [], [], within_s)[0]:
        return True
    if not questions.readline():
        return False
    print(sent, flush=True)
    return True


def main() -> None:
    port, calls, frames = map(int, sys.argv[1:])
    peers = [open_call(port, number) for number in range(calls)]
    print("ready", flush=True)
    if questions.readline():
        speak(peers, frames)


if __name__ == "__main__":
    main()
