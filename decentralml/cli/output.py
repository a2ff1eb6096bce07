"""What people and programs see: tables and progress for people, JSON for programs."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

Progress = Callable[[int, int], None]

JsonFlag = typer.Option(False, "--json", help="Print JSON for programs instead of a table.")


def console(*, stderr: bool = False) -> Console:
    """A console on stdout (data) or stderr (progress and remarks)."""
    from rich.console import Console as RichConsole

    return RichConsole(stderr=stderr, highlight=False)


def plain(value: object) -> Any:
    """`value` as what JSON can hold: dataclasses become objects, enums their values, bytes hex."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        named = {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return named or type(value).__name__
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return str(value) if isinstance(value, Path) else value


def emit(data: object, as_json: bool, human: Callable[[], None]) -> None:
    """Print `data` as JSON, or let `human` print it."""
    if as_json:
        typer.echo(json.dumps(plain(data), indent=2, ensure_ascii=False))
    else:
        human()


def acted(
    outcome: str, block: int | None, as_json: bool, *, said: str = "", **more: object
) -> None:
    """Print what a command did on chain.

    Args:
        outcome: in a word or two.
        block: the block that holds it; None when there was nothing to do.
        as_json: print an object with `outcome`, `block` and `more`.
        said: else the line for people; none where the role's events said it already.
    """

    def human() -> None:
        if said:
            remark(said)

    emit({"outcome": outcome, "block": block, **more}, as_json, human)


def table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], title: str | None = None
) -> None:
    """Print a table that fits the terminal: long cells fold rather than vanish.

    A column whose name begins with ``>`` is set to the right (numbers, amounts), one with ``|``
    to the left; both stay whole while the other columns give way.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    grid = Table(
        title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0)
    )
    for name in columns:
        whole = name.startswith((">", "|"))
        grid.add_column(
            name[1:] if whole else name,
            justify="right" if name.startswith(">") else "left",
            # Where even these must give way, an amount is seen to be cut.
            overflow="ellipsis" if whole else "fold",
            no_wrap=whole,
        )
    for row in rows:
        # Text, not markup: a title from the chain must not style the terminal.
        grid.add_row(*(Text(str(cell)) for cell in row))
    console().print(grid)


def facts(named: Mapping[str, object]) -> None:
    """Print a line for each; no table, which would break addresses and hashes in two."""
    width = max(len(name) for name in named)
    for name, value in named.items():
        typer.echo(f"{name:{width}}  {value}".rstrip())


@contextmanager
def progress(description: str) -> Iterator[Progress]:
    """A bar of bytes on stderr, called with (done, total); silent where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        TextColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Bars(*columns, console=console(stderr=True), transient=True) as bars:
        bar = bars.add_task(description, total=None)
        yield lambda done, total: bars.update(bar, completed=done, total=total)


def remark(text: str) -> None:
    """One line on stderr for the person, out of the way of data on stdout."""
    typer.echo(text, err=True)
