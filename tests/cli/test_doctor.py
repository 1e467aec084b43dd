"""What `ringfence doctor` prints, and its exit status."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from ringfence.cli import doctor
from ringfence.web import console_files

pytestmark = pytest.mark.db


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PORT", "0")
    (tmp_path / "index.html").touch()
    monkeypatch.setattr(console_files, "FOLDER", tmp_path)


def ask(*arguments: str) -> Result:
    app = typer.Typer()
    doctor.register(app)
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_without_a_fault_it_ends_well_and_says_so() -> None:
    result = ask()
    assert result.exit_code == 0
    assert "Nothing stands in the way." in result.stdout
    assert "pocketsphinx" in result.stdout


def test_a_fault_is_shown_with_its_remedy_and_ends_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BASE_URL", "http://calls.example.org")
    result = ask()
    assert result.exit_code == 1
    assert "BASE_URL" in result.stdout
    assert "→" in result.stdout
    assert "1 to put right" in result.stdout


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "eighty"), ("RINGFENCE_KEEP_AUDIO", "perhaps"), ("RINGFENCE_NOTHING", "x")],
)
def test_a_setting_that_cannot_be_read_is_a_fault_not_a_crash(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    result = ask("--json")
    assert result.exit_code == 1
    (finding,) = json.loads(result.stdout)
    assert (finding["subject"], finding["state"]) == (name, "fault")
    assert finding["remedy"]


def test_programs_get_json() -> None:
    findings = json.loads(ask("--json").stdout)
    assert {"RINGFENCE_HOME", "database", "BASE_URL", "console"} <= {
        finding["subject"] for finding in findings
    }
    assert all(set(finding) == {"subject", "state", "found", "remedy"} for finding in findings)


def test_what_looks_like_markup_is_shown_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RINGFENCE_HOME", str(tmp_path / "[red]home"))
    assert "[red]home" in "".join(ask().stdout.split())
