import asyncio
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx
import pytest

from ringfence.model.errors import ConfigurationError
from ringfence.server import create_app, run, serve
from ringfence.settings import Settings, load_settings
from ringfence.web.services import Services

pytestmark = pytest.mark.db

HEALTH = "/api/v1/twilio/health"


def settings(home: Path, **more: object) -> Settings:
    return load_settings(home=home, speech_engine="pocketsphinx", host="127.0.0.1", **{"port": 0, **more})


def visit(given: Settings, scene: Callable[[Settings], Coroutine[Any, Any, None]]) -> None:
    """Serve, play the scene against the real ports, and stop as a signal would."""

    async def main() -> None:
        opened: asyncio.Future[Settings] = asyncio.get_running_loop().create_future()

        def ready(services: Services, actual: Settings) -> None:
            opened.set_result(actual)

        serving = asyncio.create_task(serve(given, ready=ready))
        while not opened.done() and not serving.done():
            await asyncio.sleep(0.01)
        if not opened.done():
            await serving
        await scene(await opened)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)

    run(main)


def test_it_serves_on_the_port_it_was_given_by_the_system(tmp_path: Path) -> None:
    async def scene(actual: Settings) -> None:
        async with httpx.AsyncClient(base_url=actual.public_url) as client:
            assert (await client.get(HEALTH)).json() == {
                "status": "ok",
                "twilio_configured": False,
                "active_calls": 0,
            }

    visit(settings(tmp_path), scene)


def test_the_media_socket_can_have_a_port_of_its_own(tmp_path: Path) -> None:
    async def scene(actual: Settings) -> None:
        assert actual.media_port not in (None, 0, actual.port)
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"http://127.0.0.1:{actual.media_port}/elsewhere")
            assert answer.status_code == 404

    visit(settings(tmp_path, media_port=0), scene)


def test_a_port_that_is_taken_is_named_with_the_remedy(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"PORT: cannot listen on 127.0.0.1:{port} .*free port"):
            asyncio.run(serve(settings(tmp_path, port=port)))


@pytest.mark.parametrize("host", ["host.invalid", "192.0.2.1"])
def test_an_address_that_is_not_of_this_machine_is_named_with_the_remedy(tmp_path: Path, host: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"\AHOST: cannot listen on {host}:.*such as 127\.0\.0\.1"):
        asyncio.run(serve(settings(tmp_path).model_copy(update={"host": host})))


def test_a_media_port_that_is_taken_is_named_with_the_remedy(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"RINGFENCE_MEDIA_PORT: .*{port}.*free port"):
            asyncio.run(serve(settings(tmp_path, media_port=port)))


def test_another_server_can_run_the_application(tmp_path: Path) -> None:
    async def scene() -> list[str]:
        app = create_app(settings(tmp_path))
        told: list[str] = []
        asked: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

        async def send(message: Any) -> None:
            told.append(message["type"])
            if message["type"] == "lifespan.startup.complete":
                async with httpx.AsyncClient(
                    transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1"
                ) as client:
                    assert (await client.get(HEALTH)).status_code == 200
                asked.put_nowait({"type": "lifespan.shutdown"})

        asked.put_nowait({"type": "lifespan.startup"})
        await app({"type": "lifespan"}, asked.get, send)
        return told

    assert asyncio.run(scene()) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_an_application_whose_settings_are_wrong_says_so_at_its_start(tmp_path: Path) -> None:
    async def scene() -> list[Any]:
        told: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "lifespan.startup"}

        async def send(message: Any) -> None:
            told.append(message)

        await create_app(load_settings(home=tmp_path, speech_engine="acme"))(
            {"type": "lifespan"}, receive, send
        )
        return told

    (message,) = asyncio.run(scene())
    assert message["type"] == "lifespan.startup.failed"
    assert "acme" in message["message"]
