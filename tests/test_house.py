"""The house keeps its plan: a test beside every file, floors, plug-ins with what belongs to them, clean text."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ringfence
import ringfence.testing
from ringfence.providers import HOMES

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "ringfence"
TESTS = ROOT / "tests"
NOT_OURS = {".git", ".hypothesis", "build", "dist", "node_modules", "ringfence-data", "test-results"}
BINARY = {".wav", ".png", ".ico", ".woff2", ".jpg"}
MIRRORLESS = {"e2e", "playbooks"}
"""Folders of tests that follow a call through many files instead of one."""
SUITES = {"test_conformance.py"}
"""Run the shipped suite over every provider of a folder."""
LONGEST_FILE, LONGEST_TEST = 500, 700  # lines


def ours(*suffixes: str, under: Path = ROOT) -> Iterator[Path]:
    """Files of the checkout that are written by hand, by suffix; all of them without one."""
    for path in sorted(under.iterdir()):
        if path.is_dir():
            built = path == SOURCE / "web" / "console"
            hidden = path.name.startswith((".venv", ".mypy", ".ruff", ".pytest", ".import", "__"))
            if path.name not in NOT_OURS and not hidden and not built and not path.name.endswith(".egg-info"):
                yield from ours(*suffixes, under=path)
        elif not suffixes or path.suffix in suffixes:
            yield path


def modules() -> list[Path]:
    """Source files that do something, without those that only declare (words, contracts, tables)."""
    return [
        path for path in ours(".py", under=SOURCE) if "versions" not in path.parts and does_something(path)
    ]


def does_something(path: Path) -> bool:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not is_declaration(node)
        for node in ast.walk(tree)
    )


def is_declaration(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """A protocol's method: a docstring and an ellipsis."""
    return all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in function.body)


def test_every_source_file_has_its_test() -> None:
    tests = {path.relative_to(TESTS) for path in ours(".py", under=TESTS)}
    missing = [
        str(path.relative_to(SOURCE))
        for path in modules()
        if path.name not in ("__init__.py", "__main__.py", "env.py")
        and path.relative_to(SOURCE).with_name(f"test_{path.name}") not in tests
    ]
    assert missing == []


def test_every_test_file_has_its_source() -> None:
    orphans = []
    for path in ours(".py", under=TESTS):
        relative = path.relative_to(TESTS)
        if not path.name.startswith("test_") or relative.parts[0] in MIRRORLESS or len(relative.parts) == 1:
            continue
        subject = SOURCE / relative.with_name(path.name.removeprefix("test_"))
        is_suite = path.name in SUITES and subject.parent.is_dir()
        if not subject.is_file() and not subject.with_suffix("").is_dir() and not is_suite:
            orphans.append(str(relative))
    assert orphans == []


def test_every_test_file_says_what_it_needs() -> None:
    unmarked = []
    for path in ours(".py", under=TESTS):
        if not path.name.startswith("test_"):
            continue
        marks = re.findall(
            r"^pytestmark = pytest\.mark\.(unit|db|e2e)$", path.read_text(encoding="utf-8"), re.M
        )
        if len(marks) != 1:
            unmarked.append(str(path.relative_to(TESTS)))
    assert unmarked == []


def test_every_package_stands_on_a_floor() -> None:
    contracts = pyproject()["tool"]["importlinter"]["contracts"]
    floors = next(contract for contract in contracts if contract["name"] == "Floors")
    placed = {name for layer in floors["layers"] for name in re.split(r"[ |:]+", layer.strip("()"))}
    there = {
        path.stem
        for path in SOURCE.iterdir()
        if path.suffix == ".py" or (path.is_dir() and (path / "__init__.py").is_file())
    }
    assert there - placed - {"__init__"} == set()


@pytest.mark.parametrize("kind", HOMES)
def test_every_provider_passes_the_conformance_suite_of_its_kind(kind: str) -> None:
    folder = TESTS.joinpath(*HOMES[kind].split(".")[1:])
    untested = []
    for name in providers(kind):
        tests = [folder / f"test_{name}.py", *(folder / name).glob("test_*.py")]
        if not any(re.search(r"^class \w+\(\w*Conformance\):$", read(path), re.M) for path in tests):
            untested.append(name)
    assert untested == []


