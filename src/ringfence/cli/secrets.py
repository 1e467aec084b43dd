"""`ringfence secrets rotate`: new keys for what is kept sealed, without stopping anything."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from ringfence.model.errors import ConfigurationError


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="The keys that seal phone numbers and audio.", no_args_is_help=True)
    group.command()(rotate)
    app.add_typer(group, name="secrets")


def rotate(
    drop_old: Annotated[
        bool,
        typer.Option(
            "--drop-old",
            help="Make no new key: seal again whatever is left under old keys, then forget those keys.",
        ),
    ] = False,
) -> None:
    """Make a new key and seal everything kept with it. Running servers follow at once.

    Afterwards `ringfence secrets rotate --drop-old` forgets the old keys. Copies of the database made before
    that can then no longer be read."""
    from ringfence.privacy.secrets import add_cipher_key, drop_old_cipher_keys, load_secrets
    from ringfence.settings import load_settings

    settings = load_settings()
    url = settings.database_url.get_secret_value() if settings.database_url else None
    load_secrets(settings.home)
    if not drop_old:
        typer.echo(f"new key: {add_cipher_key(settings.home)}")
    typer.echo(f"sealed again: {asyncio.run(_reseal(url, settings.home))}")
    if drop_old:
        dropped = ", ".join(map(str, drop_old_cipher_keys(settings.home)))
        typer.echo(f"keys forgotten: {dropped or 'none, there was only one'}")


async def _reseal(url: str | None, home: Path) -> int:
    from ringfence.db.engine import open_database
    from ringfence.privacy.secrets import open_cipher
    from ringfence.telephony.reseal import reseal

    cipher = open_cipher(home)
    async with open_database(url, home) as database:
        try:
            # A second look finds what was sealed with an old key while the first one was under way.
            return await reseal(database, cipher, cipher.is_current) + await reseal(
                database, cipher, cipher.is_current
            )
        except ValueError as error:
            raise ConfigurationError(
                f"{error}: the secrets in RINGFENCE_HOME do not belong to this database; put the right file back"
            ) from None
