"""What a person sees while the demo runs: a line for everybody, kept up to date in a terminal."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from decentralml.cli.demo.people import Person
from decentralml.cli.output import console, remark
from decentralml.cli.watching import printable

if TYPE_CHECKING:
    from rich.table import Table

MOVING = {"downloading", "uploading"}
WORDS = {
    "downloaded": "downloaded and verified the",
    "finished": "is done:",
    "printed": "",
    "started": "runs its script",
    "waiting": "waits for",
}
WITHOUT_TEXT = {"started"}
CONTENT = re.compile(r"\b(?:baf[a-z2-7]{50,}|5[1-9A-HJ-NP-Za-km-z]{46,})\b")  # CIDs, addresses


def _shortened(found: re.Match[str]) -> str:
    return f"{found[0][:6]}…{found[0][-6:]}"


class Board:
    """Shows what everybody is doing; safe to call from several threads.

    Where stderr is no terminal, each thing that happened is one line.
    """

    def __init__(self) -> None:
        self._console = console(stderr=True)
        self._lines: dict[str, str] = {}
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._live = self._console.is_terminal

    def showing(self) -> AbstractContextManager[object]:
        """Keeps the board on the screen as long as it is open."""
        if not self._live:
            return nullcontext()
        from rich.live import Live

        return Live(
            get_renderable=self._table, console=self._console, refresh_per_second=8, transient=True
        )

    def says(self, name: str, text: str) -> None:
        """`name` is now doing this."""
        with self._lock:
            self._lines[name] = printable(text)
            if not self._live:
                remark(f"{time.monotonic() - self._began:6.1f} s  {name:<14} {printable(text)}")

    def is_at(self, name: str, text: str) -> None:
        """What changes all the time: shown in a terminal, no line of its own elsewhere."""
        with self._lock:
            self._lines[name] = printable(text)

    def event(self, person: Person, event: Mapping[str, Any]) -> None:
        """One event of a person's process (see `roles.events`)."""
        did = str(event["did"])
        if did in MOVING or (did == "printed" and not self._live):
            return
        text = "" if did in WITHOUT_TEXT else CONTENT.sub(_shortened, str(event["text"]))
        task = "" if event["task"] is None else f"task {event['task']}: "
        block = "" if event["block"] is None else f" (block {event['block']})"
        self.says(person.name, f"{task}{WORDS.get(did, did)} {text}".rstrip() + block)

    def _table(self) -> Table:
        from rich.spinner import Spinner
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(padding=(0, 2))
        grid.add_column(no_wrap=True)
        grid.add_column(no_wrap=True, style="bold")
        grid.add_column(no_wrap=True, overflow="ellipsis")
        with self._lock:
            lines = list(self._lines.items())
        for name, text in lines:
            grid.add_row(Spinner("dots"), name, Text(text))
        grid.add_row("", "", Text(f"{time.monotonic() - self._began:.0f} s", style="dim"))
        return grid
