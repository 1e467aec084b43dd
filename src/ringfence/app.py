"""The composition root: settings in, running services out. Read top to bottom, it is the wiring diagram."""

import asyncio
import logging
import secrets as tokens
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from ringfence.access.service import AccessService
from ringfence.bus.memory import MemoryBus
from ringfence.clock import SystemClock
from ringfence.contracts import Database, SpeechEngine
from ringfence.db.engine import open_database
from ringfence.db.presence import present
from ringfence.detection.budget import Budget
from ringfence.detection.detector import load_detector
from ringfence.detection.panel import AnalystChoice, open_analyst
from ringfence.monitoring.session import SessionParts
from ringfence.monitoring.switchboard import Switchboard, SwitchboardPolicy
from ringfence.privacy.audit import AuditLog
from ringfence.privacy.retention import Terms, sweep
from ringfence.privacy.secrets import load_secrets, open_cipher
from ringfence.settings import Settings
from ringfence.speech.choice import open_engine, open_reviewer
from ringfence.speech.options import SpeechChoice
from ringfence.telephony.audio_store import AudioStore
from ringfence.telephony.carriers import twilio
from ringfence.telephony.store import CallStore
from ringfence.web.services import Services

log = logging.getLogger(__name__)

SWEEP_EVERY_S = 3600.0
MEDIA_PATH = "/api/v1/twilio/media-stream"
STREAM_STATUS_PATH = "/api/v1/twilio/stream-status"


@asynccontextmanager
async def running(
    settings: Settings, *, listen_through: Callable[[SpeechEngine], SpeechEngine] | None = None
) -> AsyncIterator[Services]:
    """Build everything, in order of need; close it in reverse. Raises ConfigurationError.

    `listen_through` may put an engine of its own in front of the chosen one (the demonstration does)."""
    async with AsyncExitStack() as stack:
        clock = SystemClock()
        secrets = load_secrets(settings.home)
        cipher = open_cipher(settings.home)
        database = await stack.enter_async_context(
            open_database(_shown(settings.database_url), settings.home)
        )
        calls = CallStore(database, cipher)

        async def close_what_was_left() -> None:
            if interrupted := await calls.interrupt_open(clock.now()):
                log.warning("calls were cut off by the last stop", extra={"count": len(interrupted)})

        await stack.enter_async_context(
            present(_shown(settings.database_url), settings.home, close_what_was_left)
        )
        audio = AudioStore(database, cipher)
        audit = AuditLog(database)
        access = AccessService(database, clock, audit.add)
        bus = MemoryBus()
        stack.callback(bus.close)

        speech = speech_choice(settings)
        chosen = open_engine(speech)
        stack.push_async_callback(chosen.aclose)
        _keep_running(stack, chosen.warm())
        engine = listen_through(chosen) if listen_through is not None else chosen
        reviewer = open_reviewer(speech, settings.review_engine)
        if isinstance(reviewer, SpeechEngine):
            stack.push_async_callback(reviewer.aclose)

        analyst = open_analyst(analyst_choice(settings, settings.analyst))
        final_analyst = analyst
        if settings.final_analyst:
            final_analyst = open_analyst(
                analyst_choice(settings, settings.final_analyst, setting="RINGFENCE_FINAL_ANALYST")
            )
        for panel in {analyst, final_analyst}:
            if panel is not None:
                stack.push_async_callback(panel.aclose)
        detector = load_detector()
        media_url = media_address(settings)
        switchboard = Switchboard(
            SessionParts(
                clock=clock,
                bus=bus,
                store=calls,
                detector=detector,
                engine=engine,
                analyst=analyst,
                final_analyst=final_analyst,
                budget=Budget(settings.analyst_call_budget_usd, settings.analyst_day_budget_usd),
                reviewer=reviewer,
                archive=audio if settings.keep_audio else None,
                analysis_every=settings.analysis_every,
                analyst_deadline_s=settings.analyst_deadline_s,
            ),
            calls,
            SwitchboardPolicy(
                media_url=media_url,
                stream_status_url=settings.public_url + STREAM_STATUS_PATH,
                pass_secret=secrets.stream_pass,
                language=settings.language,
                notice=settings.call_notice,
                connect_to=settings.connect_to,
                max_calls=settings.max_calls,
                call_limit_s=settings.call_limit_s,
            ),
            lambda: tokens.token_urlsafe(12),
        )
        carrier = twilio.create(
            twilio.TwilioOptions(
                public_url=settings.public_url,
                auth_tokens=carrier_tokens(settings),
                media_url=media_url,
                account_sid=settings.twilio_account_sid,
            )
        )

        _keep_running(stack, switchboard.run())
        _keep_running(stack, _retention(settings, clock, database, calls, audio))
        yield Services(
            version=version("ringfence"),
            detector_version=detector.version,
            public_url=settings.public_url,
            media_url=media_url,
            trusted_proxies=settings.trusted_proxies,
            carrier=carrier,
            switchboard=switchboard,
            calls=calls,
            audio=audio,
            access=access,
            audit=audit,
            bus=bus,
            clock=clock,
            database=database,
        )


