"""The wire of a GA transcription session: what we send, what we read, how a session is opened."""

import base64
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException

from ringfence.model.errors import ProviderError
from ringfence.speech.options import primary_language

MAX_MESSAGE = 1 << 20
LISTS_LANGUAGES = ("gpt-transcribe", "gpt-live-transcribe")
"""Models that take several possible languages; the others take one (the vendor's SDK types)."""
HOPELESS_STATUSES = (400, 401, 403, 404)
"""Answers to the handshake that trying again does not change."""
HOPELESS_CODES = ("invalid_api_key", "insufficient_quota", "model_not_found", "account_deactivated")


@dataclass(frozen=True, slots=True)
class Account:
    api_key: str
    base_url: str
    model: str

    def __repr__(self) -> str:
        return f"Account({self.base_url!r}, {self.model!r})"


class ErrorBody(msgspec.Struct, frozen=True):
    type: str = ""
    code: str | None = None
    message: str = ""
    event_id: str | None = None

    def sentence(self) -> str:
        return f"{self.code or self.type or 'error'}: {self.message}"[:300]


class ServerEvent(msgspec.Struct, frozen=True):
    """What we read of any event of theirs."""

    type: str
    item_id: str | None = None
    previous_item_id: str | None = None
    delta: str | None = None
    transcript: str | None = None
    error: ErrorBody | None = None


_decoder = msgspec.json.Decoder(ServerEvent)


def read_event(message: str | bytes) -> ServerEvent | None:
    """None for what cannot be read."""
    try:
        return _decoder.decode(message)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def session_url(base_url: str) -> str:
    """`https://host/v1` -> `wss://host/v1/realtime?intent=transcription`."""
    parts = urlsplit(base_url)
    scheme = {"https": "wss", "http": "ws"}.get(parts.scheme, parts.scheme)
    return urlunsplit(
        (scheme, parts.netloc, parts.path.rstrip("/") + "/realtime", "intent=transcription", "")
    )


def session_update(model: str, language: str) -> str:
    transcription: dict[str, Any] = {"model": model}
    if language != "auto":
        tag = primary_language(language)
        transcription |= {"languages": [tag]} if model.startswith(LISTS_LANGUAGES) else {"language": tag}
    return json.dumps(
        {
            "type": "session.update",
            "session": {
                "type": "transcription",
                "audio": {
                    "input": {
                        "format": {"type": "audio/pcmu"},
                        "transcription": transcription,
                        "turn_detection": None,
                    }
                },
            },
        }
    )


def append(mulaw: bytes) -> str:
    # Base64 needs no escaping in JSON, and this is sent ten times a second for every party.
    return '{"type":"input_audio_buffer.append","audio":"' + base64.b64encode(mulaw).decode() + '"}'


def commit(turn: int) -> str:
    return json.dumps({"type": "input_audio_buffer.commit", "event_id": commit_id(turn)})


def commit_id(turn: int) -> str:
    return f"turn-{turn}"


async def open_session(account: Account, language: str, limit_s: float) -> ClientConnection:
    """Connect and configure; the caller sets the deadline for the whole. Raises ProviderError."""
    try:
        socket = await connect(
            session_url(account.base_url),
            additional_headers={"Authorization": f"Bearer {account.api_key}"},
            open_timeout=limit_s,
            close_timeout=2,
            ping_interval=10,
            ping_timeout=10,
            max_size=MAX_MESSAGE,
            compression=None,
        )
    except InvalidStatus as error:
        status = error.response.status_code
        raise ProviderError(
            f"the session was refused with status {status}", retryable=status not in HOPELESS_STATUSES
        ) from error
    except (OSError, TimeoutError, WebSocketException) as error:
        raise ProviderError(f"no connection ({type(error).__name__})", retryable=True) from error
    try:
        await _configure(socket, session_update(account.model, language))
    except (OSError, WebSocketException) as error:
        raise ProviderError("the connection broke while the session was set up", retryable=True) from error
    except BaseException:
        await socket.close()
        raise
    return socket


async def _configure(socket: ClientConnection, update: str) -> None:
    await socket.send(update)
    async for message in socket:
        event = read_event(message)
        if event is None:
            continue
        if event.type == "session.updated":
            return
        if event.type == "error":
            body = event.error or ErrorBody()
            raise ProviderError(
                f"the session was refused: {body.sentence()}", retryable=body.code not in HOPELESS_CODES
            )
    raise ProviderError("the connection ended while the session was set up", retryable=True)
