from types import ModuleType

import pytest

from ringfence import providers
from ringfence.model.errors import ConfigurationError

pytestmark = pytest.mark.unit


def test_our_own_are_found_by_the_name_of_their_file() -> None:
    assert {"openai-realtime", "pocketsphinx", "scripted", "sherpa", "whisper"} <= set(
        providers.names("speech_engine")
    )
    assert "twilio" in providers.names("carrier")


def test_a_file_is_loaded_by_the_name_in_the_settings() -> None:
    assert providers.load("speech_engine", "openai-realtime").__name__.endswith("engines.openai_realtime")


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"no speech engine named 'acme'; known are: .*pocketsphinx"):
        providers.load("speech_engine", "acme")


def test_another_package_adds_one_by_an_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("acme")

    class Point:
        name = "acme"

        def load(self) -> ModuleType:
            return module

    monkeypatch.setattr(
        providers, "entry_points", lambda group: [Point()] if group == "ringfence.speech_engine" else []
    )
    assert "acme" in providers.names("speech_engine")
    assert providers.load("speech_engine", "acme") is module
