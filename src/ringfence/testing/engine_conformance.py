"""What every speech engine must do, as tests: subclass, say how to make the engine, and let pytest collect it.

    class TestAcme(SpeechEngineConformance):
        def make_engine(self) -> SpeechEngine:
            return AcmeEngine(...)

        def speech(self) -> bytes:
            return Path("clip.ulaw").read_bytes()

        words = ("hello", "world")

Each test runs its own event loop. `speech` is G.711 mu-law of one turn, followed or not by silence.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ringfence.contracts import Listening, SpeechEngine, SpeechStream
from ringfence.model.calls import CallSid, Party
from ringfence.model.speech import Segment, SpeechEvent

SILENCE = b"\xff"
BYTES_PER_MS = 8
LIMIT_S = 120.0

T = TypeVar("T")


class SpeechEngineConformance:
    """See the module's docstring."""

    language = "en"
    caller_number = "+15550100"
    words: tuple[str, ...] = ()
    """Some of the words of `speech`, in order, that the engine must find."""

    def make_engine(self) -> SpeechEngine:
        raise NotImplementedError

    def speech(self) -> bytes:
        raise NotImplementedError

    # what a subclass need not change

    def listening(self, party: Party = Party.REMOTE) -> Listening:
        return Listening(
            CallSid("CA00000000000000000000000000000001"), self.caller_number, party, self.language
        )

    def run(self, scenario: Callable[[SpeechEngine], Awaitable[T]]) -> T:
        async def main() -> T:
            engine = self.make_engine()
            try:
                async with asyncio.timeout(LIMIT_S):
                    return await scenario(engine)
            finally:
                await engine.aclose()

        return asyncio.run(main())

    async def hear(self, stream: SpeechStream, audio: bytes, piece: int = 800) -> list[SpeechEvent]:
        """Push all of it, finish, and give back every event."""
        events: list[SpeechEvent] = []

        async def collect() -> None:
            events.extend([event async for event in stream.events()])

        reader = asyncio.ensure_future(collect())
        for start in range(0, len(audio), piece):
            stream.push(audio[start : start + piece])
            if start % (50 * piece) == 0:
                await asyncio.sleep(0)
        await stream.finish()
        await reader
        await stream.aclose()
        return events

    def finals(self, events: list[SpeechEvent]) -> list[Segment]:
        return [event for event in events if isinstance(event, Segment) and event.is_final]

    def assert_words(self, finals: list[Segment]) -> None:
        said = iter(" ".join(segment.text for segment in finals).casefold().split())
        missing = [word for word in self.words if not any(word in heard for heard in said)]
        assert not missing, f"not heard, or not in order: {missing}; heard: {[one.text for one in finals]}"

    # the tests

    def test_speech_becomes_final_segments_with_true_offsets(self) -> None:
        audio = SILENCE * (1000 * BYTES_PER_MS) + self.speech() + SILENCE * (1500 * BYTES_PER_MS)

        async def scenario(engine: SpeechEngine) -> list[SpeechEvent]:
            return await self.hear(await engine.open(self.listening()), audio)

        finals = self.finals(self.run(scenario))
        self.assert_words(finals)
        for segment in finals:
            assert segment.party is Party.REMOTE
            assert segment.engine
            assert 500 <= segment.start_ms <= segment.end_ms <= len(audio) // BYTES_PER_MS
        assert [one.start_ms for one in finals] == sorted(one.start_ms for one in finals)

    def test_the_last_words_come_even_when_the_audio_stops_in_mid_turn(self) -> None:
        async def scenario(engine: SpeechEngine) -> list[SpeechEvent]:
            return await self.hear(await engine.open(self.listening()), self.speech())

        self.assert_words(self.finals(self.run(scenario)))

    def test_silence_has_no_words(self) -> None:
        async def scenario(engine: SpeechEngine) -> list[SpeechEvent]:
            return await self.hear(await engine.open(self.listening()), SILENCE * (3000 * BYTES_PER_MS))

        assert self.finals(self.run(scenario)) == []

    def test_a_stream_without_audio_just_ends(self) -> None:
        async def scenario(engine: SpeechEngine) -> list[SpeechEvent]:
            return await self.hear(await engine.open(self.listening()), b"")

        assert self.run(scenario) == []

    def test_the_cut_of_the_audio_does_not_change_the_words(self) -> None:
        audio = self.speech() + SILENCE * (1500 * BYTES_PER_MS)

        async def scenario(engine: SpeechEngine) -> tuple[list[SpeechEvent], list[SpeechEvent]]:
            whole = await self.hear(await engine.open(self.listening()), audio, piece=800)
            odd = await self.hear(await engine.open(self.listening()), audio, piece=333)
            return whole, odd

        whole, odd = self.run(scenario)
        assert [one.text for one in self.finals(whole)] == [one.text for one in self.finals(odd)]

    def test_two_parties_at_once_do_not_mix(self) -> None:
        audio = self.speech() + SILENCE * (1000 * BYTES_PER_MS)
        quiet = SILENCE * len(audio)

        async def scenario(engine: SpeechEngine) -> tuple[list[SpeechEvent], list[SpeechEvent]]:
            speaking = await engine.open(self.listening(Party.REMOTE))
            listening = await engine.open(self.listening(Party.SUBSCRIBER))
            heard = await asyncio.gather(self.hear(speaking, audio), self.hear(listening, quiet))
            return heard[0], heard[1]

        spoken, silent = self.run(scenario)
        self.assert_words(self.finals(spoken))
        assert {one.party for one in spoken} == {Party.REMOTE}
        assert self.finals(silent) == []

    def test_letting_go_in_mid_word_ends_the_events_and_can_be_repeated(self) -> None:
        async def scenario(engine: SpeechEngine) -> None:
            stream = await engine.open(self.listening())
            reader = asyncio.ensure_future(self._drain(stream))
            stream.push(self.speech()[: 1000 * BYTES_PER_MS])
            await stream.aclose()
            await stream.aclose()
            stream.push(self.speech())
            await stream.finish()
            await reader

        self.run(scenario)

    def test_audio_after_the_end_is_ignored(self) -> None:
        async def scenario(engine: SpeechEngine) -> None:
            stream = await engine.open(self.listening())
            await stream.finish()
            stream.push(self.speech())
            await stream.finish()
            assert self.finals(await self._drain(stream)) == []
            await stream.aclose()

        self.run(scenario)

    def test_it_understands_its_language(self) -> None:
        async def scenario(engine: SpeechEngine) -> None:
            assert engine.understands(self.language)

        self.run(scenario)

    @staticmethod
    async def _drain(stream: SpeechStream) -> list[SpeechEvent]:
        return [event async for event in stream.events()]
