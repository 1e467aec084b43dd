"""Files with what was said, to calls: plain text, JSON lines, one JSON document, and vCon.

What cannot be read becomes a `Fault` that says where and what to do; the rest of the file is read all the same.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ringfence.model.calls import Party

ROLES = {
    "caller": Party.REMOTE,
    "remote": Party.REMOTE,
    "user": Party.REMOTE,
    "unknown": Party.REMOTE,
    "callee": Party.SUBSCRIBER,
    "protected": Party.SUBSCRIBER,
    "subscriber": Party.SUBSCRIBER,
}
"""Who spoke, as files write it -> the party. Where nobody knows, everything counts as the caller's."""
TURN_FORM = '{"role": "caller" or "callee" or "unknown", "text": "…"}'
LARGEST_TURN = 20_000
"""Characters of one turn that are read; nobody speaks so long without a pause."""


@dataclass(frozen=True, slots=True)
class Turn:
    party: Party
    text: str
    start_ms: int = -1
    """Offset in the recording; -1 where nothing is known of time."""
    end_ms: int = -1


@dataclass(frozen=True, slots=True)
class OfflineCall:
    """A call to be judged."""

    id: str
    language: str
    """BCP-47; empty when the file does not say."""
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """A part of a file that cannot be judged."""

    place: str
    """File, and line where there is one."""
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}; {self.remedy}"


