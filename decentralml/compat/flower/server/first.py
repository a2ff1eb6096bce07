"""The first parameters of a job for which the server has none: one client is asked for its own.

A task of one slot and one round, without a model; what comes is checked, paid, and becomes the
model of round 1. A result that cannot be one is rejected, and the next client is asked.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import count
from pathlib import Path

from decentralml.chain.records import Reject, ResultStatus, Verdict
from decentralml.compat.flower.arrays import FILE, read_arrays
from decentralml.compat.flower.bundle import Asks, JobNote
from decentralml.compat.flower.errors import FlowerError, NotAFlowerJob, Stopped
from decentralml.compat.flower.server.market import OnMarket
from decentralml.errors import LearningError
from decentralml.roles.creator import Creator
from decentralml.roles.verdicts import Checked, by_checks
from decentralml.roles.waiting import wait_for_news
from decentralml.types import TaskId

log = logging.getLogger("decentralml.flower")


def first_parameters(
    creator: Creator, terms: OnMarket, job: str, folder: Path, stop: Callable[[], bool]
) -> Path:
    """The file of one client's parameters.

    Args:
        job: names the posting, so that a server that was killed asks nobody twice.
        folder: for the task folder.

    Raises: Stopped: `stop` said so.
    """
    log.info("[INIT] requesting initial parameters from one client")
    for attempt in count(1):
        key = f"{job}/parameters/{attempt}"
        bundle = JobNote(Asks.PARAMETERS, key).write(folder / f"parameters-{attempt}")
        task = creator.create_task(bundle, terms.first_offer(), key=key).task
        found = _answer(creator, task, stop)
        if found is not None:
            return found
    raise FlowerError("no client gave parameters")  # pragma: no cover - `count` does not end


def judge_parameters(checked: Checked) -> Verdict | None:
    """Accepts what can be a first model."""
    verdict = by_checks(checked)
    if checked.folder is None or isinstance(verdict, Reject):
        return verdict
    try:
        read_arrays(checked.folder / FILE)
    except (LearningError, NotAFlowerJob) as error:
        return Reject(f"no parameters of a Flower client: {error}")
    return verdict


def _answer(creator: Creator, task: TaskId, stop: Callable[[], bool]) -> Path | None:
    """The accepted result's file; None when the result was rejected."""
    while not stop():
        head = creator.market.head()
        creator.validate_all(task, judge_parameters)
        results = creator.fetch_results(task, statuses=ResultStatus)
        for checked in results:
            if checked.result.status is ResultStatus.ACCEPTED and checked.folder is not None:
                return checked.folder / FILE
        if any(checked.result.status is ResultStatus.REJECTED for checked in results):
            creator.withdraw_task(task)
            return None
        wait_for_news(creator.market, head, None, _concerns(task), stop)
    raise Stopped


def _concerns(task: TaskId) -> Callable[[TaskId, str], bool]:
    return lambda about, event: about == task and event == "TaskResultSent"
