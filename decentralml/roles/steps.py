"""What a worker does next in one task: decided from the chain's word and the journal, nothing else.

A restart asks again and gets the same answer, so being killed anywhere costs nothing. The order
is: get the bundle (before any stake is held, so that a missing bundle costs nobody anything), have
it trusted, accept, get the model, run, upload, send; then look after the reward.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from decentralml.chain.records import Assignment, ResultStatus, Task, TaskResult, TaskStatus
from decentralml.types import BlockNumber, Cid, Round


@dataclass(frozen=True, slots=True)
class Facts:
    """What the chain says, at one block, about one worker's part in a task.

    Attributes:
        head: the newest block.
        task: the task; None when it was pruned.
        assignment: the worker's, also when it has ended; None before it accepted.
        results: the worker's results in the task, of all rounds that the chain still keeps.
    """

    head: BlockNumber
    task: Task | None
    assignment: Assignment | None
    results: tuple[TaskResult, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """What the journal and the workspace say about the task's current round.

    Attributes:
        bundle: the bundle is there, verified.
        trusted: what was decided about it; None when nobody was asked yet.
        model: the round's model is there, verified, or the round has none.
        failures: how often the script failed in this round.
        delivery: the script ended well and its result is packed.
        uploaded: the delivery's CID once it is in the store.
    """

    bundle: bool = False
    trusted: bool | None = None
    model: bool = False
    failures: int = 0
    delivery: bool = False
    uploaded: Cid | None = None


@dataclass(frozen=True, slots=True)
class FetchBundle:
    """Download and verify the task's bundle."""


@dataclass(frozen=True, slots=True)
class AskTrust:
    """Have the person, or the person's rule, look at the script and decide."""


@dataclass(frozen=True, slots=True)
class Accept:
    """Take the assignment on chain."""


@dataclass(frozen=True, slots=True)
class FetchModel:
    """Download and verify the round's model."""


@dataclass(frozen=True, slots=True)
class Run:
    """Run the script."""


@dataclass(frozen=True, slots=True)
class Upload:
    """Put the delivery into the store."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send the delivery's CID to the chain."""

    delivery: Cid


@dataclass(frozen=True, slots=True)
class Claim:
    """Have a deadline that passed settled: silence pays, an old dispute is closed."""

    round: Round


@dataclass(frozen=True, slots=True)
class Release:
    """Give the assignment up."""

    reason: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before a block comes, or something happens on chain.

    Attributes:
        until: the first block in which something can be done for certain; None when only others
            can act.
        reason: what is waited for.
    """

    until: BlockNumber | None
    reason: str


@dataclass(frozen=True, slots=True)
class Finished:
    """Nothing will be left to do for this worker."""

    reason: str


Step: TypeAlias = (
    FetchBundle
    | AskTrust
    | Accept
    | FetchModel
    | Run
    | Upload
    | Send
    | Claim
    | Release
    | Wait
    | Finished
)

MAX_FAILURES = 2


def next_step(facts: Facts, progress: Progress, *, max_failures: int = MAX_FAILURES) -> Step:
    """What to do now.

    Args:
        facts: the chain's word.
        progress: the journal's, about the task's current round.
        max_failures: after so many failed runs of a round the assignment is given up.
    """
    task, assignment = facts.task, facts.assignment
    if task is None:
        return Finished("the task was cleaned up")
    overdue = [r for r in _unsettled(facts, task) if _is_over(r.deadline, facts.head)]
    if overdue:
        return Claim(overdue[0].round)
    if assignment is None:
        return _before_accepting(facts, task, progress)
    if assignment.ended or assignment.until is None:
        return _after_sending(facts, task, assignment)
    if _is_over(assignment.until, facts.head):
        return Release("the round's time is over without a result")
    return _working(progress, max_failures)


def is_open(task: Task, head: BlockNumber) -> bool:
    """Whether a new worker can accept the task in the block after ``head``, slots permitting."""
    over = _is_over(task.terms.schedule.accept_before, head)
    return not over and not _has_ended(task)


def can_join(task: Task, head: BlockNumber) -> bool:
    """Whether a new worker can accept the task in the block after ``head``."""
    return is_open(task, head) and _has_free_slot(task)


def _before_accepting(facts: Facts, task: Task, progress: Progress) -> Step:
    if not is_open(task, facts.head):
        return Finished("the task takes no more workers")
    if not _has_free_slot(task):
        return Wait(task.terms.schedule.accept_before, "a free slot")
    if not progress.bundle:
        return FetchBundle()
    if progress.trusted is None:
        return AskTrust()
    return Accept() if progress.trusted else Finished("its script is not trusted")


def _working(progress: Progress, max_failures: int) -> Step:
    if not progress.bundle:
        return FetchBundle()
    if progress.trusted is None:
        return AskTrust()
    if not progress.trusted:
        return Release("its script is not trusted")
    return _delivering(progress, max_failures)


def _delivering(progress: Progress, max_failures: int) -> Step:
    if progress.uploaded is not None:
        return Send(progress.uploaded)
    if progress.delivery:
        return Upload()
    if progress.failures >= max_failures:
        return Release(f"its work failed {progress.failures} times")
    return Run() if progress.model else FetchModel()


def _after_sending(facts: Facts, task: Task, assignment: Assignment) -> Step:
    unsettled = _unsettled(facts, task)
    if unsettled:
        disputed = any(r.status is ResultStatus.DISPUTED for r in unsettled)
        deadlines = [r.deadline for r in unsettled if r.deadline is not None]
        return Wait(min(deadlines), "the arbiter's ruling" if disputed else "validation")
    if assignment.ended:
        return Finished("the assignment is over")
    if _has_ended(task):
        return Release("the task is over")
    return Wait(None, f"round {task.round + 1}")


def _unsettled(facts: Facts, task: Task) -> list[TaskResult]:
    """Results whose deadline, once passed, this worker should have settled.

    A rejected one is worth it only where the stake waits for it: after the last round.
    """
    last = task.round >= task.terms.rounds or _has_ended(task)
    return [
        result
        for result in facts.results
        if result.deadline is not None and (last or result.status is not ResultStatus.REJECTED)
    ]


def _has_free_slot(task: Task) -> bool:
    """A place among the workers, and money for a result of this round or of one to come."""
    to_earn = task.waiting < task.units or task.round < task.terms.rounds
    return task.assigned < task.terms.slots and to_earn


def _has_ended(task: Task) -> bool:
    return task.status in (TaskStatus.COMPLETED, TaskStatus.WITHDRAWN)


def _is_over(limit: BlockNumber | None, head: BlockNumber) -> bool:
    """Whether a step allowed before ``limit`` can no longer be in the block after ``head``."""
    return limit is not None and head + 1 >= limit