class _Unreadable(ValueError):
    """Carries a problem and its remedy."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


Item = OfflineCall | Fault


def read_transcript(name: str, content: str) -> Iterator[tuple[Item, int]]:
    """Calls and faults in order, each with the number of lines it took. The form is found by looking."""
    content = content.removeprefix("\ufeff")
    start = content.lstrip()[:1]
    if not start:
        yield Fault(name, "the file is empty", "give a transcript with at least one turn"), 1
    elif start not in "{[":
        yield _text_call(name, content), content.count("\n") + 1
    else:
        yield from _json_calls(name, content)


def _text_call(name: str, content: str) -> Item:
    turns = []
    for line in content.splitlines():
        role, colon, words = line.partition(":")
        party = ROLES.get(role.strip().lower()) if colon else None
        text = (words if party is not None else line).strip()
        if text:
            turns.append(Turn(party or Party.REMOTE, text[:LARGEST_TURN]))
    if not turns:
        return Fault(name, "nothing is said in it", "write one turn a line, such as 'caller: Hello?'")
    return OfflineCall(name, "", tuple(turns))


def _json_calls(name: str, content: str) -> Iterator[tuple[Item, int]]:
    """One document over the whole file, or one a line."""
    lines = content.splitlines()
    whole = _whole_document(lines, content)
    if whole is not None:
        records = whole if isinstance(whole, list) else [whole]
        for number, record in enumerate(records, start=1):
            place = name if len(records) == 1 else f"{name}: call {number}"
            yield _call(place, _stem(name, number, len(records)), record), 1
        return
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        place = f"{name}:{number}"
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            yield Fault(place, "this line is no JSON", "write one JSON object a line"), 1
            continue
        yield _call(place, f"{name}:{number}", record), 1


def _whole_document(lines: Sequence[str], content: str) -> Any:
    """The document, or None when the file holds one a line."""
    first = next(line for line in lines if line.strip())
    try:
        json.loads(first)
        if sum(1 for line in lines if line.strip()) > 1:
            return None
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _stem(name: str, number: int, count: int) -> str:
    return name if count == 1 else f"{name}:{number}"


def _call(place: str, fallback_id: str, record: Any) -> Item:
    try:
        if not isinstance(record, dict):
            raise _Unreadable("this is no call", 'write an object such as {"id": "1", "turns": […]}')
        if "vcon" in record or ("dialog" in record and "parties" in record):
            return _vcon(fallback_id, record)
        return _plain_call(fallback_id, record)
    except _Unreadable as error:
        return Fault(place, error.problem, error.remedy)


def _plain_call(fallback_id: str, record: Mapping[str, Any]) -> OfflineCall:
    turns = record.get("turns")
    if not isinstance(turns, list):
        raise _Unreadable("it has no list 'turns'", f'add "turns": [{TURN_FORM}, …]')
    language = record.get("language")
    return OfflineCall(
        id=str(record.get("id") or fallback_id),
        language=language if isinstance(language, str) else "",
        turns=tuple(_turn(number, turn) for number, turn in enumerate(turns)),
    )


def _turn(number: int, turn: Any) -> Turn:
    if not isinstance(turn, dict) or not isinstance(turn.get("text"), str):
        raise _Unreadable(f"turn {number} has no text", f"write every turn as {TURN_FORM}")
    role = turn.get("role", "unknown")
    party = ROLES.get(role.lower()) if isinstance(role, str) else None
    if party is None:
        raise _Unreadable(f"turn {number} has the role {role!r}", f"write every turn as {TURN_FORM}")
    return Turn(party, turn["text"][:LARGEST_TURN])


# --- vCon: draft-ietf-vcon-vcon-core; transcripts as text dialogs or as analyses -------------------


def _vcon(fallback_id: str, record: Mapping[str, Any]) -> OfflineCall:
    dialogs = [dialog for dialog in record.get("dialog") or () if isinstance(dialog, dict)]
    caller = next(
        (dialog["originator"] for dialog in dialogs if isinstance(dialog.get("originator"), int)), 0
    )
    turns = [turn for dialog in dialogs for turn in _text_dialog(dialog, caller)]
    language = ""
    for analysis in record.get("analysis") or ():
        if isinstance(analysis, dict) and str(analysis.get("type", "")).startswith("transcript"):
            turns.extend(_transcript_analysis(analysis, caller))
            body = _body(analysis)
            if isinstance(body, dict) and isinstance(body.get("language"), str):
                language = body["language"]
    if not turns:
        raise _Unreadable(
            "this vCon holds no transcript",
            "add a dialog of type 'text' or an analysis of type 'transcript', or give its recording as a WAV file",
        )
    return OfflineCall(str(record.get("uuid") or fallback_id), language, tuple(turns))


def _text_dialog(dialog: Mapping[str, Any], caller: int) -> list[Turn]:
    if dialog.get("type") != "text" or not isinstance(dialog.get("body"), str):
        return []
    parties = dialog.get("parties", dialog.get("originator", caller))
    speaker = parties[0] if isinstance(parties, list) and parties else parties
    text = dialog["body"].strip()
    return [Turn(_vcon_party(speaker, caller), text[:LARGEST_TURN])] if text else []


def _transcript_analysis(analysis: Mapping[str, Any], caller: int) -> list[Turn]:
    body = _body(analysis)
    if isinstance(body, dict):
        body = next(
            (
                body[key]
                for key in ("transcript", "segments", "utterances", "turns", "text")
                if isinstance(body.get(key), list | str)
            ),
            [],
        )
    if isinstance(body, str):
        call = _text_call("", body)
        return list(call.turns) if isinstance(call, OfflineCall) else []
    turns = []
    for entry in body if isinstance(body, list) else ():
        if not isinstance(entry, dict):
            continue
        text = next(
            (
                entry[key]
                for key in ("text", "message", "transcript", "body")
                if isinstance(entry.get(key), str)
            ),
            "",
        )
        speaker = next(
            (entry[key] for key in ("party", "speaker", "role", "channel") if key in entry), caller
        )
        if text.strip():
            turns.append(Turn(_vcon_party(speaker, caller), text.strip()[:LARGEST_TURN]))
    return turns


def _body(analysis: Mapping[str, Any]) -> Any:
    body = analysis.get("body")
    if isinstance(body, str) and analysis.get("encoding") == "json":
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            return ""
    return body


def _vcon_party(speaker: Any, caller: int) -> Party:
    if isinstance(speaker, str) and speaker.lower() in ROLES:
        return ROLES[speaker.lower()]
    if isinstance(speaker, str) and speaker.strip().isdigit():
        speaker = int(speaker)
    return Party.REMOTE if speaker == caller or not isinstance(speaker, int) else Party.SUBSCRIBER
