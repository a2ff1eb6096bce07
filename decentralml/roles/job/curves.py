"""A job's learning curves: JSON lines, a picture, TensorBoard; made from the rounds' records."""

from __future__ import annotations

from collections.abc import Sequence

from decentralml.errors import OutOfOrder
from decentralml.learning import curves
from decentralml.learning.tensorboard import Board
from decentralml.roles.job.plan import JobRound, Plan
from decentralml.types import TaskId

SHARES = frozenset({"accuracy"})  # figures from 0 to 1


class Curves:
    """What a plan wants to be shown of its rounds.

    A job that is gone on with writes nothing twice: the file of lines is brought to what the
    journal knows, whatever a killed process left of it.

    Args:
        plan: says where to.
        task: named in the picture.
    """

    def __init__(self, plan: Plan, task: TaskId) -> None:
        self._plan, self._task = plan, task
        self._shown = 0
        self._board: Board | None = None

    def show(self, rounds: Sequence[JobRound]) -> None:
        """Bring everything up to these rounds; all that were recorded, in their order."""
        if not rounds or len(rounds) == self._shown:
            return
        self._write_lines(rounds)
        self._draw(rounds)
        self._tell_board(rounds)
        self._shown = len(rounds)

    def close(self) -> None:
        """Close the files."""
        if self._board is not None:
            self._board.close()
            self._board = None

    def _write_lines(self, rounds: Sequence[JobRound]) -> None:
        path = self._plan.curves
        if path is None:
            return
        lines = [{"task": self._task, **done.line()} for done in rounds]
        there = curves.read(path)
        if there != lines[: len(there)]:
            if any(line.get("task") != self._task for line in there):
                raise OutOfOrder(
                    f"write the curves of task {self._task} to {path}",
                    "that file is of something else",
                    "name another file",
                )
            path.unlink()
            there = []
        for line in lines[len(there) :]:
            curves.append(path, line)

    def _draw(self, rounds: Sequence[JobRound]) -> None:
        if self._plan.picture is None:
            return
        name = self._plan.metric
        measured = [(int(r.number), r.figures[name]) for r in rounds if name in r.figures]
        claimed = [(int(r.number), r.claimed[name]) for r in rounds if name in r.claimed]
        if name in rounds[0].base:
            measured.insert(0, (rounds[0].number - 1, rounds[0].base[name]))
        shown = {"federated model": measured, "as contributors say": claimed}
        curves.draw(
            self._plan.picture,
            {label: curve for label, curve in shown.items() if curve},
            title=f"task {self._task}",
            label=name,
            percent=name in SHARES,
        )

    def _tell_board(self, rounds: Sequence[JobRound]) -> None:
        if self._plan.tensorboard is None:
            return
        if self._board is None:
            # Anew from the first of them, since a killed process may have left one out.
            self._board = Board(self._plan.tensorboard, first=int(rounds[0].number))
        for done in rounds[self._shown :]:
            figures = {f"federated/{name}": value for name, value in done.figures.items()}
            figures |= {f"claimed/{name}": value for name, value in done.claimed.items()}
            figures |= {"results": len(done.used), "examples": done.examples}
            self._board.add(int(done.number), figures)
