import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ringfence.app import carrier_tokens, media_address, running
from ringfence.model.calls import Call, CallId, CallSid, CallStatus, IncomingCall
from ringfence.model.errors import ConfigurationError
from ringfence.settings import Settings, load_settings
from ringfence.web.services import Services

pytestmark = pytest.mark.db


def settings(home: Path, **more: object) -> Settings:
    return load_settings(home=home, speech_engine="pocketsphinx", **more)


def test_everything_is_built_from_the_embedded_defaults(tmp_path: Path) -> None:
    async def scene() -> Services:
        async with running(settings(tmp_path)) as services:
            instructions = await services.switchboard.answer(
                IncomingCall(CallSid("CA1"), "+15550111", "+15550100")
            )
            assert instructions.stream is not None
            assert instructions.stream.url == services.media_url
            return services

    services = asyncio.run(scene())
    assert services.detector_version
    assert not services.carrier.is_configured
    assert services.media_url == "ws://127.0.0.1:8000/api/v1/twilio/media-stream"


def test_a_call_that_the_last_run_left_open_is_marked_as_interrupted(tmp_path: Path) -> None:
    async def scene() -> CallStatus:
        call = Call(
            CallId("c"), CallSid("CA1"), "+15550111", "+15550100", "en", datetime(2026, 1, 1, tzinfo=UTC)
        )
        async with running(settings(tmp_path)) as services:
            await services.calls.open_call(call)
        async with running(settings(tmp_path)) as services:
            found = await services.calls.find(call.sid)
            assert found is not None
            assert found.ended_at is not None
            return found.status

    assert asyncio.run(scene()) is CallStatus.INTERRUPTED


def test_a_second_server_on_the_same_folder_is_refused_and_leaves_its_calls_alone(tmp_path: Path) -> None:
    async def scene() -> CallStatus:
        async with running(settings(tmp_path)) as services:
            await services.switchboard.answer(IncomingCall(CallSid("CA1"), "+15550111", "+15550100"))
            with pytest.raises(ConfigurationError, match="another server is running"):
                async with running(settings(tmp_path)):
                    pass
            found = await services.calls.find(CallSid("CA1"))
            assert found is not None
            return found.status

    assert asyncio.run(scene()) is CallStatus.RINGING


def test_an_engine_that_does_not_exist_stops_the_start(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running(load_settings(home=tmp_path, speech_engine="acme")):
            pass

    with pytest.raises(ConfigurationError, match="acme"):
        asyncio.run(scene())


def test_a_final_analyst_that_does_not_exist_is_told_by_its_own_setting(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running(settings(tmp_path, final_analyst="oracle:delphi")):
            pass

    with pytest.raises(ConfigurationError, match=r"\ARINGFENCE_FINAL_ANALYST: "):
        asyncio.run(scene())


def test_nothing_is_left_running(tmp_path: Path) -> None:
    async def scene() -> int:
        async with running(settings(tmp_path)):
            pass
        return len(asyncio.all_tasks())

    assert asyncio.run(scene()) == 1


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({}, "ws://127.0.0.1:8000"),
        ({"port": 9000}, "ws://127.0.0.1:9000"),
        ({"media_port": 9001}, "ws://127.0.0.1:9001"),
        ({"host": "::1", "media_port": 9001}, "ws://[::1]:9001"),
        ({"base_url": "http://calls.example:81", "media_port": 9001}, "ws://calls.example:9001"),
        ({"base_url": "https://calls.example"}, "wss://calls.example"),
        ({"base_url": "https://calls.example/prefix", "media_port": 9001}, "wss://calls.example/prefix"),
    ],
)
def test_the_media_socket_has_an_address_that_the_carrier_can_reach(
    given: dict[str, object], address: str
) -> None:
    assert media_address(load_settings(**given)) == f"{address}/api/v1/twilio/media-stream"


def test_two_tokens_are_accepted_while_one_is_being_rotated() -> None:
    given = load_settings(twilio_auth_token="new", twilio_auth_token_secondary="old")
    assert carrier_tokens(given) == ("new", "old")
    assert carrier_tokens(load_settings()) == ()
