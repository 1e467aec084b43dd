"""Files with what was said, to calls and faults."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.model.calls import Party
from ringfence.offline.transcripts import Fault, OfflineCall, read_transcript

pytestmark = pytest.mark.unit

CALLER, PROTECTED = Party.REMOTE, Party.SUBSCRIBER


def read(content: str, name: str = "f") -> list[OfflineCall | Fault]:
    return [item for item, _ in read_transcript(name, content)]


def the_call(content: str) -> OfflineCall:
    (item,) = read(content)
    assert isinstance(item, OfflineCall)
    return item


def said(call: OfflineCall) -> list[tuple[Party, str]]:
    return [(turn.party, turn.text) for turn in call.turns]


def test_text_has_a_turn_a_line() -> None:
    call = the_call("caller: Hello: it's me\n\nCALLEE: Who?\nno role here\nNote: neither here\n")
    assert said(call) == [
        (CALLER, "Hello: it's me"),
        (PROTECTED, "Who?"),
        (CALLER, "no role here"),
        (CALLER, "Note: neither here"),
    ]
    assert call.id == "f"


def test_json_lines_are_one_call_each_in_order() -> None:
    lines = [
        {"id": "a", "language": "es", "source": "ignored", "turns": [{"role": "caller", "text": "hola"}]},
        {"id": 7, "turns": [{"role": "callee", "text": "sí"}, {"role": "unknown", "text": "?", "more": 1}]},
        {"turns": []},
    ]
    calls = [
        item for item in read("\n".join(json.dumps(line) for line in lines)) if isinstance(item, OfflineCall)
    ]
    assert [(call.id, call.language) for call in calls] == [("a", "es"), ("7", ""), ("f:3", "")]
    assert said(calls[1]) == [(PROTECTED, "sí"), (CALLER, "?")]


def test_one_document_may_be_spread_over_lines_or_be_a_list() -> None:
    call = {"id": "a", "turns": [{"role": "caller", "text": "hi"}]}
    assert the_call(json.dumps(call, indent=2)).id == "a"
    assert [
        item.id for item in read(json.dumps([call, call], indent=1)) if isinstance(item, OfflineCall)
    ] == ["a", "a"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{broken", "f:2: this line is no JSON; write one JSON object a line"),
        ("[1]", "f:2: this is no call"),
        ("7", "f:2: this is no call"),
        ('{"id": "x"}', "f:2: it has no list 'turns'"),
        ('{"turns": [{"role": "caller"}]}', "f:2: turn 0 has no text"),
        ('{"turns": [{"role": "agent", "text": "x"}]}', "f:2: turn 0 has the role 'agent'"),
        ('{"turns": ["x"]}', "f:2: turn 0 has no text"),
        ("[" * 100_000, "f:2: this line is no JSON"),
    ],
)
def test_a_bad_line_is_told_with_its_place_and_the_others_are_read(line: str, words: str) -> None:
    good = '{"id": "good", "turns": []}'
    first, fault, last = read(f"{good}\n{line}\n{good}\n")
    assert isinstance(first, OfflineCall)
    assert isinstance(last, OfflineCall)
    assert str(fault).startswith(words)
    assert "\n" not in str(fault)


@pytest.mark.parametrize("content", ["", "  \n ", "\ufeff"])
def test_an_empty_file_is_a_fault(content: str) -> None:
    (fault,) = read(content)
    assert str(fault).startswith("f: the file is empty; ")


def test_the_lines_taken_add_up_to_the_file() -> None:
    content = "\n".join(['{"turns": []}'] * 5)
    assert sum(taken for _, taken in read_transcript("f", content)) == 5


def test_a_vcon_with_text_dialogs_is_read() -> None:
    vcon = {
        "vcon": "0.3.0",
        "uuid": "0195-ab",
        "parties": [{"tel": "+15550100", "name": "A"}, {"tel": "+15550101"}],
        "dialog": [
            {
                "type": "text",
                "start": "2026-01-01T00:00:00Z",
                "parties": 1,
                "originator": 1,
                "body": "hello from the caller",
            },
            {"type": "text", "parties": [0], "body": "hello back"},
        ],
    }
    call = the_call(json.dumps(vcon))
    assert call.id == "0195-ab"
    assert said(call) == [(CALLER, "hello from the caller"), (PROTECTED, "hello back")]


@pytest.mark.parametrize("encoding", ["json", "none"])
def test_a_vcon_with_a_transcript_analysis_is_read(encoding: str) -> None:
    body: object = {
        "language": "es",
        "transcript": [{"party": 0, "text": "hola"}, {"speaker": "1", "message": "sí"}],
    }
    vcon = {
        "vcon": "0.0.1",
        "parties": [{}, {}],
        "dialog": [{"type": "recording", "parties": [0, 1], "originator": 0}],
        "analysis": [
            {"type": "summary", "body": "nothing"},
            {
                "type": "transcript",
                "encoding": encoding,
                "body": json.dumps(body) if encoding == "json" else body,
            },
        ],
    }
    call = the_call(json.dumps(vcon))
    assert said(call) == [(CALLER, "hola"), (PROTECTED, "sí")]
    assert call.language == "es"


def test_a_vcon_without_words_says_what_to_add() -> None:
    (fault,) = read(json.dumps({"vcon": "0.0.1", "parties": [], "dialog": []}))
    assert isinstance(fault, Fault)
    assert "transcript" in fault.remedy


@given(st.text(max_size=400))
def test_no_file_makes_it_stumble(content: str) -> None:
    for item in read(content) + read("{" + content) + read("[" + content):
        assert isinstance(item, OfflineCall | Fault)
