"""A check of every setting and connection, with a remedy for each fault. It changes nothing.

Nothing leaves this machine but the opening of a connection to what the settings name: no key, no word.
"""

import asyncio
import errno
import os
import re
import shutil
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from ringfence.access.service import AccessService
from ringfence.app import analyst_choice, speech_choice
from ringfence.audio import resample
from ringfence.clock import SystemClock
from ringfence.contracts import Database
from ringfence.db.address import FILE_NAME as DATABASE_FILE
from ringfence.db.engine import open_database
from ringfence.db.migrate import scripts
from ringfence.detection.detector import load_detector
from ringfence.detection.panel import open_analyst
from ringfence.model.errors import ConfigurationError
from ringfence.privacy.audit import AuditLog
from ringfence.privacy.secrets import FILE_NAME as SECRETS_FILE
from ringfence.privacy.secrets import load_secrets
from ringfence.settings import Settings
from ringfence.speech.choice import SCRIPTED, chosen_names, survey
from ringfence.speech.options import primary_language
from ringfence.telephony.carriers.twilio import frames
from ringfence.web import console_files
from ringfence.web.guesses import networks

ROOM_BYTES = 1_000_000_000
CONNECT_WITHIN_S = 3.0
EVERY_CHECK_WITHIN_S = 20.0


class State(StrEnum):
    GOOD = "good"
    NOTE = "note"
    """It works; somebody may want it otherwise."""
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    subject: str
    state: State
    found: str
    remedy: str = ""
    """What to do; always there for a fault."""


def good(subject: str, found: str) -> Finding:
    return Finding(subject, State.GOOD, found)


def note(subject: str, found: str, remedy: str = "") -> Finding:
    return Finding(subject, State.NOTE, found, remedy)


def fault(subject: str, found: str, remedy: str) -> Finding:
    return Finding(subject, State.FAULT, found, remedy)


def misconfigured(error: ConfigurationError) -> Finding:
    """Such an error reads `SETTING: what is wrong; the remedy`, or says the remedy at once."""
    subject, colon, told = str(error).partition(": ")
    if not colon:
        subject, told = "settings", str(error)
    what, _, remedy = told.partition("; ")
    return fault(subject, what, remedy) if remedy else fault(subject, "it cannot be used as it is", what)


Check = Callable[[Settings], Awaitable[list[Finding]]]


async def examine(settings: Settings) -> list[Finding]:
    """Every check, in the order in which things need each other. A check that breaks is itself a fault."""
    findings: list[Finding] = []
    for check in CHECKS:
        subject = check.__name__.replace("_", " ")
        try:
            async with asyncio.timeout(EVERY_CHECK_WITHIN_S):
                findings += await check(settings)
        except ConfigurationError as error:
            findings.append(misconfigured(error))
        except Exception as error:
            findings.append(
                fault(
                    subject, f"could not be checked ({type(error).__name__}: {error})", "report this as a bug"
                )
            )
    return findings


