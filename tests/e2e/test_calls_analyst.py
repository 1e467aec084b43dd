"""A whole call with an analyst: a model server of one's own on this machine, speaking the documented chat format."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from ringfence.privacy.secrets import load_secrets
from ringfence.testing.network import SimulatedCall, SimulatedCarrier
from ringfence.testing.script import load_script
from ringfence.testing.server import running_server

pytestmark = pytest.mark.e2e

QUOTE = "Tengo un paquete para usted."
REPLY = {
    "risk_score": 64,
    "scam_type": "parcel",
    "indicators": [{"label": "Paquete inesperado", "quote": QUOTE}],
    "explanation": "Alguien anuncia un paquete.",
    "suggested_action": "Pregunte quién lo envía.",
    "uncertain": False,
}


@dataclass
class Model:
    url: str
    prompts: list[str] = field(default_factory=list)


@contextmanager
def model_server(status: int) -> Iterator[Model]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            model.prompts.append(body)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(_completion(json.loads(body)["model"])).encode())

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    model = Model(f"http://127.0.0.1:{server.server_port}/v1")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield model
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _completion(name: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": json.dumps(REPLY), "refusal": None}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": name,
        "choices": [{"index": 0, "finish_reason": "stop", "logprobs": None, "message": message}],
        "usage": {"prompt_tokens": 900, "completion_tokens": 90, "total_tokens": 990},
    }


def call_with(model: Model, home: Path) -> dict[str, Any]:
    """What the history holds of an innocent call on which that model was asked."""
    settings = {"RINGFENCE_ANALYST": "ollama:llama3.2", "OLLAMA_BASE_URL": model.url}

    async def run(url: str, headers: dict[str, str]) -> dict[str, Any]:
        async with (
            SimulatedCarrier(url, load_secrets(home).demo_carrier_token) as carrier,
            httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as api,
        ):
            call = SimulatedCall.from_script(load_script("paquete"), speed=6)
            placed = await carrier.place(call)
            monitor = f"{url.replace('http', 'ws', 1)}/api/v1/twilio/monitor/{placed.sid}"
            async with connect(monitor, additional_headers=headers, proxy=None) as socket:
                async for _ in socket:
                    pass  # The server closes it when the verdict stands.
            assert (await placed.finished()).problem == ""
            kept: dict[str, Any] = (await api.get(f"/api/v1/calls/{placed.sid}")).json()
            return kept

    with running_server(home, command=("demo", "--no-calls"), settings=settings) as server:
        return asyncio.run(run(server.url, {"Authorization": f"Bearer {server.new_key()}"}))


def test_an_analyst_raises_the_level_and_its_quotes_stand_in_the_evidence(tmp_path: Path) -> None:
    with model_server(200) as model:
        kept = call_with(model, tmp_path)
    verdict = kept["assessments"][-1]
    assert verdict["final"]
    assert verdict["source"].startswith("analyst:")
    assert verdict["is_danger"]
    assert QUOTE in [evidence["text"] for evidence in verdict["evidence"]]
    assert kept["assessments"][0]["source"] == "local"
    # After every third of nine utterances, and once more at the end.
    assert 2 <= len(model.prompts) <= 6


def test_an_analyst_that_fails_leaves_the_local_judgement_and_says_so(tmp_path: Path) -> None:
    with model_server(500) as model:
        kept = call_with(model, tmp_path)
    verdict = kept["assessments"][-1]
    assert model.prompts
    assert verdict["final"]
    assert verdict["source"] == "local"
    assert verdict["risk_level"] == "low"
    assert "analyst_unavailable" in verdict["notes"]
