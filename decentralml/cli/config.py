"""`decentralml config`: settings, and where each came from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import typer

from decentralml.cli.options import group, with_settings
from decentralml.cli.output import JsonFlag, emit, remark

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
        typer.echo("\n".join(map(_line, rows)))

    emit(rows, as_json, human)


def _line(row: Mapping[str, object]) -> str:
    """The setting as a line of the settings file; one without a value as a remark."""
    if row["value"] is None:
        return f"# {row['setting']} is not set"
    return f"{row['setting']} = {json.dumps(row['value'], ensure_ascii=False)}  # {row['from']}"


@app.command()
@with_settings
def path(loaded: Loaded, as_json: bool = JsonFlag) -> None:
    """Print the path of the settings file, whether it exists or not."""
    exists = loaded.file.is_file()

    def human() -> None:
        typer.echo(str(loaded.file))
        if not exists:
            remark('This file does not exist yet. It holds lines such as: key = "alice"')

    emit({"path": loaded.file, "exists": exists}, as_json, human)
