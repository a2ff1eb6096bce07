"""`decentralml evaluator`: validate results for a creator who named you."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from decentralml.cli import validating
from decentralml.cli.federating import HeldOut
from decentralml.cli.options import group, with_settings
from decentralml.cli.output import JsonFlag, emit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from decentralml.config import Loaded
    from decentralml.roles.evaluator import Evaluator

app = group("Validate results for a creator who named you.")


@contextmanager
def _evaluator(loaded: Loaded, *, to_json: bool = False) -> Iterator[Evaluator]:
    from decentralml.cli import wiring
    from decentralml.cli.watching import watching
    from decentralml.roles.evaluator import Evaluator

    with watching(to_json) as observe, wiring.rooms(loaded, observe) as rooms:
        yield Evaluator(rooms)


@app.command("list")
@with_settings
def list_tasks(loaded: Loaded, as_json: bool = JsonFlag) -> None:
    """List the tasks that are delegated to you."""
    from decentralml.cli import tables

    with _evaluator(loaded) as evaluator:
        mine, token, head = evaluator.tasks(), evaluator.market.token(), evaluator.market.head()
        emit(mine, as_json, lambda: tables.tasks_table(mine, token, head, nothing="no tasks"))


validating.add_validating(app, _evaluator)


@app.command()
@with_settings
def work(
    loaded: Loaded,
    evaluate: Path = HeldOut,
    curves: Path = typer.Option(
        None,
        "--curves",
        dir_okay=False,
        help="With --evaluate: draw each task's rounds as this PNG; a line of JSON a round goes "
        "into a .jsonl beside it.",
    ),
    metric: str = typer.Option("accuracy", "--metric", help="The figure that is drawn."),
    once: bool = typer.Option(False, "--once", help="Validate what is there, then stop."),
    as_json: bool = JsonFlag,
) -> None:
    """Validate the results of all tasks delegated to you, as they come.

    Sound results are accepted, bad ones rejected with the reason. With --evaluate each round's
    model and each result is measured on your own data first. With --json each event is printed as
    one line of JSON.
    """
    from decentralml.cli import wiring
    from decentralml.roles.measuring import Measurer

    if curves is not None and evaluate is None:
        raise typer.BadParameter("--curves needs --evaluate: nothing is measured without data.")
    measure = None if evaluate is None else wiring.evaluation(evaluate)
    with _evaluator(loaded, to_json=as_json) as evaluator:
        measurer = None
        if measure is not None:
            lines = None if curves is None else curves.with_suffix(".jsonl")
            measurer = Measurer(evaluator, measure, lines, curves, metric)
        evaluator.work(measurer=measurer, once=once)
