"""Every fault is found, named by its setting, and comes with a remedy; what is right is left alone."""

import asyncio
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ringfence import doctor
from ringfence.access.service import AccessService, Role
from ringfence.audio import resample
from ringfence.clock import SystemClock
from ringfence.db.engine import open_database
from ringfence.doctor import Finding, State, examine
from ringfence.privacy.audit import AuditLog
from ringfence.privacy.secrets import load_secrets
from ringfence.settings import Settings, load_settings
from ringfence.telephony.carriers.twilio import frames
from ringfence.web import console_files

pytestmark = pytest.mark.db

TOKEN = "0123456789abcdef" * 2


@pytest.fixture
def settings_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settings]:
    monkeypatch.chdir(tmp_path)
    built = tmp_path / "console"
    built.mkdir()
    (built / "index.html").touch()
    monkeypatch.setattr(console_files, "FOLDER", built)

    def made(**values: Any) -> Settings:
        return load_settings(**{"home": tmp_path / "home", "port": free_port()} | values)

    return made


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def found(settings: Settings) -> dict[str, Finding]:
    findings = asyncio.run(examine(settings))
    for finding in findings:
        if finding.state is State.FAULT:
            assert finding.remedy, finding
    return {finding.subject: finding for finding in findings}


def faults(settings: Settings) -> set[str]:
    return {subject for subject, finding in found(settings).items() if finding.state is State.FAULT}


def test_a_fresh_installation_has_no_fault_and_says_what_to_do_next(
    settings_of: Callable[..., Settings],
) -> None:
    findings = found(settings_of())
    assert [finding for finding in findings.values() if finding.state is State.FAULT] == []
    assert "ringfence link" in findings["keys"].remedy
    assert "BASE_URL" in findings
    assert findings["TWILIO_AUTH_TOKEN"].state is State.NOTE
    assert findings["speech: pocketsphinx"].state is State.GOOD
    assert "speech: scripted" not in findings


def test_looking_changes_nothing(settings_of: Callable[..., Settings]) -> None:
    settings = settings_of()
    found(settings)
    assert not settings.home.exists()


def test_an_installation_in_use_is_good(settings_of: Callable[..., Settings]) -> None:
    settings = settings_of(
        base_url="https://calls.example.org",
        twilio_auth_token=TOKEN,
        twilio_account_sid="AC" + TOKEN,
    )

    async def use() -> None:
        load_secrets(settings.home)
        async with open_database(None, settings.home) as database:
            await AccessService(database, SystemClock()).create_key("Ana", Role.ADMIN)

    asyncio.run(use())
    findings = found(settings)
    for subject in (
        "RINGFENCE_HOME",
        "secrets",
        "database",
        "keys",
        "clock",
        "BASE_URL",
        "TWILIO_AUTH_TOKEN",
    ):
        assert findings[subject].state is State.GOOD, findings[subject]
    assert "1 in use" in findings["keys"].found


