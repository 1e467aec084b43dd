"""The console and the server speak of the same things."""

import json
from pathlib import Path
from typing import Any

import pytest

from ringfence.web import openapi

pytestmark = pytest.mark.unit

CONSOLE = Path(__file__).parent.parent / "console"
PROSE = {"title", "description", "summary"}


def shape(document: Any) -> Any:
    """An OpenAPI document without its sentences: what types are made of."""
    if isinstance(document, dict):
        return {
            name: shape(value)
            for name, value in document.items()
            if name != "info" and not (name in PROSE and isinstance(value, str))
        }
    return [shape(value) for value in document] if isinstance(document, list) else document


def test_the_consoles_types_are_made_from_the_present_doors() -> None:
    kept = json.loads((CONSOLE / "src/generated/openapi.json").read_text(encoding="utf-8"))
    assert shape(kept) == shape(openapi.document()), "run `npm run generate` in console/"


def test_the_lock_file_names_no_registry() -> None:
    lock = json.loads((CONSOLE / "package-lock.json").read_text(encoding="utf-8"))
    assert lock["packages"]
    assert [name for name, package in lock["packages"].items() if "resolved" in package] == []
