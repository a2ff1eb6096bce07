"""What a creator does next in a job: decided from what is known, nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from decentralml.chain.records import Task
from decentralml.roles.job.plan import JobRound, Plan
from decentralml.roles.steps import can_join
from decentralml.types import BlockNumber


@dataclass(frozen=True, slots=True)
class Standing:
    """How a round stands.

    Attributes:
        head: the newest block.
        task: the task, whose current round it is.
        sent: results on chain.
        decided: those about which nothing is open: checked, or validated by the evaluator.
        sound: those of them that can be federated.
        written_off: workers who are not waited for, since they missed the round before and have not
            delivered this one either.
        needed: sound results that the strategy needs.
    """

    head: BlockNumber
    task: Task
    sent: int
    decided: int
    sound: int
    written_off: int = 0
    needed: int = 1

    @property
    def taking_part(self) -> int:
        """Workers who delivered this round or are waited for."""
        return self.sent + max(0, self.task.waiting - self.written_off)


@dataclass(frozen=True, slots=True)
class Close:
    """Federate what is there."""


@dataclass(frozen=True, slots=True)
class KeepWaiting:
    """Nothing to do yet.

    Attributes:
        until: the first block in which something can be done for certain; None when only others
            can act.
        reason: what is waited for.
    """

    until: BlockNumber | None
    reason: str


@dataclass(frozen=True, slots=True)
class End:
    """The job cannot go on."""

    reason: str


Move: TypeAlias = Close | KeepWaiting | End


def next_move(plan: Plan, now: Standing) -> Move:
    """Whether to close the current round."""
    least = max(plan.min_results, now.needed)
    over_at = closes_at(plan, now.task)
    over = now.head + 1 >= over_at
    joinable = can_join(now.task, now.head)
    if not over and joinable and _joining(plan, now):
        joined = f"{now.taking_part} of {workers_wanted(plan, now.task)} workers"
        return KeepWaiting(over_at, f"workers to join: {joined}")
    wanted = max(least, math.ceil(plan.fraction * now.taking_part))
    if now.sound >= least and (over or now.decided >= wanted):
        return Close()
    if now.task.waiting == 0 and now.decided == now.sent and not joinable:
        return End(
            f"round {now.task.round} has {now.sound} of the {least} sound results that it needs, "
            "and nobody can deliver another"
        )
    until: BlockNumber | None = over_at
    if over:  # then somebody may still join, or deliver
        until = now.task.terms.schedule.accept_before if joinable else None
    return KeepWaiting(until, f"results: {now.decided} of {wanted}")


def closes_at(plan: Plan, task: Task) -> BlockNumber:
    """The first block in which the current round's time is over."""
    return BlockNumber(
        task.round_started + (plan.deadline_blocks or task.terms.schedule.round_time)
    )


def workers_wanted(plan: Plan, task: Task) -> int:
    """How many the first round waits for."""
    return task.terms.slots if plan.min_workers is None else plan.min_workers


def _joining(plan: Plan, now: Standing) -> bool:
    return now.task.round == 1 and now.taking_part < workers_wanted(plan, now.task)


def best_round(plan: Plan, rounds: Sequence[JobRound]) -> JobRound | None:
    """The round with the best figure, the earliest of equals; None where nothing was measured."""
    measured = [done for done in rounds if plan.figure(done) is not None]
    return max(measured, key=lambda done: plan.figure(done) or 0.0, default=None)


def stop_reason(plan: Plan, rounds: Sequence[JobRound]) -> str | None:
    """Why the job stops after these rounds, though others are left; None to go on."""
    best, since = -math.inf, 0
    for done in rounds:
        figure = plan.figure(done)
        if figure is None:
            continue
        if plan.target is not None and figure >= _signed(plan, plan.target):
            return f"the {plan.metric} of {plan.target:g} was reached in round {done.number}"
        better = figure > best + plan.min_delta
        best, since = (figure, 0) if better else (best, since + 1)
        if plan.patience is not None and since >= plan.patience:
            return f"no better {plan.metric} in {since} rounds"
    return None


def _signed(plan: Plan, value: float) -> float:
    return -value if plan.lower_is_better else value
