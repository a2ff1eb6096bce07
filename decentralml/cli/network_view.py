"""What a person sees of a local network: a table in a terminal, else a line for each news."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from decentralml.cli.output import console
from decentralml.localnet.status import NetworkStatus, ValidatorStatus

if TYPE_CHECKING:
    from rich.console import RenderableType

Show = Callable[[NetworkStatus], None]

STALLED_SECONDS = 15.0
"""Without a new final block for so long, finality counts as stopped; healthy, it is two or three
blocks of two seconds behind."""


def state_of(one: ValidatorStatus) -> str:
    """In a word or two: whether a validator runs."""
    if one.exit_status is not None:
        by = f"signal {-one.exit_status}" if one.exit_status < 0 else f"status {one.exit_status}"
        return f"ended, {by}"
    if one.pid is None:
        return "not started"
    return "runs" if one.answers else "does not answer"


@dataclass
class News:
    """Tells what is new since the last look, in whole sentences."""

    clock: Callable[[], float] = time.monotonic
    _states: dict[str, str] = field(default_factory=dict)
    _final: int = 0
    _since: float | None = None
    _stalled: bool = False
    _agree: bool = True

    def since_final(self) -> float:
        """Seconds since the last final block was seen first."""
        return 0.0 if self._since is None else self.clock() - self._since

    def of(self, status: NetworkStatus) -> list[str]:
        """What happened."""
        return [*self._validators(status), *self._finality(status), *self._agreement(status)]

    def _validators(self, status: NetworkStatus) -> Iterator[str]:
        for one in status.validators:
            state = state_of(one)
            # Who has only just been started need not answer yet.
            first = one.name not in self._states and one.exit_status is None and not one.answers
            if not first and state != self._states.get(one.name):
                yield f"{one.name} {state} ({one.url})"
                self._states[one.name] = state

    def _finality(self, status: NetworkStatus) -> Iterator[str]:
        final = max((one.finalised or 0 for one in status.validators), default=0)
        if self._since is None:
            self._since = self.clock()
        if final > self._final:
            if self._final == 0:
                yield f"block {final} is final: the network works"
            elif self._stalled:
                yield f"finality goes on: block {final} is final"
            self._final, self._since, self._stalled = final, self.clock(), False
        elif not self._stalled and self.since_final() > STALLED_SECONDS and final:
            self._stalled = True
            yield (
                f"finality has stopped at block {final}: {status.running} of "
                f"{len(status.validators)} validators run, {status.needed} must"
            )

    def _agreement(self, status: NetworkStatus) -> Iterator[str]:
        if status.agree != self._agree:
            self._agree = status.agree
            said = "agree again" if status.agree else "DISAGREE"
            yield f"the validators {said} on the state after block {status.agreed_at}"


@contextmanager
def shown(folder: Path, *, as_json: bool) -> Iterator[Show]:
    """A function that shows a network's status, each time it is called.

    Args:
        folder: where the network lies.
        as_json: a line of JSON for each status that differs from the last.
    """
    if as_json:
        yield _as_lines_of_json()
    elif console().is_terminal:
        from rich.live import Live

        news = News()
        with Live(console=console(), auto_refresh=False) as live:

            def show(status: NetworkStatus) -> None:
                said = news.of(status)
                for line in said:
                    live.console.print(line, style="dim")
                live.update(table_of(status, folder, news.since_final()), refresh=True)

            yield show
    else:
        yield _as_lines(News())


def _as_lines(news: News) -> Show:
    began = time.monotonic()

    def show(status: NetworkStatus) -> None:
        for line in news.of(status):
            typer.echo(f"{time.monotonic() - began:6.1f} s  {line}")

    return show


def _as_lines_of_json() -> Show:
    import json
    import sys

    last: list[NetworkStatus] = []

    def show(status: NetworkStatus) -> None:
        if last != [status]:
            last[:] = [status]
            typer.echo(json.dumps(asdict(status)))
            sys.stdout.flush()

    return show


def table_of(status: NetworkStatus, folder: Path, since_final: float) -> RenderableType:
    """The network as a table, with what to do with it below."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("validator", "best", "final", "peers", "state", "clients connect at", ""):
        right = name in {"best", "final", "peers"}
        grid.add_column(name, justify="right" if right else "left", no_wrap=True)
    for one in status.validators:
        heights = (_or_dash(one.best), _or_dash(one.finalised), _or_dash(one.peers))
        state = (one.final_state or "-")[:10]
        style = "" if one.answers else "red"
        grid.add_row(one.name, *heights, state, one.url, state_of(one), style=style)
    return Group(grid, Text(_summary(status, since_final)), Text(_usage(status, folder)))


def _summary(status: NetworkStatus, since_final: float) -> str:
    if status.agreed_at is None:
        return "no validator answers yet"
    said = "all agree" if status.agree else "the validators DISAGREE"
    final = f"last final block {since_final:.0f} s ago" if status.agreed_at else "none is final yet"
    return (
        f"{said} on the state after block {status.agreed_at}; {final}\n"
        f"{status.running} of {len(status.validators)} run, "
        f"{status.needed} must for blocks to become final"
    )


def _usage(status: NetworkStatus, folder: Path) -> str:
    return (
        f"\nuse it:  export DECENTRALML_NODE={status.validators[0].url}\n"
        f"kept in {folder}; Ctrl-C stops it"
    )


def _or_dash(number: int | None) -> str:
    return "-" if number is None else str(number)
