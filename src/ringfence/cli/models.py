"""`ringfence models list|get`: models that local speech engines need on disk."""

from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from ringfence.model.errors import ConfigurationError
from ringfence.settings import load_settings
from ringfence.speech.models import (
    DownloadFailed,
    download,
    find_model,
    is_here,
    load_catalogue,
    model_folder,
)


def register(app: typer.Typer) -> None:
    models = typer.Typer(help="Models for the local speech engines.", no_args_is_help=True)
    models.command("list")(list_models)
    models.command("get")(get_model)
    app.add_typer(models, name="models")


def list_models() -> None:
    """Which models there are, and which of them are on this machine."""
    home = load_settings().home
    table = Table("name", "engine", "languages", "size", "licence", "here")
    for model in load_catalogue():
        table.add_row(
            model.name,
            model.engine,
            " ".join(model.languages) or "many",
            model.size_words,
            model.licence,
            "yes" if is_here(home, model) else "no",
        )
    Console().print(table)


def get_model(name: Annotated[str, typer.Argument(help="A name from `ringfence models list`.")]) -> None:
    """Download a model: continues a broken download, checks what came."""
    home = load_settings().home
    model = find_model(name)
    if model is None:
        known = ", ".join(model.name for model in load_catalogue())
        raise ConfigurationError(f"there is no model named '{name}'; known are: {known}")
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    try:
        with Progress(*columns, console=console) as bars:
            tasks = {file.name: bars.add_task(file.name, total=file.size) for file in model.files}
            folder = download(
                model, home, lambda file, here, total: bars.update(tasks[file], completed=here, total=total)
            )
    except DownloadFailed as error:
        raise ConfigurationError(f"{model.name} was not downloaded: {error}") from None
    except OSError as error:
        raise ConfigurationError(
            f"{model.name} cannot be written to {model_folder(home, name)}: {error.strerror}"
        ) from None
    console.print(f"{model.name} is ready in {folder}.")
