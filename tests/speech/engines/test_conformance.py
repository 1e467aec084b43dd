"""Every engine against the shipped suite, as it really runs: its worker processes included."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ringfence.contracts import SpeechEngine
from ringfence.model.calls import Party
from ringfence.speech.engines import pocketsphinx, scripted
from ringfence.speech.options import ScriptedLine, SpeechChoice
from ringfence.testing.conformance import SpeechEngineConformance

pytestmark = pytest.mark.unit


class TestPocketsphinx(SpeechEngineConformance):
    @asynccontextmanager
    async def running(self) -> AsyncIterator[SpeechEngine]:
        engine = pocketsphinx.create(SpeechChoice(workers=1))
        try:
            yield engine
        finally:
            await engine.aclose()


class TestScripted(SpeechEngineConformance):
    @asynccontextmanager
    async def running(self) -> AsyncIterator[SpeechEngine]:
        line = ScriptedLine(Party.REMOTE, 4_000, 6_000, "Your prescription is ready.")
        yield scripted.create(SpeechChoice(scripts={self.caller_number: [line]}))
