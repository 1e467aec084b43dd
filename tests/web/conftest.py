"""Doors over real services: a database, stores, access and audit log of the test's own, on a clock that it moves."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from ringfence.access.service import AccessService
from ringfence.bus.memory import MemoryBus
from ringfence.contracts import SpeechEngine
from ringfence.db.address import FILE_NAME
from ringfence.db.engine import open_database
from ringfence.detection.detector import load_detector
from ringfence.monitoring.session import SessionParts
from ringfence.monitoring.switchboard import Switchboard, SwitchboardPolicy
from ringfence.privacy.audit import AuditLog
from ringfence.privacy.cipher import CipherKeys, FieldCipher
from ringfence.telephony.audio_store import AudioStore
from ringfence.telephony.carriers import twilio
from ringfence.telephony.store import CallStore
from ringfence.testing.clock import ManualClock
from ringfence.web.asgi import create_asgi
from ringfence.web.services import Services

OpenServices = Callable[..., AbstractAsyncContextManager[Services]]
Serve = Callable[..., AbstractAsyncContextManager[str]]


@pytest.fixture
def open_services(sqlite_template: Path, tmp_path: Path) -> OpenServices:
    """Real services on SQLite; `clock` is a `ManualClock`. Without an engine calls are live and silent."""

    @asynccontextmanager
    async def opened(
        *,
        engine: SpeechEngine | None = None,
        public_url: str = "http://127.0.0.1:8000",
        trusted_proxies: tuple[str, ...] = (),
    ) -> AsyncIterator[Services]:
        shutil.copyfile(sqlite_template, tmp_path / FILE_NAME)
        async with open_database(None, tmp_path, migrate=False) as database:
            clock, bus = ManualClock(), MemoryBus()
            cipher = FieldCipher(CipherKeys({1: os.urandom(32)}, os.urandom(32)))
            calls, audit = CallStore(database, cipher), AuditLog(database)
            detector = load_detector()
            media_url = public_url.replace("http", "ws", 1) + "/api/v1/twilio/media-stream"
            switchboard = Switchboard(
                SessionParts(clock=clock, bus=bus, store=calls, detector=detector, engine=engine),
                calls,
                SwitchboardPolicy(
                    media_url=media_url,
                    stream_status_url=public_url + "/api/v1/twilio/stream-status",
                    pass_secret=os.urandom(32),
                ),
                lambda: os.urandom(8).hex(),
            )
            yield Services(
                version="0.0.0",
                detector_version=detector.version,
                public_url=public_url,
                media_url=media_url,
                trusted_proxies=trusted_proxies,
                carrier=twilio.create(twilio.TwilioOptions(public_url, ("0" * 32,), media_url)),
                switchboard=switchboard,
                calls=calls,
                audio=AudioStore(database, cipher),
                access=AccessService(database, clock, audit.add),
                audit=audit,
                bus=bus,
                clock=clock,
                database=database,
            )
            await switchboard.shutdown(drain_s=0)
            bus.close()

    return opened


@pytest.fixture
def serve() -> Serve:
    """A real server on a free port of loopback; gives its address."""

    @asynccontextmanager
    async def served(services: Services, **options: Any) -> AsyncIterator[str]:
        server = uvicorn.Server(
            uvicorn.Config(
                create_asgi(services, **options),
                port=0,
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="websockets-sansio",
                proxy_headers=False,
                timeout_graceful_shutdown=5,
            )
        )
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.wait({serving}, timeout=0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            await serving

    return served
