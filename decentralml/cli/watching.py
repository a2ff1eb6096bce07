"""What a role does, shown as it happens: lines and bars for people, JSON lines for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from decentralml.cli.output import console
from decentralml.roles.events import Did, Event

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.progress import Progress, TaskID

MOVING = {Did.DOWNLOADING, Did.UPLOADING, Did.GATHERING, Did.SEALING, Did.OPENING}


def line_of(event: Event) -> str:
    """One line for a person: ``task 3, round 1: sent bafy… (block 12)``."""
    where = "" if event.task is None else f"task {event.task}"
    where += "" if event.round is None else f", round {event.round}"
    block = "" if event.block is None else f" (block {event.block})"
    text = f" {printable(event.text)}" if event.text else ""
    return f"{where}{': ' if where else ''}{event.did.value}{text}{block}"


def printable(text: str) -> str:
    """`text` without anything that could move the cursor or colour the terminal."""
    return "".join(c if c.isprintable() else "�" for c in text)


def as_json(event: Event) -> str:
    """The event as one line of JSON; fields as in `roles.events.Event`."""
    return json.dumps({**asdict(event), "did": event.did.value}, ensure_ascii=False)


@contextmanager
def watching(to_json: bool) -> Iterator[Callable[[Event], None]]:
    """An observer for a role; what people see goes to stderr, JSON lines to stdout."""
    if to_json:
        yield _print_json
    elif sys.stderr.isatty():
        shown = _OnTerminal(_bars())
        try:
            yield shown
        finally:
            shown.clear()
    else:
        yield _print_line


def _print_json(event: Event) -> None:
    typer.echo(as_json(event))
    sys.stdout.flush()


def _print_line(event: Event) -> None:
    if event.did not in MOVING:
        typer.echo(line_of(event), err=True)


def _bars() -> Progress:
    from rich.progress import (
        BarColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    amount = TextColumn("{task.fields[amount]}")
    shown = (TextColumn("{task.description}"), BarColumn(), amount, TimeElapsedColumn())
    return Progress(*shown, console=console(stderr=True), transient=True)


def _amount(event: Event) -> str:
    """How far it is: results by their number, all else in bytes."""
    if event.did is Did.GATHERING:
        return f"{event.done}/{event.total}"
    from rich.filesize import decimal

    total = f"/{decimal(event.total)}" if event.total else ""
    return f"{decimal(event.done)}{total}"


class _OnTerminal:
    """Bars for what moves, a line for everything else.

    The bars are drawn only while something moves: drawn always, they would wipe out a question
    that the person is being asked.
    """

    def __init__(self, bars: Progress) -> None:
        self.bars = bars
        self.open: dict[tuple[Any, ...], TaskID] = {}

    def __call__(self, event: Event) -> None:
        if event.did in MOVING:
            self._move(event)
            return
        self.clear()
        from rich.text import Text

        style = "dim" if event.did is Did.PRINTED else ""
        self.bars.console.print(Text(line_of(event), style=style))

    def _move(self, event: Event) -> None:
        name = (event.did, event.task, event.round, event.text)
        if name not in self.open:
            self.bars.start()
            self.open[name] = self.bars.add_task(line_of(event), amount="")
        self.bars.update(
            self.open[name],
            completed=event.done,
            total=event.total or None,
            amount=_amount(event),
        )
        if event.did is not Did.GATHERING and event.total and event.done >= event.total:
            self.bars.remove_task(self.open.pop(name))
        if not self.open:
            self.bars.stop()

    def clear(self) -> None:
        """Take the bars off the terminal; what moved is over."""
        for bar in self.open.values():
            self.bars.remove_task(bar)
        self.open.clear()
        self.bars.stop()
