"""An evaluator validates the results of tasks that name the evaluator's account."""

from __future__ import annotations

from collections.abc import Callable

from decentralml.chain.records import Delegated, Task
from decentralml.roles.validator import Validator
from decentralml.roles.verdicts import Judge, by_checks
from decentralml.roles.worker import never
from decentralml.types import TaskId

LOOK_BACK = 1000
AGAIN = 16
SEEN, DELEGATED = "seen", "delegated/"


class Evaluator(Validator):
    """A person to whom creators delegate validation."""

    def tasks(self) -> list[Task]:
        """Tasks delegated to this account that the chain still keeps, newest first.

        New tasks are looked through once each; the first time, the newest `LOOK_BACK`.
        """
        journal, count = self.workspace.journal, self.market.task_count()
        seen = journal.note(SEEN)
        # The last few are looked at again: their blocks may have been replaced by others.
        first = count - LOOK_BACK if seen is None else int(seen) - AGAIN
        for number in range(max(0, first), count):
            self.look_after(TaskId(number))
        journal.write_note(SEEN, str(count))
        known = (k for k, said in journal.notes(DELEGATED).items() if said == "yes")
        numbers = sorted((TaskId(int(key.split("/")[1])) for key in known), reverse=True)
        return [task for number in numbers if (task := self._kept(number)) is not None]

    def look_after(self, task: TaskId) -> bool:
        """Remember a task for `tasks` and `work`, if it is delegated to this account.

        Returns: whether it is.
        """
        found = self.show_if_kept(task)
        if found is None or found.terms.policy != Delegated(self.account):
            return False
        self.workspace.journal.write_note(f"{DELEGATED}{task}", "yes")
        return True

    def _kept(self, task: TaskId) -> Task | None:
        found = self.show_if_kept(task)
        if found is None:
            self.workspace.journal.write_note(f"{DELEGATED}{task}", "cleaned up")
        return found

    def work(
        self, judge: Judge = by_checks, *, once: bool = False, stop: Callable[[], bool] = never
    ) -> None:
        """Validate what comes in for all tasks that are delegated to this account.

        Args: as `Validator.watch`.
        """
        self.watch(lambda: [task.id for task in self.tasks()], judge, once=once, stop=stop)
