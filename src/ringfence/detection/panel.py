"""Opens the analyst that the settings ask for, with those that stand in when it fails."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ringfence.contracts import Brief
from ringfence.model.assessment import AnalystReport
from ringfence.model.errors import ConfigurationError, ProviderError

AUTO_ANTHROPIC = "claude-haiku-5-5"
AUTO_OPENAI = "gpt-6-luna"
"""What `auto` takes: each vendor's fast, cheap class; names as known to pydantic-ai 2.68."""
STAND_IN_SHARE = 0.55
"""Share of the time left that an analyst may use while another one stands behind it."""
FORMS = "anthropic:MODEL, openai:MODEL or ollama:MODEL, several of them separated by commas, or none"


@dataclass(frozen=True, slots=True)
class AnalystChoice:
    """What the settings say about analysts."""

    models: str
    """`auto`, `none`, or one or several `vendor:model`, comma-separated."""
    anthropic_api_key: str | None = None
    anthropic_base_url: str = "https://api.anthropic.com"
    openai_api_key: str | None = None
    openai_base_url: str = "https://api.openai.com/v1"
    local_base_url: str = "http://127.0.0.1:11434/v1"
    deadline_s: float = 8.0
    setting: str = "RINGFENCE_ANALYST"
    """Where `models` was written, for what is said about it."""


class _Closable(Protocol):
    name: str

    async def analyse(self, brief: Brief) -> AnalystReport: ...

    async def aclose(self) -> None: ...


class Panel:
    """Analysts in order of preference: the next one is asked when one fails or is slow."""

    def __init__(self, analysts: Sequence[_Closable], deadline_s: float) -> None:
        self.name = ",".join(analyst.name for analyst in analysts)
        self._analysts = tuple(analysts)
        self._deadline_s = deadline_s

    async def analyse(self, brief: Brief) -> AnalystReport:
        """Raises ProviderError when the last one failed too."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._deadline_s
        faults = []
        for place, analyst in enumerate(self._analysts):
            left = end - loop.time()
            is_last = place == len(self._analysts) - 1
            try:
                async with asyncio.timeout(left if is_last else left * STAND_IN_SHARE):
                    return await analyst.analyse(brief)
            except TimeoutError:
                faults.append(f"{analyst.name} was too slow")
            except ProviderError as error:
                faults.append(str(error))
        raise ProviderError("; ".join(faults), retryable=True)

    async def aclose(self) -> None:
        for analyst in self._analysts:
            await analyst.aclose()


def open_analyst(choice: AnalystChoice) -> Panel | None:
    """The analyst, or None when none is wanted or, with `auto`, none is configured.

    Raises ConfigurationError that names the setting and the remedy. SDKs are imported only when needed."""
    names = [name.strip() for name in choice.models.split(",") if name.strip()]
    if names == ["auto"]:
        names = _available(choice)
    if not names or names == ["none"]:
        return None
    return Panel([_open(name, choice) for name in names], choice.deadline_s)


def _available(choice: AnalystChoice) -> list[str]:
    names = []
    if choice.anthropic_api_key:
        names.append(f"anthropic:{AUTO_ANTHROPIC}")
    if choice.openai_api_key:
        names.append(f"openai:{AUTO_OPENAI}")
    return names


def _open(name: str, choice: AnalystChoice) -> _Closable:
    vendor, _, model = name.partition(":")
    if not model or vendor not in ("anthropic", "openai", "openai-chat", "openai-responses", "ollama"):
        raise ConfigurationError(f"{choice.setting}: '{name}' names no analyst; write {FORMS}")
    from ringfence.detection.analysts import pydantic_ai as analysts

    if vendor == "anthropic":
        key = _key(choice.anthropic_api_key, "ANTHROPIC_API_KEY", name, choice.setting)
        return analysts.open_anthropic(
            model, analysts.Access(choice.anthropic_base_url, key, choice.deadline_s)
        )
    if vendor == "ollama":
        return analysts.open_local(model, analysts.Access(choice.local_base_url, "none", choice.deadline_s))
    key = _key(choice.openai_api_key, "OPENAI_API_KEY", name, choice.setting)
    access = analysts.Access(choice.openai_base_url, key, choice.deadline_s)
    return analysts.open_openai(model, access, form=vendor.removeprefix("openai").removeprefix("-"))


def _key(key: str | None, key_setting: str, name: str, asked_by: str) -> str:
    if not key:
        raise ConfigurationError(
            f"{key_setting} is not set, but {asked_by} asks for '{name}': set the key, or {asked_by}=none"
        )
    return key
