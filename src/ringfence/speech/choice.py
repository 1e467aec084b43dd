"""Which engines the settings ask for, and which could be used."""

import logging
from typing import Any

from ringfence import providers
from ringfence.contracts import CallReviewer, SpeechEngine
from ringfence.model.errors import ConfigurationError
from ringfence.speech.fallback import FallbackEngine
from ringfence.speech.options import EngineReport, SpeechChoice

log = logging.getLogger(__name__)

KIND = "speech_engine"
PREFERENCE = ("openai-realtime", "sherpa", "whisper", "pocketsphinx")
"""Best first; `auto` takes all of them that can be used, each one backing up those before it."""
SCRIPTED = "scripted"
CARRIER = "carrier"


def open_engine(choice: SpeechChoice) -> FallbackEngine:
    """The engines of `choice`, best first. Await its `warm()` before the first call, `aclose()` at the end.

    Raises ConfigurationError for an engine that was named and cannot be used. Scripts, where there are any, come
    last: they serve the calls that no real engine understands."""
    names = chosen_names(choice)
    engines: list[SpeechEngine] = []
    for name in names:
        engine: SpeechEngine = _module(name).create(choice)
        engines.append(engine)
    if choice.scripts and SCRIPTED not in names:
        engines.append(_module(SCRIPTED).create(choice))
    log.info("speech engines chosen", extra={"engines": [engine.name for engine in engines]})
    return FallbackEngine(engines)


def chosen_names(choice: SpeechChoice) -> tuple[str, ...]:
    """Names in order of preference, `auto` resolved. Raises ConfigurationError."""
    names: list[str] = []
    for word in choice.engines.split(","):
        name = word.strip()
        if name == "auto":
            names += [one for one in PREFERENCE if _report(one, choice).usable]
        elif name:
            names.append(name)
    if not names:
        raise ConfigurationError(
            "RINGFENCE_SPEECH_ENGINE: no engine can be used; `ringfence doctor` says what to install"
        )
    return tuple(dict.fromkeys(names))


def survey(choice: SpeechChoice) -> list[EngineReport]:
    """Every engine there is, best first, with what it lacks. Loads no model and opens no connection."""
    known = providers.names(KIND)
    ordered = [
        *(name for name in PREFERENCE if name in known),
        *(name for name in known if name not in PREFERENCE),
    ]
    return [_report(name, choice) for name in ordered]


def open_reviewer(choice: SpeechChoice, wanted: str = "auto") -> CallReviewer | None:
    """The engine that hears a kept recording again: `auto` takes whisper where its model is here, `none` nobody.

    Raises ConfigurationError for an engine that was named and cannot be used. Close it with `aclose()`."""
    if wanted == "none" or (wanted == "auto" and not _report("whisper", choice).usable):
        return None
    engine = _module("whisper" if wanted == "auto" else wanted, "RINGFENCE_REVIEW_ENGINE").create(choice)
    if not hasattr(engine, "review"):
        raise ConfigurationError(f"RINGFENCE_REVIEW_ENGINE: {wanted} cannot review recordings; use whisper")
    reviewer: CallReviewer = engine
    return reviewer


def _report(name: str, choice: SpeechChoice) -> EngineReport:
    report = getattr(_module(name), "report", None)
    if report is None:
        return EngineReport(name, True, "from another package, which does not say")
    state: EngineReport = report(choice)
    return state


def _module(name: str, setting: str = "RINGFENCE_SPEECH_ENGINE") -> Any:
    if name == CARRIER:
        raise ConfigurationError(
            f"{setting}: the carrier's own transcription is not in this version; leave it at auto, or name an engine"
        )
    try:
        return providers.load(KIND, name)
    except ConfigurationError as error:
        raise ConfigurationError(f"{setting}: {error}") from None
