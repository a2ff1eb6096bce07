"""The options that every command shares, declared once."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from decentralml.config import Loaded

MAX_SENTENCE = 400  # characters
HELP_NAMES = {"help_option_names": ["-h", "--help"]}

SHARED: dict[str, tuple[Any, Any]] = {
    "node": (
        list[str] | None,
        typer.Option(
            None,
            "--node",
            metavar="<str>",
            help="WebSocket address of the chain; again for more nodes.",
        ),
    ),
    "key": (str | None, typer.Option(None, "--key", help="Name of the key that signs.")),
    "in_name_of": (
        str | None,
        typer.Option(
            None, "--in-name-of", help="The account that your key works for (see `keys appoint`)."
        ),
    ),
    "keys": (Path | None, typer.Option(None, "--keys", help="Folder of key files.")),
    "workspace": (
        Path | None,
        typer.Option(None, "--workspace", help="Folder of your tasks, results and journal."),
    ),
    "store": (str | None, typer.Option(None, "--store", help="Where bundles are kept.")),
    "config": (Path | None, typer.Option(None, "--config", help="Settings file (TOML).")),
}


class WholeLines(TyperGroup):
    """A group whose help shows each command's first sentence whole."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Called when the group's help is written."""
        named = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        rows = [(name, c.get_short_help_str(MAX_SENTENCE)) for name, c in named if c is not None]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def group(help_text: str) -> typer.Typer:
    """A command group; its help is plain text, since rendering it richly takes 0.15 s alone."""
    return typer.Typer(
        cls=WholeLines,
        help=help_text,
        add_completion=False,
        rich_markup_mode=None,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings=HELP_NAMES,
    )


def with_settings(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the shared options; it receives the loaded settings as `loaded`.

    A command's own option of a shared name is used instead of the shared one, and is
    handed to the command as well as to the settings.
    """
    hints = get_type_hints(function, localns={"Loaded": object})
    signature = inspect.signature(function)
    own = [p for name, p in signature.parameters.items() if name != "loaded"]
    own = [p.replace(annotation=hints.get(p.name, p.annotation)) for p in own]
    taken = {p.name for p in own}
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=kind)
        for name, (kind, option) in SHARED.items()
        if name not in taken
    ]

    @functools.wraps(function)
    def command(**values: Any) -> None:
        said = {name: values.get(name) for name in SHARED if name != "config"}
        loaded = _load(said, values.get("config"))
        function(loaded=loaded, **{name: value for name, value in values.items() if name in taken})

    keyword = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own]
    command.__signature__ = signature.replace(parameters=[*keyword, *shared])  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in (*keyword, *shared)}
    return command


def _load(said: dict[str, object], file: Path | None) -> Loaded:
    import os

    # pydantic takes 0.2 s to import: `--help` must not pay for it.
    from decentralml.config import load_settings

    named = os.environ.get("DECENTRALML_CONFIG")
    return load_settings(said, file or (Path(named) if named else None))