@pytest.mark.parametrize(
    ("values", "subject"),
    [
        ({"base_url": "http://calls.example.org"}, "BASE_URL"),
        ({"twilio_auth_token": "not a token"}, "TWILIO_AUTH_TOKEN"),
        ({"twilio_auth_token": TOKEN, "twilio_auth_token_secondary": "x"}, "TWILIO_AUTH_TOKEN_SECONDARY"),
        ({"twilio_auth_token": TOKEN, "twilio_account_sid": "SK1"}, "TWILIO_ACCOUNT_SID"),
        ({"speech_engine": "sherpa,pocketsphinx"}, "speech: sherpa"),
        ({"language": "es-CL"}, "RINGFENCE_LANGUAGE"),
        ({"trusted_proxies": ("proxy.example",)}, "RINGFENCE_TRUSTED_PROXIES"),
        ({"database_url": "mysql://somewhere/db"}, "RINGFENCE_DATABASE_URL"),
        ({"host": "192.0.2.1"}, "PORT"),
        ({"openai_api_key": "sk-x", "openai_base_url": "http://127.0.0.1:9/v1"}, "OPENAI_BASE_URL"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_fault_is_named_by_its_setting(
    settings_of: Callable[..., Settings], values: dict[str, Any], subject: str
) -> None:
    assert faults(settings_of(**values)) == {subject}


@pytest.mark.parametrize(("is_native", "state"), [(True, State.GOOD), (False, State.NOTE)])
def test_modules_in_c_are_welcome_and_not_needed(
    settings_of: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, is_native: bool, state: State
) -> None:
    monkeypatch.setattr(resample, "IS_NATIVE", is_native)
    monkeypatch.setattr(frames, "IS_NATIVE", is_native)
    finding = found(settings_of())["modules in C"]
    assert finding.state is state
    assert ("compiler" in finding.remedy) is not is_native


def test_a_home_that_is_a_file_is_a_fault(settings_of: Callable[..., Settings], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "RINGFENCE_HOME" in faults(settings_of(home=tmp_path / "file" / "home"))


def test_secrets_that_others_can_read_are_a_fault(settings_of: Callable[..., Settings]) -> None:
    settings = settings_of()
    load_secrets(settings.home)
    (settings.home / "secrets.json").chmod(0o640)
    assert faults(settings) == {"secrets"}
    assert "chmod 600" in found(settings)["secrets"].remedy


def test_secrets_that_cannot_be_read_are_a_fault(settings_of: Callable[..., Settings]) -> None:
    settings = settings_of()
    load_secrets(settings.home)
    (settings.home / "secrets.json").write_text("{")
    assert len(faults(settings)) == 1


def test_a_clock_that_went_back_is_a_fault(settings_of: Callable[..., Settings]) -> None:
    settings = settings_of()

    async def use() -> None:
        async with open_database(None, settings.home) as database:
            await AuditLog(database).add("Ana", "test.done", "", datetime(2999, 1, 1, tzinfo=UTC))

    asyncio.run(use())
    assert faults(settings) == {"clock"}


def test_a_schema_that_is_behind_is_a_note(settings_of: Callable[..., Settings]) -> None:
    settings = settings_of()
    settings.home.mkdir()
    (settings.home / "ringfence.sqlite3").touch()
    finding = found(settings)["database"]
    assert (finding.state, finding.remedy) == (State.NOTE, "run `ringfence migrate`")


def test_a_port_that_another_program_uses_is_a_fault(settings_of: Callable[..., Settings]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        other.settimeout(0)
        port = other.getsockname()[1]
        settings = settings_of(port=port)
        doctor_answers = found(settings)["PORT"]
    assert doctor_answers.state is State.FAULT
    assert str(port) in doctor_answers.found


def test_a_console_that_was_not_built_is_a_fault(
    settings_of: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = settings_of()
    monkeypatch.setattr(console_files, "FOLDER", tmp_path / "none")
    assert faults(settings) == {"console"}


def test_a_check_that_breaks_is_a_fault_and_the_others_go_on(
    settings_of: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(settings: Settings) -> list[Finding]:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(doctor, "CHECKS", (broken, doctor.console))
    findings = found(settings_of())
    assert findings["broken"].state is State.FAULT
    assert findings["console"].state is State.GOOD


def test_no_secret_is_told(settings_of: Callable[..., Settings]) -> None:
    secret = "canary-secret"
    settings = settings_of(
        twilio_auth_token=secret,
        openai_api_key=secret,
        openai_base_url="http://127.0.0.1:9/v1",
        database_url=f"postgresql://ana:{secret}@127.0.0.1:9/ringfence",
    )
    findings = found(settings)
    assert findings["RINGFENCE_DATABASE_URL"].state is State.FAULT
    assert secret not in str(findings)


@pytest.mark.parametrize(
    ("final", "state", "words"),
    [("oracle:delphi", State.FAULT, "oracle:delphi"), ("ollama:big", State.GOOD, "ollama:big")],
)
def test_the_model_of_the_last_look_is_checked_too(
    final: str, state: State, words: str, settings_of: Callable[..., Settings]
) -> None:
    findings = found(settings_of(analyst="none", final_analyst=final))
    assert findings["RINGFENCE_FINAL_ANALYST"].state is state
    assert words in findings["RINGFENCE_FINAL_ANALYST"].found
    assert findings["RINGFENCE_ANALYST"].state is State.NOTE
