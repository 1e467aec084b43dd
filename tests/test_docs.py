"""The documentation tells the truth: names resolve, examples run, generated pages are current, links lead somewhere."""

import importlib.util
import inspect
import json
import pkgutil
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import ringfence.model
from ringfence.settings import Settings, known_names

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md"), *(ROOT / "changelog.d").glob("*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
FOREIGN_NAMES = {"RINGFENCE_"}


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def prose_of(name: str) -> str:
    return FENCE.sub("", text_of(name))


def blocks(language: str) -> Iterator[tuple[str, str]]:
    for name in NAMES:
        for kind, body in FENCE.findall(text_of(name)):
            if kind == language:
                yield name, body


def numbered(found: list[tuple[str, str]]) -> list[object]:
    return [pytest.param(name, body, id=f"{name}-{number}") for number, (name, body) in enumerate(found)]


def resolve(dotted: str) -> object:
    """What a dotted name below `ringfence` stands for."""
    parts = dotted.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found: object = import_module(".".join(["ringfence", *parts[:cut]]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            found = getattr(found, part)
        return found
    raise AttributeError(dotted)


WALKTHROUGH = sorted(set(re.findall(r"`([a-z_]+(?:\.\w+)+)`", text_of("docs/call-walkthrough.md"))))


@pytest.mark.parametrize(
    "dotted", [name for name in WALKTHROUGH if not name.endswith((".md", ".py", ".toml"))]
)
def test_the_walkthrough_names_what_exists(dotted: str) -> None:
    assert resolve(dotted.removeprefix("ringfence.")) is not None


def test_the_walkthrough_walks() -> None:
    assert len(WALKTHROUGH) >= 9


def make_reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_reference", ROOT / "scripts" / "make_reference.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_generated_pages_are_what_the_code_says() -> None:
    pages: dict[str, str] = {name: page() for name, page in make_reference().PAGES.items()}
    stale = [
        name for name, page in pages.items() if text_of(f"docs/reference/{name}") != page.rstrip() + "\n"
    ]
    assert stale == [], "run: make docs"


def test_every_setting_is_explained() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
    page = text_of("docs/reference/settings.md")
    assert [name for name in known_names() if f"`{name}`" not in page] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_page_names_only_settings_that_exist(name: str) -> None:
    named = set(re.findall(r"\b(?:RINGFENCE|TWILIO|OPENAI|ANTHROPIC|OLLAMA)_[A-Z_]+\b", text_of(name)))
    assert named - known_names() - FOREIGN_NAMES == set()


def commands() -> set[str]:
    return {
        heading.removeprefix("ringfence ")
        for heading in re.findall(r"^## (ringfence .+)$", text_of("docs/reference/commands.md"), re.M)
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_page_names_only_commands_that_exist(name: str) -> None:
    page = text_of(name)
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.M))
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", page, re.M)) - targets == set()
    known = commands()
    for words in re.findall(r"(?:^|`)(?:\.venv/bin/)?ringfence ([a-z][a-z -]*)", page, re.M):
        first, _, rest = words.strip().partition(" ")
        assert first in known or f"{first} {rest.split(' ')[0]}".strip() in known, f"ringfence {words}"


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose_of(name)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        page = (ROOT / name).parent / path if path else ROOT / name
        if not page.exists() or (anchor and anchor not in anchors(page)):
            broken.append(target)
    assert broken == []


def anchors(page: Path) -> set[str]:
    """Headings as links name them: lower case, hyphens for spaces, other marks gone."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("docs/")])
def test_every_page_can_be_reached_from_the_first_one(name: str) -> None:
    seen, waiting = set(), [DOCS / "README.md"]
    while waiting:
        page = waiting.pop().resolve()
        if page in seen or not page.is_file():
            continue
        seen.add(page)
        targets = re.findall(r"\]\(([^)#\s]+\.md)", page.read_text(encoding="utf-8"))
        waiting += [page.parent / target for target in targets if ":" not in target]
    assert (ROOT / name).resolve() in seen


@pytest.mark.parametrize(("name", "code"), numbered(list(blocks("python"))))
def test_examples_in_python_run(name: str, code: str, tmp_path: Path) -> None:
    program = tmp_path / "example.py"
    program.write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{name}:\n{done.stderr}"


@pytest.mark.parametrize(("name", "body"), numbered([*blocks("toml"), *blocks("json")]))
def test_examples_of_data_can_be_read(name: str, body: str) -> None:
    if (name, body) in set(blocks("toml")):
        tomllib.loads(body)
    else:
        for line in body.splitlines():
            assert isinstance(json.loads(line), dict), name


def words_of_the_house() -> set[str]:
    """Every public class of the model."""
    return {
        name
        for module in pkgutil.iter_modules(ringfence.model.__path__)
        for name, value in inspect.getmembers(
            import_module(f"ringfence.model.{module.name}"), inspect.isclass
        )
        if value.__module__ == f"ringfence.model.{module.name}" and not name.startswith("_")
    }


def test_the_glossary_explains_every_word_of_the_model() -> None:
    explained = set(re.findall(r"`(\w+)`", text_of("docs/glossary.md")))
    assert words_of_the_house() - explained == set()


def test_the_glossary_names_only_what_exists() -> None:
    named = set(re.findall(r"`([A-Z][a-z]\w+)`", text_of("docs/glossary.md")))
    elsewhere = {"CallMonitor", "CallSession"}
    assert named - words_of_the_house() - elsewhere == set()


def test_the_levels_in_the_glossary_are_the_levels() -> None:
    from ringfence.model.assessment import RiskLevel

    line = next(
        line for line in text_of("docs/glossary.md").splitlines() if line.startswith("| **risk level**")
    )
    assert re.findall(r"`([a-z]+)`", line) == [level.word for level in RiskLevel]
