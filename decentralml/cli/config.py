"""`decentralml config`: settings, and where each came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from decentralml.cli.options import group, with_settings
from decentralml.cli.output import JsonFlag, emit, remark, table

if TYPE_CHECKING:
    from decentralml.config import Loaded

app = group("Settings, and where each came from.")


@app.callback()
def _group() -> None:
    """Settings come from flags, else the environment, else a file, else defaults."""


@app.command()
@with_settings
def show(loaded: Loaded, as_json: bool = JsonFlag) -> None:
    """Print every setting with its value and where it came from."""
    from decentralml.config import Settings

    values = loaded.settings.model_dump(mode="json")
    rows = [
        {"setting": name, "value": values[name], "from": loaded.origins[name],
         "meaning": field.description}
        for name, field in Settings.model_fields.items()
    ]  # fmt: skip

    def human() -> None:
        cells = [[r["setting"], "" if r["value"] is None else r["value"], r["from"]] for r in rows]
        table(["setting", "value", "from"], cells)

    emit(rows, as_json, human)


@app.command()
@with_settings
def path(loaded: Loaded) -> None:
    """Print the path of the settings file, whether it exists or not."""
    import typer

    typer.echo(str(loaded.file))
    if not loaded.file.is_file():
        remark('This file does not exist yet. It holds lines such as: key = "alice"')