async def home_folder(settings: Settings) -> list[Finding]:
    home = settings.home.absolute()
    nearest = next(folder for folder in (home, *home.parents) if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        return [
            fault(
                "RINGFENCE_HOME",
                f"{nearest} is not a folder that this user can write to",
                "set RINGFENCE_HOME to one that is, or give it to this user with chown",
            )
        ]
    free = shutil.disk_usage(nearest).free
    if free < ROOM_BYTES:
        return [
            note("RINGFENCE_HOME", f"{home}: only {free / 1e6:.0f} MB are free", "make room on that disk")
        ]
    made = "" if home.exists() else " (made at the first start)"
    return [good("RINGFENCE_HOME", f"{home}{made}, {free / 1e9:.1f} GB free")]


async def secrets(settings: Settings) -> list[Finding]:
    path = settings.home / SECRETS_FILE
    if not path.exists():
        return [good("secrets", "none yet; made at the first start")]
    open_to = path.stat().st_mode & 0o077
    if open_to:
        return [fault("secrets", f"other users of this machine can read {path}", f"chmod 600 {path}")]
    load_secrets(settings.home)
    return [good("secrets", f"{path}, for this user only")]


async def database(settings: Settings) -> list[Finding]:
    url = settings.database_url.get_secret_value() if settings.database_url else None
    file = settings.home / DATABASE_FILE
    if url is None and not file.exists():
        return [
            good("database", f"SQLite, {file.absolute()} (made at the first start)"),
            note("keys", "nobody can come in yet", "`ringfence link` prints a link for a browser"),
        ]
    async with open_database(url, settings.home, migrate=False) as opened:
        async with opened.reading() as connection:
            missing = await connection.run_sync(_missing_migrations)
        kind = "PostgreSQL" if opened.dialect == "postgresql" else f"SQLite, {file.absolute()}"
        if missing:
            return [
                note("database", f"{kind}; its schema is older than this program", "run `ringfence migrate`")
            ]
        return [good("database", f"{kind}; it answers, the schema is current"), *await _inside(opened)]


async def _inside(opened: Database) -> list[Finding]:
    clock = SystemClock()
    keys = [key for key in await AccessService(opened, clock).list_keys() if key.revoked_at is None]
    who = (
        good("keys", f"{len(keys)} in use")
        if keys
        else note(
            "keys",
            "there are none",
            "`ringfence keys create --name NAME --role ROLE` for a program, `ringfence link` for a browser",
        )
    )
    latest = await AuditLog(opened).latest(1)
    if latest and latest[0].at > clock.now():
        return [
            who,
            fault(
                "clock",
                f"it says {clock.now():%Y-%m-%d %H:%M} UTC, but the audit log was written to later than that",
                "set the clock, and keep it right with a time service such as systemd-timesyncd",
            ),
        ]
    return [who, good("clock", f"{clock.now():%Y-%m-%d %H:%M} UTC")]


def _missing_migrations(connection: Connection) -> bool:
    current = MigrationContext.configure(connection).get_current_revision()
    return current != ScriptDirectory.from_config(scripts()).get_current_head()


async def public_address(settings: Settings) -> list[Finding]:
    subject = "BASE_URL"
    parts = urlsplit(settings.public_url)
    if settings.base_url is None:
        return [
            note(
                subject,
                f"not set: {settings.public_url} is known on this machine only",
                "for calls from a carrier, set it to the public https address of this server",
            )
        ]
    if _is_local(parts.hostname or ""):
        return [
            note(
                subject,
                f"{settings.base_url} is no public address",
                "no carrier can call it; fine for trials",
            )
        ]
    if parts.scheme != "https":
        return [
            fault(
                subject,
                f"{settings.base_url} is not https: carriers send audio to wss addresses only",
                "put a proxy that speaks TLS before this server, and write its https address here",
            )
        ]
    return [good(subject, settings.base_url)]


def _is_local(host: str) -> bool:
    try:
        return not ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith((".local", ".localhost", ".internal")) or "." not in host


async def carrier(settings: Settings) -> list[Finding]:
    subject = "TWILIO_AUTH_TOKEN"
    if settings.twilio_auth_token is None:
        return [
            note(
                subject,
                "not set: every request of the carrier is refused",
                "copy it from the carrier's console; `ringfence demo` needs none",
            )
        ]
    findings = [
        fault(name, "it is not 32 hexadecimal digits", "copy it again from the carrier's console")
        for name, token in (
            (subject, settings.twilio_auth_token),
            ("TWILIO_AUTH_TOKEN_SECONDARY", settings.twilio_auth_token_secondary),
        )
        if token is not None and not re.fullmatch(r"[0-9a-f]{32}", token.get_secret_value())
    ]
    sid = settings.twilio_account_sid
    if sid and not re.fullmatch(r"AC[0-9a-fA-F]{32}", sid):
        findings.append(
            fault("TWILIO_ACCOUNT_SID", "it is not AC and 32 hexadecimal digits", "copy it again")
        )
    return findings or [good(subject, "set; the carrier's requests can be verified")]


async def speech(settings: Settings) -> list[Finding]:
    choice = speech_choice(settings)
    reports = [report for report in await asyncio.to_thread(survey, choice) if report.name != SCRIPTED]
    wanted = [name.strip() for name in settings.speech_engine.split(",")]
    findings = []
    for report in reports:
        subject, found = f"speech: {report.name}", f"{report.why}; {report.quality}".strip("; ")
        if report.usable:
            findings.append(good(subject, found))
        elif report.name in wanted:
            findings.append(fault(subject, found, report.remedy or "choose another engine"))
        else:
            findings.append(note(subject, found, report.remedy))
    language = primary_language(settings.language)
    able = [
        report.name
        for report in reports
        if report.usable and (not report.languages or language in report.languages)
    ]
    chosen = [name for name in chosen_names(choice) if name in able]
    if not chosen:
        findings.append(
            fault(
                "RINGFENCE_LANGUAGE",
                f"no chosen engine that can be used understands '{settings.language}'",
                "follow a remedy above, or set OPENAI_API_KEY",
            )
        )
    return findings


async def native_modules(settings: Settings) -> list[Finding]:
    if resample.IS_NATIVE and frames.IS_NATIVE:
        return [good("modules in C", "used for media messages")]
    return [
        note(
            "modules in C",
            "not built: a media message costs about twice as much",
            "install a C compiler and Python's headers (on Debian: build-essential and python3-dev), "
            "then install Ringfence again from its source",
        )
    ]


async def detector(settings: Settings) -> list[Finding]:
    return [good("detector", load_detector().version)]


async def analyst(settings: Settings) -> list[Finding]:
    asked = open_analyst(analyst_choice(settings, settings.analyst))
    if asked is not None:
        when = "during" if settings.final_analyst else "during and after"
        return [good("RINGFENCE_ANALYST", f"{asked.name} is asked {when} a call")]
    return [
        note(
            "RINGFENCE_ANALYST",
            "no model is asked: the local detector judges alone",
            "set ANTHROPIC_API_KEY or OPENAI_API_KEY, or name a model of your own machine, "
            "such as RINGFENCE_ANALYST=ollama:qwen3",
        )
    ]


async def final_analyst(settings: Settings) -> list[Finding]:
    setting = "RINGFENCE_FINAL_ANALYST"
    if not settings.final_analyst:
        return []
    asked = open_analyst(analyst_choice(settings, settings.final_analyst, setting=setting))
    return [
        good(setting, f"{asked.name} is asked after a call" if asked else "no model is asked after a call")
    ]


async def connections(settings: Settings) -> list[Finding]:
    """Opens a connection to every address that the settings use, and closes it again. No key is sent."""
    used = {}
    if settings.openai_api_key:
        used["OPENAI_BASE_URL"] = settings.openai_base_url
    if settings.anthropic_api_key:
        used["ANTHROPIC_BASE_URL"] = settings.anthropic_base_url
    if "ollama:" in f"{settings.analyst},{settings.final_analyst or ''}":
        used["OLLAMA_BASE_URL"] = settings.local_model_base_url
    findings = await asyncio.gather(*(_reach(setting, address) for setting, address in used.items()))
    if settings.redis_url is not None:
        findings.append(note("RINGFENCE_REDIS_URL", "set, but this version runs as one process without it"))
    return findings


async def _reach(setting: str, address: str) -> Finding:
    parts = urlsplit(address)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        async with asyncio.timeout(CONNECT_WITHIN_S):
            _, writer = await asyncio.open_connection(
                parts.hostname, port, ssl=True if parts.scheme == "https" else None
            )
            writer.close()
    except (OSError, TimeoutError) as error:
        reason = str(error) or f"no answer within {CONNECT_WITHIN_S:g} s"
        return fault(
            setting,
            f"{parts.hostname}:{port} cannot be reached ({reason})",
            "check the network and this address",
        )
    return good(setting, f"{parts.hostname}:{port} can be reached")


async def listening(settings: Settings) -> list[Finding]:
    networks(settings.trusted_proxies)
    ports = {"PORT": settings.port, "RINGFENCE_MEDIA_PORT": settings.media_port}
    return [await _port(name, settings.host, port) for name, port in ports.items() if port]


async def _port(setting: str, host: str, port: int) -> Finding:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE and await _is_ringfence(host, port):
                return good(setting, f"{host}:{port}, where a Ringfence server answers")
            return fault(
                setting,
                f"cannot listen on {host}:{port} ({error.strerror})",
                "stop what uses it, or choose another port or HOST",
            )
    return good(setting, f"{host}:{port} is free")


async def _is_ringfence(host: str, port: int) -> bool:
    try:
        async with httpx.AsyncClient(timeout=CONNECT_WITHIN_S, trust_env=False) as client:
            answer = await client.get(f"http://{f'[{host}]' if ':' in host else host}:{port}/healthz")
            return set(answer.json()) == {"status", "version"}
    except (httpx.HTTPError, ValueError, TypeError):
        return False


async def console(settings: Settings) -> list[Finding]:
    if not (console_files.FOLDER / "index.html").is_file():
        return [fault("console", "it was not built", "run `make console` in the checkout")]
    return [good("console", "built")]


CHECKS: Sequence[Check] = (
    home_folder,
    secrets,
    database,
    public_address,
    carrier,
    speech,
    native_modules,
    detector,
    analyst,
    final_analyst,
    connections,
    listening,
    console,
)
