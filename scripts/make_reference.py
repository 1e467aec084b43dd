"""Write the reference pages that are made from the code: settings, commands, endpoints.

make_reference.py            writes the pages under docs/reference
make_reference.py --check    writes nothing; exit status 1 when a page is not what the code says
"""

import inspect
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, SecretStr
from pydantic.fields import FieldInfo
from typer.main import get_command

from ringfence.cli import build
from ringfence.settings import Settings
from ringfence.web.docs_page import SOCKETS
from ringfence.web.openapi import document

DOCS = Path(__file__).parent.parent / "docs" / "reference"
MADE_BY = "<!-- Made from the code by `make docs`; change it there. -->\n"

GROUP = re.compile(r"    # --- (.+)")
BAR = r"\|"
FIELD = re.compile(r"    (\w+): .+ = Field\(")


def settings_page() -> str:
    lines = [
        "# Settings\n",
        MADE_BY,
        "Read from the environment, then from `.env`, then from `ringfence.toml`, all in the working directory; the",
        'first that has a name wins. In `ringfence.toml` the names are the same: `RINGFENCE_LANGUAGE = "es"`. A name',
        "that nobody knows, or a value that cannot be, stops the start with one line that says what to do. An empty",
        "value counts as absent. `on` and `off` are written so.\n",
    ]
    for group, names in setting_groups().items():
        lines += [
            f"## {group[0].upper()}{group[1:]}\n",
            *table(("Setting", "Default", "Meaning"), map(setting_row, names)),
            "",
        ]
    return "\n".join(lines)


def setting_groups() -> dict[str, list[str]]:
    """Attributes of `Settings` under the headings that stand in its source."""
    groups: dict[str, list[str]] = {}
    heading = ""
    for line in inspect.getsource(Settings).splitlines():
        if match := GROUP.match(line):
            heading = match[1]
        elif (match := FIELD.match(line)) and match[1] in Settings.model_fields:
            groups.setdefault(heading, []).append(match[1])
    return groups


def setting_row(attribute: str) -> tuple[str, str, str]:
    field = Settings.model_fields[attribute]
    names = [str(choice) for choice in alias_of(field).choices]
    also = f"<br>also {', '.join(f'`{name}`' for name in names[1:])}" if names[1:] else ""
    return f"`{names[0]}`{also}", default_of(field), field.description or ""


def alias_of(field: FieldInfo) -> AliasChoices:
    assert isinstance(field.validation_alias, AliasChoices)
    return field.validation_alias


def default_of(field: FieldInfo) -> str:
    value = field.default
    if isinstance(value, bool):
        return "`on`" if value else "`off`"
    if value is None or value in ("", ()) or isinstance(value, SecretStr):
        return ""
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def commands_page() -> str:
    program = get_command(build())
    lines = [
        "# Commands\n",
        MADE_BY,
        "`ringfence COMMAND --help` says the same in the terminal. A fault of yours, such as a wrong setting, ends in one",
        "line with its remedy and exit status 2.\n",
    ]
    for path, command in walk(program, ("ringfence",)):
        lines += [f"## {' '.join(path)}\n", *command_section(path, command)]
    return "\n".join(lines)


def walk(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that does something, groups opened."""
    children = getattr(command, "commands", None)
    if children is None:
        yield path, command
        return
    for name in sorted(children):
        if not children[name].hidden:
            yield from walk(children[name], (*path, name))


def command_section(path: Sequence[str], command: Any) -> Iterator[str]:
    context = command.make_context(" ".join(path), [], resilient_parsing=True)
    shown = [parameter for parameter in command.params if not parameter.hidden]
    arguments = [piece for parameter in shown for piece in parameter.get_usage_pieces(context)]
    has_options = any(parameter.param_type_name == "option" for parameter in shown)
    yield f"`{' '.join([*path, *arguments, *(['[OPTIONS]'] if has_options else [])])}`\n"
    yield f"{inspect.cleandoc(command.help or '')}\n"
    records = [record for parameter in shown if (record := parameter.get_help_record(context))]
    if records:
        rows = ((f"`{' '.join(name.split())}`", meaning.replace("\\[", "[")) for name, meaning in records)
        yield from table(("Argument or option", "Meaning"), rows)
        yield ""


def endpoints_page() -> str:
    described = document()
    groups: dict[str, list[tuple[str, str]]] = {}
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            words = operation.get("description") or operation.get("summary") or ""
            row = (f"`{method.upper()} {path}`", " ".join(words.split()))
            groups.setdefault((operation.get("tags") or ["other"])[0], []).append(row)
    lines = [
        "# Endpoints\n",
        MADE_BY,
        "The running server describes the same with every field at `/openapi.json`, and for reading at `/docs`. What the",
        "sockets say is in [messages](messages.md).\n",
    ]
    for group, rows in groups.items():
        lines += [f"## {group.capitalize()}\n", *table(("Request", "What it does"), rows), ""]
    sockets = [(f"`WS {path}`", meaning) for path, meaning in SOCKETS.items()]
    lines += ["## Sockets\n", *table(("Address", "What it says"), sockets), ""]
    return "\n".join(lines)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield f"| {' | '.join(' '.join(cell.split()).replace('|', BAR) for cell in row)} |"


PAGES = {"settings.md": settings_page, "commands.md": commands_page, "endpoints.md": endpoints_page}


def main() -> int:
    check = "--check" in sys.argv[1:]
    stale = []
    for name, page in PAGES.items():
        path, text = DOCS / name, page().rstrip() + "\n"
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not check:
                path.write_text(text, encoding="utf-8")
    if check and stale:
        sys.stderr.write(f"docs/reference is not what the code says ({', '.join(stale)}); run: make docs\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
