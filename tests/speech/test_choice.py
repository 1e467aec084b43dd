import asyncio
from pathlib import Path

import pytest

from ringfence.model.calls import Party
from ringfence.model.errors import ConfigurationError
from ringfence.speech.choice import chosen_names, open_engine, open_reviewer, survey
from ringfence.speech.options import ScriptedLine, SpeechChoice

pytestmark = pytest.mark.unit

SCRIPTS = {"+15550100": [ScriptedLine(Party.REMOTE, 0, 1000, "hello")]}


def opened(choice: SpeechChoice) -> list[str]:
    async def main() -> list[str]:
        engine = open_engine(choice)
        await engine.aclose()
        return [one.name for one in engine.engines]

    return asyncio.run(main())


def test_with_nothing_configured_the_bundled_engine_is_used(tmp_path: Path) -> None:
    assert opened(SpeechChoice(home=tmp_path)) == ["pocketsphinx"]


def test_auto_takes_the_best_first_and_keeps_the_others_behind_it(tmp_path: Path, tiny_whisper: Path) -> None:
    choice = SpeechChoice(home=tmp_path, openai_api_key="sk-test", whisper_model=str(tiny_whisper))
    assert opened(choice) == ["openai-realtime", "whisper", "pocketsphinx"]


def test_named_engines_are_used_in_their_order(tmp_path: Path) -> None:
    choice = SpeechChoice(engines="pocketsphinx, openai-realtime", home=tmp_path, openai_api_key="sk-test")
    assert opened(choice) == ["pocketsphinx", "openai-realtime"]


def test_auto_can_stand_behind_a_name(tmp_path: Path) -> None:
    choice = SpeechChoice(engines="scripted,auto", home=tmp_path)
    assert chosen_names(choice) == ("scripted", "pocketsphinx")


def test_scripts_serve_what_no_real_engine_understands(tmp_path: Path) -> None:
    choice = SpeechChoice(home=tmp_path, scripts=SCRIPTS)
    assert opened(choice) == ["pocketsphinx", "scripted"]

    async def main() -> list[bool]:
        engine = open_engine(choice)
        try:
            return [one.understands("es") for one in engine.engines]
        finally:
            await engine.aclose()

    assert asyncio.run(main()) == [False, True]


@pytest.mark.parametrize(
    ("engines", "message"),
    [
        ("openai-realtime", "OPENAI_API_KEY"),
        ("sherpa", "ringfence models get sherpa-en"),
        ("whisper", "ringfence models get whisper-small"),
        ("acme", "RINGFENCE_SPEECH_ENGINE: there is no speech engine named 'acme'"),
        ("carrier", "RINGFENCE_SPEECH_ENGINE: .* not in this version"),
        (" , ", "no engine can be used"),
    ],
)
def test_an_engine_that_was_named_and_cannot_be_used_stops_the_start(
    tmp_path: Path, engines: str, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        opened(SpeechChoice(engines=engines, home=tmp_path))


def test_the_survey_says_of_every_engine_what_it_lacks(tmp_path: Path) -> None:
    reports = {report.name: report for report in survey(SpeechChoice(home=tmp_path))}
    assert list(reports)[:4] == ["openai-realtime", "sherpa", "whisper", "pocketsphinx"]
    assert reports["pocketsphinx"].usable
    for name in ("openai-realtime", "sherpa", "whisper"):
        assert not reports[name].usable
        assert reports[name].remedy
    assert "MB" in reports["sherpa"].remedy


def test_recordings_are_heard_again_by_whisper_where_it_is_here(tmp_path: Path, tiny_whisper: Path) -> None:
    async def main() -> None:
        here = open_reviewer(SpeechChoice(whisper_model=str(tiny_whisper)))
        assert here is not None
        assert open_reviewer(SpeechChoice(home=tmp_path)) is None
        assert open_reviewer(SpeechChoice(whisper_model=str(tiny_whisper)), "none") is None
        with pytest.raises(ConfigurationError, match="whisper-small"):
            open_reviewer(SpeechChoice(home=tmp_path), "whisper")
        with pytest.raises(ConfigurationError, match="cannot review"):
            open_reviewer(SpeechChoice(), "scripted")

    asyncio.run(main())
