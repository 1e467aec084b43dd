"""The built console, and what stands in its place where it was not built."""

import asyncio
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from ringfence.web import problems
from ringfence.web.console_files import ConsoleFiles

pytestmark = pytest.mark.unit

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def built(tmp_path: Path) -> Path:
    folder = tmp_path / "console"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Ringfence</title>")
    (folder / "favicon.svg").write_text("<svg/>")
    (folder / "assets" / "app-1a2b3c.js").write_text("export {}")
    (tmp_path / "secret.txt").write_text("not yours")
    return folder


def get(folder: Path, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
    app = FastAPI(openapi_url=None)
    problems.install(app)
    app.router.default = ConsoleFiles(app.router.default, folder)

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://console.test") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(ask())


@pytest.mark.parametrize("path", ["/", "/sign-in", "/history", "/calls/CA00000000000000000000000000000001"])
def test_a_browser_gets_the_page_at_every_address_of_its_own(built: Path, path: str) -> None:
    answer = get(built, path, BROWSER)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert "Ringfence" in answer.text


def test_the_first_page_is_there_for_any_program(built: Path) -> None:
    assert get(built, "/").status_code == 200


def test_assets_are_kept_by_browsers_for_ever(built: Path) -> None:
    answer = get(built, "/assets/app-1a2b3c.js")
    assert answer.status_code == 200
    assert "javascript" in answer.headers["Content-Type"]
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_other_files_beside_the_page_are_asked_for_again(built: Path) -> None:
    answer = get(built, "/favicon.svg")
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("path", ["/assets/app-old.js", "/api/v1/nothing"])
def test_the_page_never_stands_for_a_missing_asset_or_door(built: Path, path: str) -> None:
    assert get(built, path, BROWSER).status_code == 404


def test_a_program_that_asks_for_nothing_there_is_told_so(built: Path) -> None:
    assert get(built, "/nothing").status_code == 404


@pytest.mark.parametrize(
    "path",
    ["/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/assets/..%2f..%2fsecret.txt", "/x%00y"],
)
def test_nothing_outside_the_folder_is_given_away(built: Path, path: str) -> None:
    answer = get(built, path)
    assert answer.status_code == 404
    assert "not yours" not in answer.text


def test_without_a_built_console_the_remedy_is_told(tmp_path: Path) -> None:
    answer = get(tmp_path / "none", "/", BROWSER)
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "make console" in answer.json()["detail"]
