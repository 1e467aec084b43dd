"""A real server process of one's own: `ringfence serve` (or `demo`) on a free port, with its own folder."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue

START_WITHIN_S = 60.0
STOP_WITHIN_S = 30.0
AUTH_TOKEN = "0123456789abcdef0123456789abcdef"
_NOT_HANDED_ON = ("RINGFENCE_", "TWILIO_", "OPENAI_", "ANTHROPIC_", "OLLAMA_", "BASE_URL", "PUBLIC_URL")
_LISTENS = re.compile(r"listening port=(\d+)|Ringfence listens at http://127\.0\.0\.1:(\d+)")


@dataclass
class ServerProcess:
    """Ends with the `with` block that made it, or earlier by `stop` or `kill`."""

    home: Path
    url: str
    process: subprocess.Popen[str]
    environment: Mapping[str, str]
    output: list[str] = field(default_factory=list)
    """Every line it wrote so far."""

    def command(self, *arguments: str) -> str:
        """What another run of the program prints, with the same settings. Raises CalledProcessError."""
        done = subprocess.run(
            [sys.executable, "-m", "ringfence", *arguments],
            env=dict(self.environment),
            cwd=self.home,
            capture_output=True,
            text=True,
            check=True,
            timeout=START_WITHIN_S,
        )
        return done.stdout.strip()

    def new_key(self, role: str = "operator") -> str:
        return self.command("keys", "create", "--name", "test", "--role", role)

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end, wait until it has; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(sign)
        return self.process.wait(STOP_WITHIN_S)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait(STOP_WITHIN_S)


@contextmanager
def running_server(
    home: Path, *, command: Sequence[str] = ("serve",), settings: Mapping[str, str] | None = None
) -> Iterator[ServerProcess]:
    """Start it and wait until its doors are open. Raises RuntimeError with its last words otherwise."""
    home.mkdir(parents=True, exist_ok=True)
    environment = {
        name: value
        for name, value in os.environ.items()  # noqa: TID251 - handed on, not read
        if not name.startswith(_NOT_HANDED_ON)
    }
    environment |= {
        "RINGFENCE_HOME": str(home),
        "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "RINGFENCE_ANALYST": "none",
        "RINGFENCE_SPEECH_ENGINE": "pocketsphinx",
        "RINGFENCE_REVIEW_ENGINE": "none",
        "PYTHONUNBUFFERED": "1",
        **(settings or {}),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "ringfence", *command, "--port", "0"],
        env=environment,
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    server = ServerProcess(home, "", process, environment)
    listens: Queue[str] = Queue()
    reader = threading.Thread(target=_read, args=(server, listens), daemon=True)
    reader.start()
    try:
        server.url = f"http://127.0.0.1:{_port(server, listens)}"
        yield server
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        reader.join(STOP_WITHIN_S)
        if process.stdout is not None:
            process.stdout.close()


def _port(server: ServerProcess, listens: "Queue[str]") -> str:
    try:
        port = listens.get(timeout=START_WITHIN_S)
    except Empty:
        port = ""
    if not port:
        raise RuntimeError("the server did not start:\n" + "\n".join(server.output[-20:]))
    return port


def _read(server: ServerProcess, listens: "Queue[str]") -> None:
    assert server.process.stdout is not None
    for line in server.process.stdout:
        server.output.append(line.rstrip())
        if found := _LISTENS.search(line):
            listens.put(found[1] or found[2])
    listens.put("")
