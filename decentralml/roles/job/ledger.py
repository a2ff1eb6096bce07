"""The rounds of a job that are federated, as the journal has them, and what is kept of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterable

from decentralml.chain.records import ResultStatus, TaskResult
from decentralml.roles.events import Checkpoint
from decentralml.roles.job.curves import Curves
from decentralml.roles.job.plan import Best, Earned, JobReport, JobRound, Plan
from decentralml.roles.job.steps import best_round
from decentralml.roles.workspace import Workspace
from decentralml.types import AccountId, Planck, Round, TaskId


class Ledger:
    """What a job has done so far.

    Args:
        workspace: whose journal keeps it.
        task: the job's task.
        plan: says what is to be shown and kept of the rounds.
        checkpoint: called with a name before and after each effect.
    """

    def __init__(
        self, workspace: Workspace, task: TaskId, plan: Plan, checkpoint: Checkpoint
    ) -> None:
        self._workspace, self._task, self._plan = workspace, task, plan
        self._checkpoint = checkpoint
        self._rounds: dict[Round, JobRound] = {}
        self._curves = Curves(plan, task)

    @property
    def rounds(self) -> list[JobRound]:
        """All rounds, in their order."""
        return list(self._rounds.values())

    def get(self, number: int) -> JobRound | None:
        """The round, once it is federated."""
        return self._rounds.get(Round(number))

    def recall(self) -> None:
        """Read what the journal knows, also of rounds that another process recorded."""
        prefix = f"job/{self._task}/"
        for key, text in self._workspace.journal.notes(prefix).items():
            number = Round(int(key.removeprefix(prefix)))
            if number not in self._rounds:
                folder = self._workspace.round(self._task, number).federated
                self._rounds[number] = JobRound.decode(text, folder)
        self._rounds = dict(sorted(self._rounds.items()))
        self._curves.show(self.rounds)

    def record(self, done: JobRound) -> None:
        """Keep a round: from here on it is never federated again."""
        key = f"job/{self._task}/{done.number}"
        self._checkpoint(f"{key}:measured")
        self._workspace.journal.write_note(key, done.encode())
        self._checkpoint(f"{key}:recorded")
        self._rounds[done.number] = done
        self._curves.show(self.rounds)
        self.put_out()

    def best(self) -> Best | None:
        """The best model so far; None where nothing was measured."""
        best = best_round(self._plan, self.rounds)
        if best is None:
            return None
        return Best(best.number, best.figures[self._plan.metric], best.model, best.cid)

    def put_out(self) -> None:
        """Copy the best model, or the last one, to where the plan wants it."""
        model, output = self.report("", ()).model, self._plan.output
        if output is not None and model is not None:
            temporary = output.with_name(output.name + ".tmp")
            shutil.copyfile(model, temporary)
            temporary.replace(output)

    def clear(self, number: Round) -> None:
        """Remove what a round left here and nobody reads again: the store has all of it."""
        best = best_round(self._plan, self.rounds)
        folder = self._workspace.round(self._task, number)
        for name in ("received", "opened"):
            shutil.rmtree(folder.folder / name, ignore_errors=True)
        shutil.rmtree(folder.model, ignore_errors=True)
        for earlier in (n for n in self._rounds if n < number):
            folder = self._workspace.round(self._task, earlier)
            folder.memory.unlink(missing_ok=True)
            if best is None or earlier != best.number:
                shutil.rmtree(folder.federated, ignore_errors=True)

    def report(self, ended: str, results: Iterable[TaskResult]) -> JobReport:
        """What became of the job.

        Args:
            ended: why it ended.
            results: all that the chain keeps of the task.
        """
        by_worker: dict[AccountId, list[TaskResult]] = {}
        for result in results:
            by_worker.setdefault(result.worker, []).append(result)
        earned = {worker: _earned(of) for worker, of in by_worker.items()}
        return JobReport(self._task, tuple(self.rounds), ended, self.best(), earned)

    def close(self) -> None:
        """Close the curves' files."""
        self._curves.close()


def _earned(results: list[TaskResult]) -> Earned:
    count = {status: sum(r.status is status for r in results) for status in ResultStatus}
    return Earned(
        accepted=count[ResultStatus.ACCEPTED],
        rejected=count[ResultStatus.REJECTED],
        pending=count[ResultStatus.PENDING] + count[ResultStatus.DISPUTED],
        paid=Planck(sum(r.paid for r in results)),
    )
