"""The demonstration, with its own server, over loopback; two Spanish calls at six times a telephone's pace."""

import asyncio
import io
import os
import re
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from rich.console import Console

from ringfence.contracts import Listening, SpeechStream
from ringfence.demo import PROGRAMME, Interpreter, Row, demonstrate, lines_of
from ringfence.model.calls import CallSid, Party
from ringfence.model.errors import ConfigurationError, ProviderError
from ringfence.model.speech import Segment, SpeechEvent
from ringfence.settings import load_settings
from ringfence.testing.script import load_script

pytestmark = pytest.mark.e2e

SCRIPTS = [load_script(name) for name in PROGRAMME]


class EnglishEngine:
    """Understands English and hears nothing."""

    name = "english"
    opened = 0

    def understands(self, language: str) -> bool:
        return language == "en"

    async def open(self, listening: Listening) -> SpeechStream:
        self.opened += 1
        return Deaf()

    async def aclose(self) -> None:
        pass


class Deaf:
    def push(self, mulaw: bytes) -> None:
        pass

    async def finish(self) -> None:
        pass

    async def events(self) -> AsyncIterator[SpeechEvent]:
        nothing: list[SpeechEvent] = []
        for event in nothing:
            yield event

    async def aclose(self) -> None:
        pass


def listening(language: str, caller: str) -> Listening:
    return Listening(CallSid("CA1"), caller, Party.REMOTE, language)


def test_the_programme_shows_three_scams_and_three_innocent_calls() -> None:
    assert [script.is_scam for script in SCRIPTS].count(True) == 3
    assert len(SCRIPTS) == 6


def test_an_engine_that_understands_a_call_hears_it_itself() -> None:
    engine = EnglishEngine()
    interpreter = Interpreter(engine, SCRIPTS)
    asyncio.run(interpreter.open(listening("en", "+15550111")))
    assert engine.opened == 1
    assert not interpreter.scripted_calls


def test_a_call_that_no_engine_understands_is_told_from_its_script() -> None:
    async def run() -> list[str]:
        script = load_script("paquete")
        stream = await interpreter.open(listening("es", script.from_number))
        stream.push(script.track(Party.REMOTE))
        await stream.finish()
        return [each.text async for each in stream.events() if isinstance(each, Segment) and each.is_final]

    interpreter = Interpreter(EnglishEngine(), SCRIPTS)
    said = [turn.text for turn in load_script("paquete").turns if turn.party is Party.REMOTE]
    assert asyncio.run(run()) == said
    assert interpreter.scripted_calls == {"CA1"}


def test_a_stranger_in_a_language_nobody_understands_is_not_invented() -> None:
    interpreter = Interpreter(EnglishEngine(), SCRIPTS)
    with pytest.raises(ProviderError):
        asyncio.run(interpreter.open(listening("es", "+56900000999")))


def test_a_scripts_lines_keep_their_place_in_the_audio() -> None:
    script = load_script("paquete")
    assert [(line.start_ms, line.end_ms) for line in lines_of(script)] == [
        (turn.start_ms, turn.end_ms) for turn in script.turns
    ]


@pytest.mark.parametrize(
    ("name", "level", "rightly"),
    [
        ("bank-impersonation", "high", True),
        ("bank-impersonation", "critical", True),
        ("bank-impersonation", "medium", False),
        ("pharmacy", "low", True),
        ("pharmacy", "medium", False),
    ],
)
def test_a_scam_must_end_high_and_an_innocent_call_low(name: str, level: str, *, rightly: bool) -> None:
    row = Row(load_script(name), level=level, verdict={"risk_level": level})
    assert row.judged_rightly is rightly


def test_a_call_without_a_verdict_was_not_judged_rightly() -> None:
    assert not Row(load_script("pharmacy")).judged_rightly


@pytest.mark.parametrize("is_terminal", [False, True], ids=["lines", "screen"])
def test_calls_ring_are_judged_and_summed_up_and_ctrl_c_ends_it(tmp_path: Path, *, is_terminal: bool) -> None:
    class Watched(io.StringIO):
        """Presses Ctrl-C when the demonstration says that it has shown all."""

        def write(self, text: str) -> int:
            if "keeps running" in text:
                os.kill(os.getpid(), signal.SIGINT)
            return super().write(text)

    shown = Watched()
    console = Console(file=shown, width=140, force_terminal=is_terminal)
    settings = load_settings(home=tmp_path, port=0, analyst="none", speech_engine="pocketsphinx")
    asyncio.run(demonstrate(settings, console, programme=("familiar-en-apuros", "paquete"), speed=6))
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.getvalue())
    assert re.search(r"http://127\.0\.0\.1:\d+/sign-in#token=\S+", text)
    assert (
        "No installed engine understands the language of: Un nieto en apuros, Un paquete en camino." in text
    )
    assert "Every call was judged as what it is." in text
    assert re.search(r"Un nieto en apuros +a scam +(⬣ Scam|■ Likely scam)", text)
    assert re.search(r"Un paquete en camino +innocent +○ No signs", text)
    assert ("Last words" in text) is is_terminal


def test_a_port_in_use_is_one_clear_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = load_settings(home=tmp_path, port=taken.getsockname()[1])
        with pytest.raises(ConfigurationError, match="PORT: cannot listen on 127"):
            asyncio.run(demonstrate(settings, Console(file=io.StringIO())))
