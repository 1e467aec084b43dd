import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from ringfence.cli.call import find_token, prepare, register
from ringfence.model.errors import ConfigurationError
from ringfence.privacy.secrets import load_secrets
from ringfence.settings import load_settings
from ringfence.testing.script import load_script
from ringfence.testing.wav import write_wav

pytestmark = pytest.mark.e2e


def ring(*arguments: str) -> Result:
    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, arguments)


@contextmanager
def answering(status: int, document: bytes = b"<Response/>") -> Iterator[str]:
    """A server that gives every webhook the same answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Type", "application/xml")
            self.end_headers()
            self.wfile.write(document)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_bundled_call_keeps_its_parties_numbers_and_language() -> None:
    script = load_script("paquete")
    call = prepare("paquete")
    assert (call.from_number, call.to_number, call.language) == (script.from_number, script.to_number, "es")
    assert call.caller != call.called


def test_of_a_recording_with_one_channel_only_the_caller_speaks(tmp_path: Path) -> None:
    write_wav(tmp_path / "one.wav", b"\x01" * 800)
    call = prepare(str(tmp_path / "one.wav"))
    assert (call.caller, call.called) == (b"\x01" * 800, b"")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("absent.wav", None, "the bundled calls are: bank-fraud-desk"),
        ("music.mp3", b"ID3", "not a WAV file"),
        ("script.toml", b"title", "not a script"),
    ],
    ids=["no such file", "no recording", "no script"],
)
def test_what_cannot_be_played_is_named_with_the_remedy(
    name: str, content: bytes | None, reason: str
) -> None:
    if content is not None:
        Path(name).write_bytes(content)
    with pytest.raises(ConfigurationError, match=reason):
        prepare(name)


def test_the_secret_comes_from_the_settings_then_from_the_demonstration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    with pytest.raises(ConfigurationError, match="TWILIO_AUTH_TOKEN"):
        find_token(load_settings(home=home))
    expected = load_secrets(home).demo_carrier_token
    assert find_token(load_settings(home=home)) == expected
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "of-the-account")
    assert find_token(load_settings(home=home)) == "of-the-account"


def test_an_address_where_nobody_listens_is_said_with_the_remedy() -> None:
    result = ring("pharmacy", "--token", "x", "--url", "http://127.0.0.1:9")
    assert result.exit_code == 1
    assert "no server answers at http://127.0.0.1:9" in result.output
    assert "ringfence serve" in result.output


def test_a_refused_signature_is_explained() -> None:
    with answering(403) as url:
        result = ring("pharmacy", "--token", "x", "--url", url)
    assert result.exit_code == 1
    assert "TWILIO_AUTH_TOKEN is another one" in result.output


def test_a_server_that_wants_no_audio_is_reported() -> None:
    with answering(200, b"<Response><Hangup/></Response>") as url:
        result = ring("pharmacy", "--token", "x", "--url", url)
    assert result.exit_code == 1
    assert "answered: hang up" in result.output
    assert "the server asked for no audio" in result.output


def test_an_address_that_is_none_is_refused() -> None:
    result = ring("pharmacy", "--token", "x", "--url", "127.0.0.1:8000")
    assert isinstance(result.exception, ConfigurationError)
