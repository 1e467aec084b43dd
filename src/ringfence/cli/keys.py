"""`ringfence keys`: API keys; and `ringfence link`: a link that signs a person in to the console."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from ringfence.access.roles import Role
from ringfence.model.errors import ConfigurationError, NotFound

if TYPE_CHECKING:
    from ringfence.access.service import AccessService
    from ringfence.settings import Settings

Outcome = TypeVar("Outcome")
RoleOption = Annotated[Role, typer.Option(help="What the holder may do.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="API keys for machines and command lines.", no_args_is_help=True)
    group.command()(create)
    group.command("list")(show)
    group.command()(revoke)
    app.add_typer(group, name="keys")
    app.command()(link)


def create(
    name: Annotated[str, typer.Option(help="Whose it is; stands in the audit log.")], role: RoleOption
) -> None:
    """Print a new API key, and nothing else. It cannot be shown again."""
    typer.echo(_with_access(lambda access, _: access.create_key(_checked(name), role)))


def show() -> None:
    """List all keys, the revoked ones too. Their secrets are not kept."""
    from rich.console import Console
    from rich.table import Table

    table = Table("id", "name", "role", "made", "last used", "revoked", box=None)
    for key in _with_access(lambda access, _: access.list_keys()):
        instants = (key.created_at, key.last_used_at, key.revoked_at)
        shown = (f"{instant:%Y-%m-%d %H:%M} UTC" if instant else "-" for instant in instants)
        table.add_row(key.id, key.name, key.role.value, *shown)
    console = Console()
    if not console.is_terminal:
        console.width = 200  # A pipe has no width; folded lines would break whatever reads them.
    console.print(table)


def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `ringfence keys list` shows it.")],
) -> None:
    """Shut a key out for good, and end the sessions that were opened with it."""
    try:
        _with_access(lambda access, _: access.revoke_key(key_id))
    except NotFound as error:
        raise ConfigurationError(str(error)) from None
    typer.echo(f"revoked: {key_id}")


def link(
    role: RoleOption = Role.ADMIN,
    name: Annotated[str, typer.Option(help="Whose it is; stands in the audit log.")] = "console",
) -> None:
    """Print a link that signs one person in to the console, once, within 15 minutes."""

    async def issue(access: "AccessService", settings: "Settings") -> str:
        return sign_in_link(settings.public_url, await access.issue_link(role, _checked(name)))

    typer.echo(_with_access(issue))


def sign_in_link(public_url: str, token: str) -> str:
    """What a person opens. The token stands behind the `#`: browsers do not send it, so no log holds it."""
    return f"{public_url}/sign-in#token={token}"


def _checked(name: str) -> str:
    if not name.strip() or len(name) > 100 or not name.isprintable():
        raise ConfigurationError("--name: give a name of 1 to 100 printable characters")
    return name.strip()


def _with_access(deed: "Callable[[AccessService, Settings], Awaitable[Outcome]]") -> Outcome:
    """Do something with the access service of this installation's database."""
    from ringfence.settings import load_settings

    settings = load_settings()

    async def run() -> Outcome:
        async with _access(settings) as access:
            return await deed(access, settings)

    return asyncio.run(run())


@asynccontextmanager
async def _access(settings: "Settings") -> "AsyncIterator[AccessService]":
    from ringfence.access.service import AccessService
    from ringfence.clock import SystemClock
    from ringfence.db.engine import open_database
    from ringfence.privacy.audit import AuditLog

    url = settings.database_url.get_secret_value() if settings.database_url else None
    async with open_database(url, settings.home) as database:
        yield AccessService(database, SystemClock(), AuditLog(database).add)