def media_address(settings: Settings) -> str:
    """The media socket's address as the carrier is told it.

    With a port of its own it is that port, unless a proxy that ends TLS stands before both: then the proxy
    sends the path to that port."""
    parts = urlsplit(settings.public_url)
    if parts.scheme == "https":
        return f"wss://{parts.netloc}{parts.path}{MEDIA_PATH}"
    netloc = parts.netloc
    if settings.media_port:
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        netloc = f"{host}:{settings.media_port}"
    return f"ws://{netloc}{parts.path}{MEDIA_PATH}"


def carrier_tokens(settings: Settings) -> tuple[str, ...]:
    """Every secret with which the carrier may sign; empty refuses every request."""
    tokens_set = (settings.twilio_auth_token, settings.twilio_auth_token_secondary)
    return tuple(token.get_secret_value() for token in tokens_set if token is not None)


def speech_choice(settings: Settings) -> SpeechChoice:
    return SpeechChoice(
        engines=settings.speech_engine,
        home=settings.home,
        language=settings.language,
        workers=settings.speech_workers,
        openai_api_key=_shown(settings.openai_api_key),
        openai_base_url=settings.openai_base_url,
        openai_model=settings.openai_transcription_model,
        whisper_model=settings.whisper_model,
        sherpa_model=settings.sherpa_model,
    )


def analyst_choice(settings: Settings, models: str, *, setting: str = "RINGFENCE_ANALYST") -> AnalystChoice:
    """`setting` is where the models were written."""
    return AnalystChoice(
        models=models,
        setting=setting,
        anthropic_api_key=_shown(settings.anthropic_api_key),
        anthropic_base_url=settings.anthropic_base_url,
        openai_api_key=_shown(settings.openai_api_key),
        openai_base_url=settings.openai_base_url,
        local_base_url=settings.local_model_base_url,
        deadline_s=settings.analyst_deadline_s,
    )


def _shown(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret is not None else None


def _keep_running(stack: AsyncExitStack, work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(work)

    async def stop() -> None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    stack.push_async_callback(stop)


async def _retention(
    settings: Settings, clock: SystemClock, database: Database, calls: CallStore, audio: AudioStore
) -> None:
    """Erase what is past its term, once an hour."""
    terms = Terms(
        audio=timedelta(days=settings.audio_retention_days),
        calls=timedelta(days=settings.call_retention_days),
    )
    while True:
        try:
            swept = await sweep(
                clock.now(),
                terms,
                calls=calls.erase_before,
                audio=audio.erase_before,
                claims=calls.erase_claims_before,
            )
            if swept.calls or swept.audio_chunks:
                await database.forget_erased()
        except Exception:  # The next hour tries again; the server goes on.
            log.exception("what is past its term could not be erased")
        await asyncio.sleep(SWEEP_EVERY_S)
