from pathlib import Path

import pytest

from ringfence.model.errors import ConfigurationError
from ringfence.settings import Settings, known_names, load_settings

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in known_names():
        monkeypatch.delenv(name, raising=False)


def test_the_environment_wins_over_dotenv_and_dotenv_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ringfence.toml").write_text(
        'PORT = 1\nRINGFENCE_LANGUAGE = "es"\nRINGFENCE_ANALYSIS_EVERY = 7\n'
    )
    (tmp_path / ".env").write_text("PORT=2\nRINGFENCE_ANALYSIS_EVERY=5\n")
    monkeypatch.setenv("PORT", "3")
    settings = load_settings()
    assert (settings.port, settings.analysis_every, settings.language) == (3, 5, "es")


@pytest.mark.parametrize(
    ("alias", "attribute", "value"),
    [
        ("PUBLIC_URL", "base_url", "https://calls.example"),
        ("TWILIO_SID", "twilio_account_sid", "AC0"),
        ("TWILIO_NUMBER", "twilio_phone_number", "+15550100"),
        ("TWILIO_API_BASE", "twilio_api_base_url", "http://127.0.0.1:9"),
    ],
)
def test_names_that_people_already_use_keep_working(
    alias: str, attribute: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(alias, value)
    assert getattr(load_settings(), attribute) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("BASE_URL", "calls.example"),
        ("RINGFENCE_KEEP_AUDIO", "perhaps"),
        ("RINGFENCE_CONNECT_TO", "555"),
        ("RINGFENCE_ANALYSIS_EVERY", "0"),
        ("RINGFENCE_LANGUAGE", "English"),
        ("RINGFENCE_HANGUP_ABOVE", "soon"),
        ("RINGFENCE_HANGUP_ABOVE", "101"),
        ("OPENAI_BASE_URL", "api.example"),
        ("ANTHROPIC_BASE_URL", "ftp://api.example"),
        ("OLLAMA_BASE_URL", "http://"),
        ("TWILIO_API_BASE_URL", "http://[::1"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert str(caught.value).startswith(f"{name}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RINGFENCE_LANGUAGE", "es-419"),
        ("RINGFENCE_HANGUP_ABOVE", "off"),
        ("RINGFENCE_HANGUP_ABOVE", "90"),
        ("OPENAI_BASE_URL", "http://[::1]:8080/v1"),
        ("RINGFENCE_KEEP_AUDIO", "Off"),
    ],
)
def test_what_is_well_written_is_taken(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    load_settings()


def test_a_switch_says_how_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGFENCE_KEEP_AUDIO", "perhaps")
    with pytest.raises(ConfigurationError, match="RINGFENCE_KEEP_AUDIO: write on or off"):
        load_settings()


@pytest.mark.parametrize("name", [".env", "ringfence.toml"])
def test_a_file_that_is_no_text_is_named_in_one_line(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match=rf"\A{name}: [^\n]*UTF-8") as caught:
        load_settings()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("source", ["environment", "dotenv", "file"])
def test_a_name_nobody_knows_is_refused(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if source == "environment":
        monkeypatch.setenv("RINGFENCE_KEEP_AUDIOS", "on")
    elif source == "dotenv":
        (tmp_path / ".env").write_text("RINGFENCE_KEEP_AUDIOS=on\n")
    else:
        (tmp_path / "ringfence.toml").write_text('RINGFENCE_KEEP_AUDIOS = "on"\n')
    with pytest.raises(ConfigurationError, match="RINGFENCE_KEEP_AUDIOS"):
        load_settings()


@pytest.mark.parametrize("source", ["environment", "dotenv"])
def test_variables_of_other_programs_are_not_taken_for_ours(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = {"HOME": "/home/ana", "LANGUAGE": "de_DE:de", "ANALYST": "somebody", "KEEP_AUDIO": "on"}
    if source == "environment":
        for name, value in others.items():
            monkeypatch.setenv(name, value)
    else:
        (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in others.items()))
    settings = load_settings()
    assert (settings.home, settings.language) == (Path("ringfence-data"), "en")
    assert (settings.analyst, settings.keep_audio) == ("auto", False)


def test_code_names_settings_by_their_attributes() -> None:
    settings = load_settings(home=Path("elsewhere"), port=8001)
    assert (settings.home, settings.port) == (Path("elsewhere"), 8001)


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGFENCE_DATABASE_URL", "")
    assert load_settings().database_url is None


def test_secrets_do_not_show_when_settings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "not-to-be-seen")
    assert "not-to-be-seen" not in repr(load_settings())


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "http://127.0.0.1:8000"),
        ({"host": "0.0.0.0", "port": 9}, "http://127.0.0.1:9"),
        ({"host": "::1", "port": 9}, "http://[::1]:9"),
        ({"base_url": "https://calls.example/prefix/"}, "https://calls.example/prefix"),
    ],
)
def test_the_public_address_follows_from_what_is_known(given: dict[str, object], expected: str) -> None:
    assert load_settings(**given).public_url == expected


def test_settings_are_frozen() -> None:
    settings = Settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1  # type: ignore[misc]
