"""Calls of our own making: who says what, in which language, from which number, and the audio of it.

A script is a TOML file. Beside it lie what `make samples` made of it: `NAME.wav`, one channel of telephone
audio, and `NAME.timing.json`, when each turn starts and ends. The bundled ones are in `samples/`.
"""

import json
import tomllib
from dataclasses import dataclass, field, replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Literal

from ringfence.model.calls import Party
from ringfence.testing.wav import read_wav

SILENCE = b"\xff"  # zero in G.711 mu-law
BYTES_PER_MS = 8
_PARTIES = {"caller": Party.REMOTE, "called": Party.SUBSCRIBER}


@dataclass(frozen=True, slots=True)
class Turn:
    party: Party
    text: str
    pause_ms: int
    """Silence before it."""
    start_ms: int = 0
    end_ms: int = 0
    """Where it lies in the audio; both zero while there is none."""


@dataclass(frozen=True, slots=True)
class CallScript:
    name: str
    title: str
    about: str
    language: str
    label: Literal["scam", "benign"]
    """What a person would say of this call."""
    from_number: str
    to_number: str
    turns: tuple[Turn, ...]
    voices: dict[Party, dict[str, Any]] = field(default_factory=dict)
    """How each party's speech is made; see `scripts/make_samples.py`."""
    mulaw: bytes = b""
    """Everybody's words in one channel; empty while the audio has not been made."""

    @property
    def is_scam(self) -> bool:
        return self.label == "scam"

    @property
    def duration_ms(self) -> int:
        return len(self.mulaw) // BYTES_PER_MS

    def track(self, party: Party) -> bytes:
        """What comes from one end of the line: its own turns, and silence while the other speaks."""
        own = bytearray(SILENCE * len(self.mulaw))
        for turn in self.turns:
            if turn.party is party:
                piece = slice(turn.start_ms * BYTES_PER_MS, turn.end_ms * BYTES_PER_MS)
                own[piece] = self.mulaw[piece]
        return bytes(own)

    def words(self, party: Party | None = None) -> str:
        """All that is said, or all that one party says."""
        return " ".join(turn.text for turn in self.turns if party in (None, turn.party))


def sample_names() -> tuple[str, ...]:
    """The bundled calls, by the names that `load_script` and `ringfence call` know."""
    folder = files("ringfence.testing") / "samples"
    return tuple(sorted(item.name[:-5] for item in folder.iterdir() if item.name.endswith(".toml")))


def load_script(name: str) -> CallScript:
    """A bundled call. Raises KeyError for a name that `sample_names` does not give."""
    if name not in sample_names():
        raise KeyError(name)
    with as_file(files("ringfence.testing") / "samples") as folder:
        return read_script(folder / f"{name}.toml")


def read_script(path: Path) -> CallScript:
    """A script file and, where it lies beside it, its audio. Raises ValueError that names the fault."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        turns = [_turn(item) for item in content["turns"]]
        label = content["label"]
        if label not in ("scam", "benign"):
            raise ValueError(f"label '{label}'; write scam or benign")
        script = CallScript(
            name=path.stem,
            title=content["title"],
            about=content.get("about", ""),
            language=content["language"],
            label=label,
            from_number=content["from"],
            to_number=content["to"],
            turns=tuple(turns),
            voices={_PARTIES[who]: voice for who, voice in content.get("voices", {}).items()},
        )
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name}: not a script: {error}") from None
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path.name}: not a script of a call: {error} is missing or wrong") from None
    return _with_audio(script, path)


def _turn(item: dict[str, Any]) -> Turn:
    return Turn(_PARTIES[item["party"]], item["text"], int(item.get("pause_ms", 500)))


def _with_audio(script: CallScript, path: Path) -> CallScript:
    audio, timing = path.with_suffix(".wav"), path.with_suffix(".timing.json")
    if not (audio.exists() and timing.exists()):
        return script
    spans = json.loads(timing.read_text(encoding="utf-8"))
    if len(spans) != len(script.turns):
        raise ValueError(f"{path.name}: its audio is of an older script; run `make samples`")
    turns = tuple(
        replace(turn, start_ms=int(start), end_ms=int(end))
        for turn, (start, end) in zip(script.turns, spans, strict=True)
    )
    return replace(script, turns=turns, mulaw=read_wav(audio).channels[0])
