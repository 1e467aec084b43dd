"""The page of all doors: complete, and without anything that a strict policy or a missing network would break."""

import re

import pytest

from ringfence.web import docs_page, openapi

pytestmark = pytest.mark.unit


def test_every_door_stands_on_the_page() -> None:
    document = openapi.document()
    page = docs_page.page(document)
    for path in document["paths"]:
        assert f"</b>{path}</h3>" in page
    for path in docs_page.SOCKETS:
        assert f"<b>WS</b>{path}" in page


def test_the_page_needs_no_script_no_inline_style_and_no_other_host() -> None:
    page = docs_page.page(openapi.document())
    assert "<script" not in page
    assert " style=" not in page
    assert "<style" not in page
    assert set(re.findall(r'(?:src|href)="([^"]*)"', page)) == {
        docs_page.STYLE_ADDRESS,
        "/openapi.json",
        "data:,",
    }


def test_what_a_description_says_cannot_become_markup() -> None:
    page = docs_page.page(
        {
            "info": {"title": "<b>t", "description": "d"},
            "paths": {"/x": {"get": {"description": "<script>", "responses": {"200": {}}}}},
        }
    )
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
