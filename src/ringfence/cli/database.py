"""`ringfence migrate`: bring the database's schema up to date."""

import typer


def register(app: typer.Typer) -> None:
    app.command()(migrate)


def migrate() -> None:
    """Bring the database's schema up to date. Safe to repeat; the server also does it at its start."""
    from ringfence.db.address import locate
    from ringfence.db.migrate import upgrade
    from ringfence.settings import load_settings

    settings = load_settings()
    url = settings.database_url.get_secret_value() if settings.database_url else None
    place = locate(url, settings.home).place
    applied = upgrade(url, settings.home)
    if not applied:
        typer.echo(f"{place}: up to date, nothing to do")
    for name in applied:
        typer.echo(f"{place}: applied {name}")
