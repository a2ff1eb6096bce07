"""A model that was accepted as a result, to begin a task of one's own with.

An engineer whose structure a creator accepted posts it to contributors as a creator does; so does
the creator, or anybody else: results are in the store by their CIDs, and what becomes of them is on
chain.
"""

from __future__ import annotations

from pathlib import Path

from decentralml.chain.records import ResultStatus, TaskResult
from decentralml.errors import OutOfOrder
from decentralml.learning.results import read_result
from decentralml.roles.creator import Creator
from decentralml.types import AccountId, Round, TaskId


def accepted_model(
    creator: Creator,
    task: TaskId,
    round_: Round | None = None,
    worker: AccountId | None = None,
) -> Path:
    """The file of a model that the chain calls accepted, downloaded and checked.

    Args:
        creator: who wants to post it.
        task: the task that asked for it, usually of engineering.
        round_: in which it was sent; None for the newest that was accepted.
        worker: who sent it; None for the creator's own account: an engineer's own result.

    Raises:
        OutOfOrder: there is no such result, it was not accepted, or it holds no sound model.
        AssetError: the store does not have it.
    """
    now = creator.show(task)
    result = _accepted(creator, task, round_, worker or creator.account)
    with creator.workspace.hold():
        (checked,) = creator.checks(now, result.round)([result])
    if checked.folder is None or checked.refusal is not None:
        raise _cannot(task, checked.reason, "name another result, or a model's file")
    model = read_result(checked.folder).model
    if model is None:
        raise _cannot(task, "the result holds no model", "name another result")
    return model


def _accepted(
    creator: Creator, task: TaskId, round_: Round | None, worker: AccountId
) -> TaskResult:
    mine = [
        result
        for result in creator.results(task)
        if result.worker == worker and round_ in (None, result.round)
    ]
    if not mine:
        raise _cannot(task, f"{worker} sent no result that the chain keeps", "name who sent one")
    newest = max(mine, key=lambda result: (_is_accepted(result), result.round))
    if not _is_accepted(newest):
        raise _cannot(
            task, f"the result of {worker} is {newest.status.value}", "wait until it is accepted"
        )
    return newest


def _is_accepted(result: TaskResult) -> bool:
    return result.status is ResultStatus.ACCEPTED


def _cannot(task: TaskId, why: str, advice: str) -> OutOfOrder:
    return OutOfOrder(f"begin with a model of task {task}", why, advice)
