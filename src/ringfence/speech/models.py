"""Models that engines must have on disk: which there are, which are here, and how to get one.

A download goes to `<file>.part`, continues where it broke off (HTTP Range), is checked against its size and
SHA-256, and only then takes its name. The folder counts as complete when the note `model.json` stands in it,
which is written last and holds every file's checksum.
"""

import hashlib
import json
import os
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files as package_files
from pathlib import Path

import httpx

NOTE = "model.json"
TRIES = 4
"""Attempts for a file; each goes on from where the last one broke off."""
TIMEOUT = httpx.Timeout(30.0, connect=10.0)

Progress = Callable[[str, int, int], None]
"""Called with a file's name, bytes here, bytes in all."""


class DownloadFailed(Exception):
    """The message says what happened and what to do."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    name: str
    size: int
    """In bytes."""
    sha256: str | None
    """None where none is published: the first download is trusted and remembered."""


@dataclass(frozen=True, slots=True)
class Model:
    name: str
    engine: str
    languages: tuple[str, ...]
    """Primary language tags; empty is many."""
    licence: str
    about: str
    base_url: str
    files: tuple[ModelFile, ...]

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def size_words(self) -> str:
        return f"{self.size / 1e6:.0f} MB"


def load_catalogue(text: str | None = None) -> tuple[Model, ...]:
    """The models we know, or those of another catalogue's text."""
    if text is None:
        text = package_files("ringfence.speech").joinpath("models.toml").read_text(encoding="utf-8")
    return tuple(
        Model(
            name=entry["name"],
            engine=entry["engine"],
            languages=tuple(entry["languages"]),
            licence=entry["licence"],
            about=entry["about"],
            base_url=entry["base_url"],
            files=tuple(
                ModelFile(file["name"], file["bytes"], file.get("sha256")) for file in entry["files"]
            ),
        )
        for entry in tomllib.loads(text)["model"]
    )


def find_model(name: str) -> Model | None:
    return next((model for model in load_catalogue() if model.name == name), None)


def model_folder(home: Path, name: str) -> Path:
    return home / "models" / name


def is_here(home: Path, model: Model) -> bool:
    """Whether it was downloaded completely. Cheap: sizes are looked at, checksums were checked on arrival."""
    folder = model_folder(home, model.name)
    return (folder / NOTE).is_file() and all(
        (folder / file.name).is_file() and (folder / file.name).stat().st_size == file.size
        for file in model.files
    )


def folder_of(home: Path, name_or_path: str) -> Path | None:
    """The folder of a downloaded model, or a person's own folder; None when there is neither."""
    model = find_model(name_or_path)
    if model is not None:
        return model_folder(home, model.name) if is_here(home, model) else None
    path = Path(name_or_path).expanduser()
    return path if path.is_dir() else None


def download(model: Model, home: Path, progress: Progress, *, client: httpx.Client | None = None) -> Path:
    """Bring a model here and return its folder; what is here already is kept. Raises DownloadFailed."""
    folder = model_folder(home, model.name)
    folder.mkdir(parents=True, exist_ok=True)
    remembered = _remembered(folder)
    checksums: dict[str, str] = {}
    with client or httpx.Client(timeout=TIMEOUT, follow_redirects=True) as http:
        for file in model.files:
            expected = file.sha256 or remembered.get(file.name)
            checksums[file.name] = _bring(http, model, file, folder, expected=expected, progress=progress)
    note = folder / f"{NOTE}.part"
    note.write_text(
        json.dumps(
            {
                "name": model.name,
                "engine": model.engine,
                "languages": model.languages,
                "licence": model.licence,
                "source": model.base_url,
                "sha256": checksums,
            },
            indent=2,
        )
        + "\n",
        encoding="utf-8",
    )
    note.replace(folder / NOTE)
    return folder


def _bring(
    http: httpx.Client,
    model: Model,
    file: ModelFile,
    folder: Path,
    *,
    expected: str | None,
    progress: Progress,
) -> str:
    """One file; its checksum."""
    target = folder / file.name
    if target.is_file() and target.stat().st_size == file.size:
        found = _checksum(target)
        if expected in (None, found):
            progress(file.name, file.size, file.size)
            return found
    part = folder / f"{file.name}.part"
    for attempt in range(1, TRIES + 1):
        try:
            _continue(http, model.base_url + file.name, part, file, progress)
            break
        except httpx.HTTPStatusError as error:
            raise DownloadFailed(
                f"{error.request.url.host} answered {error.response.status_code} for {file.name}; "
                "try again later, or put the model's files into a folder and name that in the settings"
            ) from error
        except httpx.TransportError as error:
            if attempt == TRIES or (isinstance(error, httpx.ConnectError) and not part.exists()):
                raise DownloadFailed(_offline_words(model, part)) from error
    found = _checksum(part)
    size = part.stat().st_size
    if size != file.size or (expected is not None and found != expected):
        part.unlink()
        raise DownloadFailed(
            f"{file.name} is not what the catalogue promises "
            f"({size} bytes, SHA-256 {found[:16]}…; expected {file.size} bytes, {(expected or '?')[:16]}…). "
            "It was deleted. A proxy may have answered in the server's place; try again on another network"
        )
    part.replace(target)
    return found


def _continue(http: httpx.Client, url: str, part: Path, file: ModelFile, progress: Progress) -> None:
    """Fetch the rest of a file. Raises httpx errors; what has come stays in `part`."""
    here = part.stat().st_size if part.exists() else 0
    if here > file.size:
        part.unlink()
        here = 0
    progress(file.name, here, file.size)
    if here == file.size:
        return
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={here}-"} if here else {})
    with http.stream("GET", url, headers=headers) as response:
        response.raise_for_status()
        continued = response.status_code == httpx.codes.PARTIAL_CONTENT
        if not continued:
            here = 0
        with part.open("ab" if continued else "wb") as out:
            for piece in response.iter_raw():
                out.write(piece)
                here += len(piece)
                progress(file.name, min(here, file.size), file.size)
                if here > file.size:
                    return
            out.flush()
            os.fsync(out.fileno())
    if here < file.size:
        raise httpx.RemoteProtocolError("the connection ended before the file did")


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _remembered(folder: Path) -> dict[str, str]:
    """Checksums of an earlier download, for files whose publisher states none."""
    try:
        known = json.loads((folder / NOTE).read_text(encoding="utf-8"))["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return {str(name): str(value) for name, value in known.items()} if isinstance(known, dict) else {}


def _offline_words(model: Model, part: Path) -> str:
    host = httpx.URL(model.base_url).host
    kept = f" What has come ({part.stat().st_size / 1e6:.0f} MB) is kept." if part.exists() else ""
    return (
        f"{host} cannot be reached from here.{kept} Check the network or set HTTPS_PROXY, then run the same "
        f"command again. On a machine without a network: download the files of {model.base_url} elsewhere into "
        f"a folder, and name that folder in the settings"
    )
