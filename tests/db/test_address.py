"""The setting that says where the database is."""

from pathlib import Path

import pytest

from ringfence.db.address import locate
from ringfence.model.errors import ConfigurationError

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("url", [None, "", "  "], ids=["unset", "empty", "blank"])
def test_no_url_means_a_file_in_the_home_folder(url: str | None, tmp_path: Path) -> None:
    address = locate(url, tmp_path / "home")
    assert address.dialect == "sqlite"
    assert Path(address.place).parent == (tmp_path / "home").resolve()


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
def test_the_usual_spellings_of_a_server_are_understood(scheme: str, tmp_path: Path) -> None:
    address = locate(f"{scheme}://me:secret@db.example/calls", tmp_path)
    assert (address.dialect, address.place) == ("postgresql", "db.example:5432/calls")
    assert address.url.drivername == "postgresql+asyncpg"


def test_the_tls_mode_of_hosting_providers_is_passed_on(tmp_path: Path) -> None:
    address = locate("postgresql://me@db.example/calls?sslmode=require&channel_binding=require", tmp_path)
    assert dict(address.url.query) == {"ssl": "require"}


@pytest.mark.parametrize("url", ["mysql://me:hunter2@db/calls", "hunter2", "sqlite:///x.db", "http://["])
def test_anything_else_is_refused_with_the_remedy(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"RINGFENCE_DATABASE_URL.*postgresql://USER") as caught:
        locate(url, tmp_path)
    assert "hunter2" not in str(caught.value)


def test_a_server_without_a_database_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="name of the database"):
        locate("postgresql://me:secret@db.example", tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigurationError, match="RINGFENCE_HOME"):
        locate(None, tmp_path / "file" / "home")


def test_the_password_is_in_no_representation(tmp_path: Path) -> None:
    assert "secret" not in repr(locate("postgresql://me:secret@db.example/calls", tmp_path))