@pytest.mark.parametrize("kind", HOMES)
def test_every_provider_has_a_section_in_the_documentation(kind: str) -> None:
    headings = {
        word
        for path in ours(".md", under=ROOT / "docs")
        for line in re.findall(r"^#{2,3} (.+)$", read(path), re.M)
        for word in re.findall(r"[\w-]+", line.lower())
    }
    assert [name for name in providers(kind) if name.replace("_", "-") not in headings] == []


def providers(kind: str) -> Iterator[str]:
    """Our providers of that kind, by the name of their file or folder."""
    for path in sorted(SOURCE.joinpath(*HOMES[kind].split(".")[1:]).iterdir()):
        is_folder = (path / "__init__.py").is_file()
        if is_folder or (path.suffix == ".py" and path.name != "__init__.py"):
            yield path.stem


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def test_the_public_names_are_the_documented_ones() -> None:
    page = read(ROOT / "docs" / "reference" / "python.md")
    for module in (ringfence, ringfence.testing):
        section = page.split(f"## {module.__name__}\n")[1].split("\n## ")[0]
        documented = set(re.findall(r"^\| `(\w+)", section, re.M))
        assert documented == set(module.__all__), module.__name__
        for name in module.__all__:
            assert getattr(module, name) is not None


def test_no_source_file_is_long() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in ours(".py", ".ts", ".tsx", ".sh")
        if (lines := len(read(path).splitlines())) > (LONGEST_TEST if TESTS in path.parents else LONGEST_FILE)
        and "generated" not in path.parts
    }
    assert long == {}


FORBIDDEN = {
    "a task left in the text": re.compile(r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX)\b"),
    "a place on somebody's machine": re.compile(r"(?<![\w.~-])/(?:work|root|Users|home/\w+)/"),
    "the address of a package registry": re.compile(
        r"pypi\.(?:org|python)|pythonhosted|registry\.(?:npmjs|yarnpkg)|(?:deb|security)\.debian\.org|archive\.ubuntu"
    ),
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_that_is_committed_holds(what: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in ours()
        if path.suffix not in BINARY and path != Path(__file__) and path.name != ".env"
        for match in FORBIDDEN[what].finditer(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert found == []


def test_every_dependency_is_locked_with_a_hash() -> None:
    project = pyproject()
    extras = [name for extra in project["project"]["optional-dependencies"].values() for name in extra]
    groups = project["dependency-groups"]
    for lock, wanted in {
        "requirements.lock": project["project"]["dependencies"],
        "requirements-engines.lock": [*project["project"]["dependencies"], *extras],
        "requirements-dev.lock": [*project["project"]["dependencies"], *extras, *groups["dev"]],
        "requirements-bench.lock": [*project["project"]["dependencies"], *groups["bench"]],
    }.items():
        entries = re.split(r"\n(?=\S)", read(ROOT / lock))
        pinned = {re.split(r"==", entry)[0] for entry in entries}
        names = {re.match(r"[\w-]+", line)[0].lower().replace("_", "-") for line in wanted}  # type: ignore[index]
        assert names - pinned == set(), lock
        assert [entry for entry in entries if "--hash=sha256:" not in entry] == [], lock


def test_the_supported_pythons_agree() -> None:
    assert pyproject()["project"]["requires-python"] == ">=3.11"
    assert "(3, 11)" in read(ROOT / "scripts" / "lib.sh")


def test_every_script_parses_and_stops_at_the_first_failure() -> None:
    for path in sorted((ROOT / "scripts").glob("*.sh")):
        subprocess.run(["bash", "-n", path], check=True)
        if path.name != "lib.sh":
            assert "\nset -euo pipefail\n" in read(path), path.name
            assert path.stat().st_mode & 0o111, f"{path.name} cannot be run"


def test_every_make_target_explains_itself() -> None:
    makefile = read(ROOT / "Makefile")
    phony = set(re.search(r"^\.PHONY: (.+)$", makefile, re.M)[1].split())  # type: ignore[index]
    explained = set(re.findall(r"^([a-z-]+):.*## .+$", makefile, re.M))
    assert phony - explained == {"setup-dev", "system"}
    assert explained - phony == set()


def test_changelog_fragments_say_what_they_are() -> None:
    names = [path.name for path in (ROOT / "changelog.d").iterdir() if path.name != "README.md"]
    pattern = re.compile(r"[a-z0-9-]+\.(added|changed|fixed|removed|security)\.md")
    assert [name for name in names if not pattern.fullmatch(name)] == []
    assert names


def pyproject() -> dict[str, Any]:
    return tomllib.loads(read(ROOT / "pyproject.toml"))
