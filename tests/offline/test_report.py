"""Verdicts, written down."""

import asyncio
import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from ringfence.detection.detector import load_detector
from ringfence.model.calls import Party
from ringfence.offline.judging import Verdict, judge
from ringfence.offline.report import html_page, json_line
from ringfence.offline.transcripts import Fault, OfflineCall, Turn

pytestmark = pytest.mark.unit

HOSTILE = '<script>alert("1")</script> & read me the code we sent you'


def verdict(call_id: str, *texts: str) -> Verdict:
    call = OfflineCall(call_id, "en", tuple(Turn(Party.REMOTE, text) for text in texts))
    return asyncio.run(judge(call, load_detector(), at=datetime(2026, 1, 1, tzinfo=UTC)))


def test_a_call_is_one_json_line_with_what_the_contract_names() -> None:
    line = json_line(verdict("ñ-1", "Hello, this is your bank.", HOSTILE, "Tell nobody about this."))
    assert "\n" not in line
    record = json.loads(line)
    assert set(record) >= {
        "id", "risk_level", "score", "uncertain", "first_danger", "utterances", "indicators", "detector",
    }  # fmt: skip
    assert record["id"] == "ñ-1"
    assert [entry["index"] for entry in record["utterances"]] == [0, 1, 2]
    assert record["risk_level"] in ("high", "critical")
    assert 0 <= record["score"] <= 100
    assert record["first_danger"] == 1
    asked = next(entry for entry in record["indicators"] if entry["code"] == "asks_code")
    assert asked["index"] == 1
    assert asked["text"] in HOSTILE


def test_a_call_that_never_was_dangerous_has_no_first_danger() -> None:
    assert json.loads(json_line(verdict("a", "lovely weather today")))["first_danger"] is None


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_page_stands_alone_and_is_escaped() -> None:
    html = html_page([verdict('<b>"x"', "This is your bank.", HOSTILE)], [Fault("<i>f", "<u>bad", "<s>mend")])
    page = Page()
    page.feed(html)
    assert "script" not in page.tags
    assert not {"b>", "i", "u", "s"} & set(page.tags)
    assert all(link.startswith("#") for link in page.links)
    assert not re.search(r"https?://|@import|url\(", html)
    assert "&lt;script&gt;" in html


def test_the_page_marks_the_words_that_were_evidence() -> None:
    html = html_page([verdict("a", "This is your bank.", "So, read me the code!")], [])
    assert re.search(r'<mark title="Asks for a one-time code">read me the code</mark>!', html)
