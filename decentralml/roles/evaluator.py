"""An evaluator validates the results of tasks that name the evaluator's account."""

from __future__ import annotations

from collections.abc import Callable

from decentralml.chain.records import Delegated, Task
from decentralml.roles.measuring import Measurer
from decentralml.roles.validator import Validator
from decentralml.roles.verdicts import Judge, by_checks
from decentralml.roles.worker import never


class Evaluator(Validator):
    """A person to whom creators delegate validation."""

    def tasks(self) -> list[Task]:
        """Tasks delegated to this account that the chain still keeps, newest first."""
        mine = Delegated(self.account)
        return [t for t in self.market.tasks_of(self.account) if t.terms.policy == mine]

    def work(
        self,
        judge: Judge = by_checks,
        *,
        measurer: Measurer | None = None,
        once: bool = False,
        stop: Callable[[], bool] = never,
    ) -> None:
        """Validate what comes in for all tasks that are delegated to this account.

        Args:
            measurer: measures the rounds' models, and each delivery before it is judged.
            judge, once, stop: as `Validator.watch`.
        """
        self.watch(
            lambda: [task.id for task in self.tasks()],
            judge if measurer is None else measurer.judge(judge),
            seen=None if measurer is None else measurer.look,
            once=once,
            stop=stop,
        )
