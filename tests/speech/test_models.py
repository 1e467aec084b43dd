"""Downloads from a real HTTP server on this machine."""

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ringfence.speech.models import (
    DownloadFailed,
    Model,
    ModelFile,
    download,
    find_model,
    folder_of,
    is_here,
    load_catalogue,
    model_folder,
)

pytestmark = pytest.mark.unit

WEIGHTS = bytes(range(256)) * 4000  # about a megabyte
TOKENS = b"a 0\nb 1\n"


class Shelf:
    """What the server offers, how it misbehaves, and what it was asked."""

    def __init__(self) -> None:
        self.files = {"weights.bin": WEIGHTS, "tokens.txt": TOKENS}
        self.requests: list[tuple[str, str | None]] = []
        self.break_after: list[int] = []
        """Of each coming answer, so many bytes are sent before the connection breaks."""
        self.ranges = True
        self.status: int | None = None
        self.base_url = ""


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    shelf = Shelf()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            name, wanted = self.path.rpartition("/")[2], self.headers.get("Range")
            shelf.requests.append((name, wanted))
            if shelf.status is not None:
                self.send_error(shelf.status)
                return
            body, start = shelf.files[name], 0
            if wanted is not None and shelf.ranges:
                start = int(wanted.removeprefix("bytes=").removesuffix("-"))
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            else:
                self.send_response(200)
            self.send_header("Content-Length", str(len(body) - start))
            self.end_headers()
            end = start + shelf.break_after.pop(0) if shelf.break_after else len(body)
            self.wfile.write(body[start:end])
            if end < len(body):
                self.close_connection = True

        def log_message(self, *args: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        shelf.base_url = f"http://127.0.0.1:{server.server_port}/models/"
        yield shelf
        server.shutdown()
        thread.join()


def model(
    shelf: Shelf, *, sha256: str | None = hashlib.sha256(WEIGHTS).hexdigest(), size: int = len(WEIGHTS)
) -> Model:
    files = (
        ModelFile("weights.bin", size, sha256),
        ModelFile("tokens.txt", len(TOKENS), hashlib.sha256(TOKENS).hexdigest()),
    )
    return Model("tiny", "sherpa", ("en",), "CC0", "a test", shelf.base_url, files)


def quiet(name: str, here: int, total: int) -> None: ...


def test_every_file_comes_and_the_model_is_here(shelf: Shelf, tmp_path: Path) -> None:
    wanted = model(shelf)
    assert not is_here(tmp_path, wanted)
    folder = download(wanted, tmp_path, quiet)
    assert folder == model_folder(tmp_path, "tiny")
    assert (folder / "weights.bin").read_bytes() == WEIGHTS
    assert is_here(tmp_path, wanted)
    assert sorted(path.name for path in folder.iterdir()) == ["model.json", "tokens.txt", "weights.bin"]


def test_progress_counts_every_byte(shelf: Shelf, tmp_path: Path) -> None:
    seen: dict[str, list[int]] = {}
    download(model(shelf), tmp_path, lambda name, here, total: seen.setdefault(name, []).append(here))
    assert seen["weights.bin"][-1] == len(WEIGHTS)
    assert seen["weights.bin"] == sorted(seen["weights.bin"])


def test_a_second_time_nothing_is_fetched(shelf: Shelf, tmp_path: Path) -> None:
    download(model(shelf), tmp_path, quiet)
    shelf.requests.clear()
    download(model(shelf), tmp_path, quiet)
    assert shelf.requests == []


def test_a_broken_connection_is_continued_where_it_broke(shelf: Shelf, tmp_path: Path) -> None:
    shelf.break_after = [300_000]
    folder = download(model(shelf), tmp_path, quiet)
    assert (folder / "weights.bin").read_bytes() == WEIGHTS
    assert shelf.requests[:2] == [("weights.bin", None), ("weights.bin", "bytes=300000-")]


def test_a_later_attempt_continues_what_an_earlier_one_left(shelf: Shelf, tmp_path: Path) -> None:
    shelf.break_after = [100_000, 100_000, 100_000, 100_000]
    with pytest.raises(DownloadFailed, match=r"cannot be reached.*What has come"):
        download(model(shelf), tmp_path, quiet)
    assert not is_here(tmp_path, model(shelf))
    folder = download(model(shelf), tmp_path, quiet)
    assert (folder / "weights.bin").read_bytes() == WEIGHTS
    assert shelf.requests[4] == ("weights.bin", "bytes=400000-")


def test_a_server_without_ranges_sends_it_all_again(shelf: Shelf, tmp_path: Path) -> None:
    shelf.break_after, shelf.ranges = [300_000], False
    folder = download(model(shelf), tmp_path, quiet)
    assert (folder / "weights.bin").read_bytes() == WEIGHTS


def test_a_wrong_checksum_is_refused_and_nothing_is_left(shelf: Shelf, tmp_path: Path) -> None:
    wanted = model(shelf, sha256="0" * 64)
    with pytest.raises(DownloadFailed, match=r"weights.bin is not what the catalogue promises"):
        download(wanted, tmp_path, quiet)
    assert list(model_folder(tmp_path, "tiny").iterdir()) == []
    assert not is_here(tmp_path, wanted)


@pytest.mark.parametrize("size", [len(WEIGHTS) - 7, len(WEIGHTS) + 7], ids=["longer", "shorter"])
def test_a_file_of_another_size_is_refused(shelf: Shelf, tmp_path: Path, size: int) -> None:
    with pytest.raises(DownloadFailed):
        download(model(shelf, size=size), tmp_path, quiet)
    assert not is_here(tmp_path, model(shelf, size=size))


def test_a_damaged_file_that_is_here_is_fetched_again(shelf: Shelf, tmp_path: Path) -> None:
    folder = download(model(shelf), tmp_path, quiet)
    (folder / "weights.bin").write_bytes(bytes(len(WEIGHTS)))
    download(model(shelf), tmp_path, quiet)
    assert (folder / "weights.bin").read_bytes() == WEIGHTS


def test_where_no_checksum_is_published_the_first_one_is_remembered(shelf: Shelf, tmp_path: Path) -> None:
    wanted = model(shelf, sha256=None)
    folder = download(wanted, tmp_path, quiet)
    assert (
        json.loads((folder / "model.json").read_text())["sha256"]["weights.bin"]
        == hashlib.sha256(WEIGHTS).hexdigest()
    )
    (folder / "weights.bin").unlink()
    shelf.files["weights.bin"] = bytes(len(WEIGHTS))
    with pytest.raises(DownloadFailed, match="not what the catalogue promises"):
        download(wanted, tmp_path, quiet)


def test_an_answer_that_is_no_file_is_told(shelf: Shelf, tmp_path: Path) -> None:
    shelf.status = 404
    with pytest.raises(DownloadFailed, match="answered 404"):
        download(model(shelf), tmp_path, quiet)


def test_offline_it_says_what_can_be_done(shelf: Shelf, tmp_path: Path) -> None:
    away = Model("tiny", "sherpa", (), "CC0", "", "http://127.0.0.1:9/", model(shelf).files)
    with pytest.raises(DownloadFailed, match=r"cannot be reached from here.*HTTPS_PROXY.*a folder"):
        download(away, tmp_path, quiet)


def test_a_folder_is_found_by_the_models_name_or_by_its_path(tmp_path: Path) -> None:
    assert folder_of(tmp_path, "sherpa-en") is None
    assert folder_of(tmp_path, str(tmp_path)) == tmp_path
    assert folder_of(tmp_path, str(tmp_path / "nowhere")) is None


def every(check: Callable[[Model], bool]) -> bool:
    return all(check(one) for one in load_catalogue())


def test_the_catalogue_pins_every_file() -> None:
    names = [one.name for one in load_catalogue()]
    assert len(names) == len(set(names))
    assert {one.engine for one in load_catalogue()} == {"sherpa", "whisper"}
    assert every(lambda one: re.search(r"/resolve/[0-9a-f]{40}/$", one.base_url) is not None)
    assert every(lambda one: all(re.fullmatch(r"[0-9a-f]{64}", file.sha256 or "") for file in one.files))
    assert every(lambda one: all(file.size > 0 and "/" not in file.name for file in one.files))
    assert every(lambda one: bool(one.licence))


def test_sizes_are_told_in_megabytes() -> None:
    found = find_model("sherpa-en")
    assert found is not None
    assert found.size_words == "73 MB"
