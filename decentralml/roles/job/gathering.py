"""One round's results as they come in: each is downloaded and checked once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from decentralml.chain.records import (
    Accept,
    Manual,
    Reject,
    ResultStatus,
    Task,
    TaskResult,
    Verdict,
)
from decentralml.roles.validator import Validator
from decentralml.roles.verdicts import Checked, Judge
from decentralml.types import AccountId, BlockNumber, Round


@dataclass(frozen=True, slots=True)
class Arrived:
    """A result of the round, and what is to become of it.

    Attributes:
        checked: the delivery after its checks, with the result as it stands on chain now.
        verdict: that the creator has to give; None for one that somebody else gives, was given
            already, or cannot be given yet.
        open: whether something is still to be found out about it.
        sound: whether it can be federated.
    """

    checked: Checked
    verdict: Verdict | None
    open: bool
    sound: bool

    @property
    def worker(self) -> AccountId:
        """Who sent it."""
        return self.checked.result.worker

    @property
    def refusal(self) -> str | None:
        """Why it does not count, as far as that is known."""
        if isinstance(self.verdict, Reject):
            return self.verdict.reason
        return self.checked.result.reason or self.checked.reason or None


@dataclass(slots=True)
class Gathering:
    """What arrived in one round.

    Args:
        creator: downloads and checks.
        task: the task, in the round.
        number: the round.
        judge: decides about a delivery that the creator validates.
    """

    creator: Validator
    task: Task
    number: Round
    judge: Judge
    left_out: dict[AccountId, str] = field(default_factory=dict)
    """Workers whose delivery passed the checks, and could not be federated all the same."""
    _checks: Callable[[Iterable[TaskResult]], list[Checked]] | None = None
    _seen: dict[AccountId, Checked] = field(default_factory=dict)

    def look(self, head: BlockNumber) -> list[Arrived]:
        """All results of the round, the earliest first; the new ones are downloaded and checked."""
        results = self.creator.market.results_of(self.task.id, self.number)
        self._check([r for r in results if self._is_new(r)])
        now = {result.worker: result for result in results}
        return [
            self._arrived(replace(checked, result=now[worker]), head)
            for worker, checked in self._seen.items()
            if worker in now
        ]

    def verdicts(self, arrived: Iterable[Arrived]) -> list[tuple[TaskResult, Verdict]]:
        """What is to be said about them, by whom the chain waits for."""
        return [
            (a.checked.result, Reject(self.left_out[a.worker]) if a.worker in self.left_out else v)
            for a in arrived
            if (v := a.verdict) is not None
        ]

    def _is_new(self, result: TaskResult) -> bool:
        seen = self._seen.get(result.worker)
        return seen is None or seen.missing or seen.result.result != result.result

    def _check(self, results: list[TaskResult]) -> None:
        if not results:
            return
        if self._checks is None:
            self._checks = self.creator.checks(self.task, self.number)
        for checked in self._checks(results):
            # Anew at the end: what was missing is as late as the moment it could be had.
            self._seen.pop(checked.result.worker, None)
            self._seen[checked.result.worker] = checked

    def _arrived(self, checked: Checked, head: BlockNumber) -> Arrived:
        status = checked.result.status
        fit = checked.refusal is None and checked.result.worker not in self.left_out
        if status is ResultStatus.ACCEPTED:
            return Arrived(checked, None, open=checked.missing, sound=fit)
        if status is not ResultStatus.PENDING:
            return Arrived(checked, None, open=False, sound=False)
        if self.task.terms.policy != Manual():
            return Arrived(checked, None, open=True, sound=False)
        verdict = self._verdict(checked, head)
        sound = fit and isinstance(verdict, Accept)
        return Arrived(checked, verdict, open=verdict is None, sound=sound)

    def _verdict(self, checked: Checked, head: BlockNumber) -> Verdict | None:
        reason = self.left_out.get(checked.result.worker)
        if reason is not None:
            return Reject(reason)
        return self.creator.decide(self.task, checked, self.judge, head)


def pressing(arrived: list[Arrived], task: Task, head: BlockNumber) -> Iterator[Arrived]:
    """Those whose verdict must not wait for the round's end: half of its time is over."""
    for one in arrived:
        if one.verdict is not None and head + 1 >= decide_by(one.checked.result, task):
            yield one


def decide_by(result: TaskResult, task: Task) -> BlockNumber:
    """When a pending result is decided at the latest, though the round goes on."""
    if result.deadline is None:
        return BlockNumber(result.sent)
    return BlockNumber(result.deadline - task.terms.schedule.validate_time // 2)
