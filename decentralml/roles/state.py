"""What a worker keeps for itself from one round of a task to the next.

A run gets a copy of what the last successful run left, and its own copy takes that one's place only
when it ended well: so a run that failed or was killed has changed nothing. The note that a round's
work is done (`round_work.ended_key`) is what makes its state count.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from decentralml.roles.workspace import RoundFolder, Workspace, sync
from decentralml.types import Round, TaskId


def begin_state(
    workspace: Workspace, task: TaskId, number: Round, ended: Callable[[Round], bool]
) -> Path:
    """A fresh ``state/`` for a run of the round, with what the last round that ended left.

    Args:
        ended: whether the work of a round was noted as done.
    """
    folder = workspace.round(task, number)
    state = folder.fresh(folder.state)
    last = _last_kept(workspace, task, number, ended)
    if last is None:
        state.mkdir()
    else:
        shutil.copytree(last.state, state)
    return state


def sync_state(folder: RoundFolder) -> None:
    """Have what a run left on the disk, before the note that makes it count."""
    kept = list(folder.state.rglob("*")) if folder.state.exists() else []
    for path in [*kept, folder.state] if kept else []:
        sync(path)


def drop_older_states(workspace: Workspace, task: TaskId, number: Round) -> None:
    """Remove the states of earlier rounds, once the round's own counts."""
    if workspace.round(task, number).state.exists():
        for _, folder in _rounds(workspace, task, number):
            folder.fresh(folder.state)


def _last_kept(
    workspace: Workspace, task: TaskId, number: Round, ended: Callable[[Round], bool]
) -> RoundFolder | None:
    kept = (
        (earlier, folder)
        for earlier, folder in _rounds(workspace, task, number)
        if folder.state.exists() and ended(earlier)
    )
    return max(kept, key=lambda pair: pair[0], default=(None, None))[1]


def _rounds(workspace: Workspace, task: TaskId, before: Round) -> list[tuple[Round, RoundFolder]]:
    numbers = (path.name.removeprefix("round-") for path in workspace.task(task).glob("round-*"))
    return [
        (Round(int(n)), workspace.round(task, Round(int(n))))
        for n in numbers
        if n.isdigit() and int(n) < before
    ]
