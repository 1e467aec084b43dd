"""What the settings say about speech, as one value that every engine's `create` and `report` receive."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ringfence.model.calls import Party


@dataclass(frozen=True, slots=True)
class ScriptedLine:
    """Words that are known beforehand, with their place in the party's audio."""

    party: Party
    start_ms: int
    end_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class SpeechChoice:
    """Plain values, so that this room need not know where settings come from."""

    engines: str = "auto"
    """`auto`, or names in order of preference, comma-separated."""
    home: Path = Path("ringfence-data")
    """Downloaded models lie in its folder `models`."""
    language: str = "en"
    """Language of the line; `auto` prefers an engine that understands it."""
    workers: int = 0
    """Processes for each local engine; 0 is one a core."""
    openai_api_key: str | None = None
    openai_base_url: str = "https://api.openai.com/v1"
    openai_model: str = "gpt-live-transcribe"
    whisper_model: str = "whisper-small"
    """A name in the catalogue of models, or a folder."""
    sherpa_model: str = "auto"
    """A name in the catalogue, a folder, or `auto`: by language."""
    scripts: Mapping[str, Sequence[ScriptedLine]] = field(default_factory=dict)
    """Caller's number -> what is said on that call, for the scripted engine; empty leaves it out."""


@dataclass(frozen=True, slots=True)
class EngineReport:
    """Whether an engine can be used as things stand, for people."""

    name: str
    usable: bool
    why: str
    """One clause: what makes it usable, or what is missing."""
    remedy: str = ""
    """What to install or download, with its size; empty when nothing is missing."""
    quality: str = ""
    """What can be expected of it."""
    languages: tuple[str, ...] = ()
    """Primary language tags; empty is many, or any."""


def primary_language(tag: str) -> str:
    """`es` of `es-CL` (BCP-47)."""
    return tag.replace("_", "-").split("-", 1)[0].lower()
