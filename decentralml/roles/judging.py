"""Giving verdicts: one by one, or a round's in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from decentralml.chain import calls
from decentralml.chain.records import Reject, ResultStatus, Task, TaskResult, Verdict
from decentralml.errors import CallRejected
from decentralml.roles.events import Did
from decentralml.roles.role import Role
from decentralml.roles.verdicts import Checked, Judge, must_decide, one_line
from decentralml.types import AccountId, BlockNumber, Round, TaskId

MAX_BATCH = 100  # verdicts in one transaction, which then fits well into a block


class Judging(Role):
    """Someone whose verdicts a task's policy counts."""

    def validate_task_result(
        self, task: TaskId, round_: Round, worker: AccountId, verdict: Verdict
    ) -> BlockNumber | None:
        """Give a verdict: accept and pay, or reject with a reason.

        Returns: the block that holds it; None when the result was decided otherwise before.

        Raises: CallRejected: for example NotValidator, ValidateTimeOver, UnknownResult.
        """
        key = f"validate/{task}/{round_}/{worker}"
        with self.workspace.hold():
            result = self.market.result(task, round_, worker)
            decided = result is not None and result.status is not ResultStatus.PENDING
            if decided and self.workspace.journal.call(key) is None:
                return None
            if isinstance(verdict, Reject):
                verdict = Reject(one_line(verdict.reason))
            call = calls.validate_task_result(task, round_, worker, verdict)
            receipt = self.outbox.send(key, call)
        self._tell_verdict(task, round_, worker, verdict, receipt.block_number)
        return receipt.block_number

    def _tell_verdict(
        self, task: TaskId, round_: Round, worker: AccountId, verdict: Verdict, block: BlockNumber
    ) -> None:
        refused = isinstance(verdict, Reject)
        text = f"{worker}: {verdict.reason}" if isinstance(verdict, Reject) else worker
        did = Did.REFUSED if refused else Did.VALIDATED
        self.tell(did, task, round_, text, block=block)

    def validate_task_results(
        self, task: TaskId, verdicts: Sequence[tuple[TaskResult, Verdict]]
    ) -> list[BlockNumber | CallRejected]:
        """Give several verdicts in as few transactions as they fit in, each verdict for itself.

        Args:
            task: the task.
            verdicts: each with the result it is on, which was pending when it was last looked at.

        Returns: for each, in their order, the block that holds it, or why the chain refused it.
        """
        outcomes: list[BlockNumber | CallRejected] = []
        with self.workspace.hold():
            for start in range(0, len(verdicts), MAX_BATCH):
                outcomes += self._send_batch(task, verdicts[start : start + MAX_BATCH])
        return outcomes

    def _send_batch(
        self, task: TaskId, verdicts: Sequence[tuple[TaskResult, Verdict]]
    ) -> list[BlockNumber | CallRejected]:
        key = f"verdicts/{task}/"
        said = [
            (r, Reject(one_line(v.reason)) if isinstance(v, Reject) else v) for r, v in verdicts
        ]
        each = [calls.validate_task_result(task, r.round, r.worker, v) for r, v in said]
        # What is under this prefix is never begun anew: those still undecided get a new number.
        number = self.workspace.journal.count(key)
        receipt = self.outbox.send(f"{key}{number:06}", calls.batch_each(each))
        outcomes: list[BlockNumber | CallRejected] = []
        for place, (result, verdict) in enumerate(said):
            failure = receipt.failure(place, "validate_task_result")
            outcomes.append(failure or receipt.block_number)
            if failure is not None:
                self.tell(Did.FAILED, task, result.round, f"verdict on {result.worker}: {failure}")
            else:
                self._tell_verdict(task, result.round, result.worker, verdict, receipt.block_number)
        return outcomes

    def finish_verdicts(self, task: TaskId) -> None:
        """Settle the verdicts that an interrupted process had on their way.

        Raises: ChainError: the chain could not be reached.
        """
        for prefix in (f"validate/{task}/", f"verdicts/{task}/"):
            self.outbox.finish_all(prefix)

    def decide(
        self, task: Task, checked: Checked, judge: Judge, head: BlockNumber
    ) -> Verdict | None:
        """The judge's verdict; what is still missing when its time runs out is rejected."""
        verdict = judge(checked)
        undecided = verdict is None and checked.missing
        if undecided and must_decide(checked.result, task.terms.schedule, head):
            verdict = Reject("the result could not be downloaded in time")
        return verdict

    def give(
        self, task: TaskId, decided: Mapping[Checked, Verdict | None]
    ) -> dict[Checked, Verdict | None]:
        """Send the verdicts that were decided; one alone as a transaction of its own.

        Returns: those that the chain took, None for the others.

        Raises: CallRejected: it took none.
        """
        sent = [(c, v) for c, v in decided.items() if v is not None]
        if len(sent) == 1:
            checked, verdict = sent[0]
            result = checked.result
            self.validate_task_result(task, result.round, result.worker, verdict)
            return dict(decided)
        outcomes = self.validate_task_results(task, [(c.result, v) for c, v in sent])
        failures = [outcome for outcome in outcomes if isinstance(outcome, CallRejected)]
        if failures and len(failures) == len(outcomes):
            raise failures[0]
        lost = {c for (c, _), o in zip(sent, outcomes, strict=True) if isinstance(o, CallRejected)}
        return {c: None if c in lost else v for c, v in decided.items()}
