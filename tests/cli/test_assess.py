"""`ringfence assess`, as a process: what it prints, and how it ends."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.e2e

SCAM = "caller: This is your bank. Read me the six digit code we sent you, right now.\ncallee: I do not know you.\n"


def assess(
    folder: Path, *arguments: str, given: bytes = b"", settings: dict[str, str] | None = None
) -> tuple[int, str, str]:
    """Exit status, what was printed, and what was complained about."""
    done = subprocess.run(
        [sys.executable, "-m", "ringfence", "assess", *arguments],
        cwd=folder,
        input=given,
        capture_output=True,
        check=False,
        timeout=120,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "120", "HOME": str(folder), **(settings or {})},
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def call(name: str, *texts: str) -> str:
    return json.dumps(
        {"id": name, "language": "en", "turns": [{"role": "caller", "text": text} for text in texts]}
    )


def test_a_text_is_told_in_a_table(tmp_path: Path) -> None:
    (tmp_path / "talk.txt").write_text(SCAM)
    status, out, err = assess(tmp_path, "talk.txt")
    assert status == 0, err
    assert "talk.txt" in out
    assert "high" in out
    assert "turn 1 of 2" in out
    assert "Asks for a one-time code" in out
    assert err == ""


def test_json_lines_come_in_order_one_for_each_call(tmp_path: Path) -> None:
    (tmp_path / "calls.jsonl").write_text(
        "\n".join([call("a", "hello there"), call("b"), call("c", "x", "read me the pin")])
    )
    (tmp_path / "talk.txt").write_text(SCAM)
    status, out, err = assess(tmp_path, "talk.txt", "calls.jsonl", "--format", "json")
    assert status == 0, err
    records = [json.loads(line) for line in out.splitlines()]
    assert [record["id"] for record in records] == ["talk.txt", "a", "b", "c"]
    assert [len(record["utterances"]) for record in records] == [2, 1, 0, 2]


def test_the_same_input_gives_the_same_output(tmp_path: Path) -> None:
    (tmp_path / "talk.txt").write_text(SCAM)
    assert assess(tmp_path, "talk.txt", "--format", "json") == assess(
        tmp_path, "talk.txt", "--format", "json"
    )


def test_bad_input_is_one_line_with_file_line_and_remedy_and_the_rest_is_judged(tmp_path: Path) -> None:
    (tmp_path / "calls.jsonl").write_text(f"{call('a', 'hello')}\n{{oops\n{call('b', 'hello')}\n")
    (tmp_path / "latin.txt").write_bytes(b"caller: ok\ncaller: se\xf1or\n")
    (tmp_path / "talk.txt").write_text(SCAM)
    status, out, err = assess(
        tmp_path, "calls.jsonl", "nowhere.txt", "latin.txt", "talk.txt", "--format", "json"
    )
    assert status == 2
    assert [json.loads(line)["id"] for line in out.splitlines()] == ["a", "b", "talk.txt"]
    complaints = err.splitlines()
    assert len(complaints) == 3
    assert complaints[0] == "ringfence: calls.jsonl:2: this line is no JSON; write one JSON object a line"
    assert complaints[1].startswith("ringfence: nowhere.txt: ")
    assert complaints[2].startswith("ringfence: latin.txt:2: ")


def test_the_standard_input_is_a_file_too(tmp_path: Path) -> None:
    status, out, _ = assess(tmp_path, "-", "--format", "json", given=SCAM.encode())
    assert status == 0
    assert json.loads(out)["id"] == "standard input"


def test_the_language_is_that_of_calls_that_do_not_say_theirs(tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("caller: anydesk\n")
    _, out, _ = assess(tmp_path, "short.txt", "--format", "json", "--language", "es")
    labels: list[Any] = [entry["label"] for entry in json.loads(out)["indicators"]]
    assert labels == ["Quiere entrar en su equipo"]


def test_a_page_is_written(tmp_path: Path) -> None:
    (tmp_path / "talk.txt").write_text(SCAM)
    status, out, _ = assess(tmp_path, "talk.txt", "--format", "html")
    assert status == 0
    assert out.startswith("<!doctype html>")
    assert "Read me the six digit code" in out


def test_a_wrong_analyst_is_told_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "talk.txt").write_text(SCAM)
    status, out, err = assess(tmp_path, "talk.txt", "--analyst", "oracle")
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert "anthropic:MODEL" in err
    status, _, err = assess(tmp_path, "talk.txt", "--analyst", "anthropic:claude-haiku-5-5")
    assert status == 2
    assert "ANTHROPIC_API_KEY" in err


@contextmanager
def own_model(words: str) -> Iterator[tuple[str, list[str]]]:
    """A server of one's own whose model always says the same; what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            message = {"role": "assistant", "content": words}
            reply = {"id": "1", "object": "chat.completion", "created": 1, "model": "m"}
            content = json.dumps(
                {**reply, "choices": [{"index": 0, "finish_reason": "stop", "message": message}]}
            ).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_model_of_ones_own_is_asked_and_raises_the_level(tmp_path: Path) -> None:
    (tmp_path / "talk.txt").write_text(
        "caller: My card is 4242 4242 4242 4242.\ncallee: And the garden?\ncaller: Lovely.\n"
    )
    words = json.dumps(
        {"risk_score": 80, "scam_type": "", "indicators": [{"label": "Odd", "quote": "the garden"}],
         "explanation": "Odd.", "suggested_action": "", "uncertain": False}
    )  # fmt: skip
    with own_model(words) as (url, asked):
        arguments = ("talk.txt", "--format", "json", "--analyst", "ollama:tiny")
        status, out, err = assess(tmp_path, *arguments, settings={"OLLAMA_BASE_URL": url})
    assert status == 0, err
    record = json.loads(out)
    assert record["source"] == "analyst:ollama:tiny"
    assert record["risk_level"] == "high"
    assert {"code": "analyst", "index": -1, "text": "the garden", "label": "Odd"} in record["indicators"]
    assert asked
    assert not any("4242" in question for question in asked)


def test_a_recording_is_heard_by_the_engine_of_the_settings(tmp_path: Path) -> None:
    sample = resources.files("ringfence.testing") / "samples" / "bank-impersonation.wav"
    status, out, err = assess(tmp_path, str(sample), "--format", "json")
    assert status == 0, err
    record = json.loads(out)
    assert record["risk_level"] in ("high", "critical")
    assert record["first_danger"] is not None
