"""OpenAI's Realtime API, transcription session: mu-law goes out as it came in, words come back while one speaks.

`protocol` is the wire, `ledger` keeps account of turns (pure), `stream` holds the connections of one party. The
session's turn detection is off, because the live models have none: turns are cut here, at the speaker's pauses,
and only audio of turns is sent. https://platform.openai.com/docs/guides/realtime-transcription (read 2026-10).
"""

import importlib.util

from ringfence.contracts import Listening, SpeechStream
from ringfence.model.errors import ConfigurationError
from ringfence.speech.engines.openai_realtime.protocol import Account
from ringfence.speech.engines.openai_realtime.stream import DEFAULT_TIMES, RealtimeStream, Times
from ringfence.speech.options import EngineReport, SpeechChoice

NAME = "openai-realtime"
QUALITY = "best, many languages; audio leaves this machine, billed by the minute of speech"


def create(choice: SpeechChoice) -> "RealtimeEngine":
    """Raises ConfigurationError without a key."""
    if not choice.openai_api_key:
        raise ConfigurationError("speech engine openai-realtime needs OPENAI_API_KEY")
    return RealtimeEngine(Account(choice.openai_api_key, choice.openai_base_url, choice.openai_model))


def report(choice: SpeechChoice) -> EngineReport:
    if importlib.util.find_spec("websockets") is None:
        return EngineReport(
            NAME, False, "the package websockets is missing", "pip install websockets", QUALITY
        )
    if not choice.openai_api_key:
        return EngineReport(NAME, False, "there is no key", "set OPENAI_API_KEY", QUALITY)
    return EngineReport(NAME, True, f"model {choice.openai_model}", "", QUALITY)


class RealtimeEngine:
    """Satisfies `contracts.SpeechEngine`. Each stream has a connection of its own."""

    name = NAME

    def __init__(self, account: Account, times: Times = DEFAULT_TIMES) -> None:
        self._account = account
        self._times = times
        self._streams: set[RealtimeStream] = set()

    def understands(self, language: str) -> bool:
        return True

    async def open(self, listening: Listening) -> SpeechStream:
        stream = RealtimeStream(self._account, listening, self._times, NAME, self._streams.discard)
        await stream.start()
        self._streams.add(stream)
        return stream

    async def aclose(self) -> None:
        for stream in tuple(self._streams):
            await stream.aclose()
