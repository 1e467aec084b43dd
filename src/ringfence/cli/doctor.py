"""`ringfence doctor`: what is right, what is wrong, and what to do about it."""

import asyncio
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from ringfence.model.errors import ConfigurationError

if TYPE_CHECKING:
    from ringfence.doctor import Finding


def register(app: typer.Typer) -> None:
    app.command()(doctor)


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document instead of a table.")] = False,
) -> None:
    """Check every setting and connection, with a remedy for each fault. Exit status 1 if there is one."""
    findings = _findings()
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        _show(findings)
    if any(finding.state == "fault" for finding in findings):
        raise typer.Exit(1)


def _findings() -> "list[Finding]":
    from ringfence.doctor import examine, misconfigured
    from ringfence.settings import load_settings

    try:
        settings = load_settings()
    except ConfigurationError as error:
        return [misconfigured(error)]
    return asyncio.run(examine(settings))


def _show(findings: "list[Finding]") -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    marks = {"good": "[green]✓[/]", "note": "[yellow]·[/]", "fault": "[red]✗[/]"}
    table = Table("", "what", "found", box=None, show_header=False, padding=(0, 1))
    table.columns[2].overflow = "fold"
    for finding in findings:
        remedy = f"\n[bold]→ {escape(finding.remedy)}[/]" if finding.remedy else ""
        table.add_row(marks[finding.state], escape(finding.subject), escape(finding.found) + remedy)
    console = Console()
    console.print(table)
    faults = sum(finding.state == "fault" for finding in findings)
    console.print(
        f"\n[red]{faults} to put right[/]" if faults else "\n[green]Nothing stands in the way.[/]",
        highlight=False,
    )
