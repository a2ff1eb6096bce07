"""``--model-of``: an accepted result's model, named on the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from decentralml.cli.arguments import U32, U64, account, whole_number

if TYPE_CHECKING:
    from decentralml.roles.creator import Creator


@dataclass(frozen=True, slots=True)
class ResultName:
    """A result as it is written: ``TASK``, or ``TASK/ROUND/WORKER``."""

    task: int
    round: int | None = None
    worker: str | None = None

    def model(self, creator: Creator) -> Path:
        """Its model's file. Raises as `roles.accepted_model`."""
        from decentralml.roles.accepted_model import accepted_model
        from decentralml.types import Round, TaskId

        number = None if self.round is None else Round(self.round)
        worker = None if self.worker is None else account(self.worker)
        return accepted_model(creator, TaskId(self.task), number, worker)


def parse(text: str) -> ResultName:
    """The result that a text names; a wrong one is a wrong command line."""
    parts = text.split("/")
    task = whole_number(0, U64)(parts[0])
    if len(parts) == 1:
        return ResultName(task)
    if len(parts) != 3:
        raise typer.BadParameter(f"{text[:80]!a} is neither TASK nor TASK/ROUND/WORKER.")
    return ResultName(task, whole_number(1, U32)(parts[1]), parts[2])


ModelOf = typer.Option(
    None,
    "--model-of",
    parser=parse,
    metavar="TASK[/ROUND/WORKER]",
    help="In place of --model: what you sent as an engineer and was accepted; or somebody's.",
)


def first_model(creator: Creator, model: Path | None, named: ResultName | None) -> Path | None:
    """The first round's model of a posting: a file, or an accepted result's."""
    if model is not None and named is not None:
        raise typer.BadParameter("give --model or --model-of, not both.")
    return model if named is None else named.model(creator)
