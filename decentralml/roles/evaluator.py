"""An evaluator validates the results of tasks that name the evaluator's account."""

from __future__ import annotations

from collections.abc import Callable

from decentralml.chain.records import Delegated, Task
from decentralml.roles.validator import Validator
from decentralml.roles.verdicts import Judge, by_checks
from decentralml.roles.worker import never
from decentralml.types import TaskId


class Evaluator(Validator):
    """A person to whom creators delegate validation."""

    def tasks(self) -> list[Task]:
        """Tasks delegated to this account: open ones, and those that were seen before."""
        journal = self.workspace.journal
        for task in self.market.open_tasks():
            if task.terms.policy == Delegated(self.account):
                journal.write_note(f"delegated/{task.id}", "yes")
        numbers = [TaskId(int(key.split("/")[1])) for key in journal.notes("delegated/")]
        kept = (self.show_if_kept(number) for number in sorted(numbers, reverse=True))
        return [task for task in kept if task is not None]

    def work(
        self, judge: Judge = by_checks, *, once: bool = False, stop: Callable[[], bool] = never
    ) -> None:
        """Validate what comes in for all tasks that are delegated to this account.

        Args: as `Validator.watch`.
        """
        self.watch(lambda: [task.id for task in self.tasks()], judge, once=once, stop=stop)
