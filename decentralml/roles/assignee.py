"""The steps of whoever takes assignments: preview, accept, run, send, dispute, release.

Each may be repeated: what is done already is not done again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import ClassVar

from decentralml.chain import calls
from decentralml.chain.records import Assignment, Task, TaskKind, TaskResult
from decentralml.errors import (
    NotTrusted,
    OutOfOrder,
    WrongKind,
)
from decentralml.roles import steps
from decentralml.roles.delivery import unpacked
from decentralml.roles.events import Did
from decentralml.roles.rooms import Machine, Preview, Rooms
from decentralml.roles.round_work import RoundWork, failures_key, trust_key, upload_key
from decentralml.roles.sealed import UnsealableTask, can_seal
from decentralml.types import BlockNumber, Cid, Round, TaskId


class Assignee(RoundWork):
    """A person who takes assignments.

    Args:
        rooms: what the role works with.
        machine: where scripts run, and who decides whether they may.
    """

    name: ClassVar[str] = "worker"
    kinds: ClassVar[frozenset[TaskKind]] = frozenset(TaskKind)

    def __init__(self, rooms: Rooms, machine: Machine) -> None:
        super().__init__(rooms, machine)
        self._settled: set[tuple[TaskId, Round]] = set()
        self._rounds: dict[TaskId, Round] = {}  # in which a task was last seen

    def open_tasks(self, kind: TaskKind | None = None, limit: int = 100) -> list[Task]:
        """Tasks that this role can do and that are not over, newest first, at most ``limit``."""
        wanted = self.kinds if kind is None else self.kinds & {kind}
        if len(wanted) == 1:
            return self.market.open_tasks(kind=next(iter(wanted)), limit=limit)
        tasks = self.market.open_tasks(kind=None, limit=limit)
        return [task for task in tasks if task.terms.kind in wanted]

    def assignments(self) -> list[Assignment]:
        """What this worker has taken on, as the chain says."""
        return self.market.assignments_of(self.account)

    def preview(self, task: TaskId) -> Preview:
        """Download and verify the task's bundle, without accepting anything.

        Raises:
            UnknownTask: there is no such task.
            WrongKind: it is not for this role.
            UnsealableTask: it names a sealing key that keeps no secret.
            AssetError: the bundle could not be had.
        """
        terms = self._suitable(task)
        with self.workspace.hold():
            bundle = self.fetch_bundle(terms)
        return Preview(terms, bundle, self._touches(terms))

    def accept_task(self, task: TaskId) -> Assignment:
        """Download and verify the bundle, take the assignment, download the round's model.

        The bundle comes first: no stake is held for a task whose bundle cannot be had.

        Returns: the assignment; also when it was taken before.

        Raises:
            WrongKind, UnsealableTask: the task is not for this role, or for nobody.
            AssetError: bundle or model could not be had.
            CallRejected: the chain refused, for example NoFreeSlot or AcceptTimeOver.
        """
        terms = self._suitable(task)
        with self.workspace.hold():
            self.fetch_bundle(terms)
            assignment = self._accept(terms)
            self._fetch_model(self.market.task(task))
        return assignment

    def run(self, task: TaskId) -> Path:
        """Run the task's script for the current round, unless that was done.

        Returns: the folder with the result, complete, that `send_task_result` will send.

        Raises:
            OutOfOrder: the task is not accepted.
            NotTrusted: its script was not trusted.
            TaskFailed, TaskLimitExceeded, NoSandbox: the script did not end well.
        """
        with self.workspace.hold():
            terms = self._suitable(task)
            folder = self.workspace.round(task, terms.round)
            if not folder.delivery.exists():
                self._check_assigned(task)
                self.fetch_bundle(terms)
                self._fetch_model(terms)
                if not self._trusted(terms):
                    raise NotTrusted(task, terms.terms.bundle)
                self._run(terms)
        return unpacked(folder)

    def send_task_result(self, task: TaskId) -> TaskResult:
        """Upload the current round's delivery and send its CID to the chain.

        Returns: the result as the chain keeps it; also when it was sent before.

        Raises:
            OutOfOrder: the script was not run in this round.
            CallRejected: the chain refused, for example RoundTimeOver.
        """
        with self.workspace.hold():
            now = self.market.task(task)
            sent = self.market.result(task, now.round, self.account)
            if sent is not None and not self.outbox.is_under_way(_send_key(now)):
                return sent
            folder = self.workspace.round(task, now.round)
            if not folder.delivery.exists():
                raise OutOfOrder(
                    f"send a result of task {task}",
                    f"nothing was made in round {now.round}",
                    "run the task first",
                )
            self._send(now, self._upload(now))
            return self._sent(now)

    def dispute_result(self, task: TaskId, round_: Round) -> BlockNumber:
        """Ask the arbiter about a rejected result; a deposit is held until the ruling.

        Returns: the block in which the dispute began.

        Raises: CallRejected: for example NotRejected or DisputeTimeOver.
        """
        with self.workspace.hold():
            receipt = self.outbox.send(
                f"dispute/{task}/{round_}", calls.dispute_result(task, round_)
            )
        return receipt.block_number

    def release_assignment(self, task: TaskId) -> BlockNumber | None:
        """Give the assignment up. Late in a round this costs a part of the stake.

        Returns: the block in which it was given up; None when there was none, or it had ended.
        """
        with self.workspace.hold():
            key = f"release/{task}"
            held = self.market.assignment(task, self.account)
            gone = held is None or held.ended
            if gone and not self.outbox.is_under_way(key):
                return None
            receipt = self.outbox.send(key, calls.release_assignment(task, self.account))
        self.tell(Did.RELEASED, task, block=receipt.block_number)
        return receipt.block_number

    # What the steps above and the daemon share.

    def facts(self, task: TaskId) -> steps.Facts:
        """The chain's word on this worker's part in the task."""
        last = self._rounds.get(task, Round(1))
        asked = sorted({last, *(r for r in self._sent_in(task) if (task, r) not in self._settled)})
        head, terms, results = self.market.part_of(self.account, task, asked)
        if terms is None:
            return steps.Facts(head, None, None, ())
        if terms.round not in asked:
            newest = self.market.result(task, terms.round, self.account)
            results += [] if newest is None else [newest]
        self._rounds[task] = terms.round
        self._settle(terms, results)
        assignment = self.market.assignment(task, self.account)
        return steps.Facts(head, terms, assignment, tuple(results))

    def progress(self, task: Task) -> steps.Progress:
        """The journal's word on the task's current round."""
        journal, folder = self.workspace.journal, self.workspace.round(task.id, task.round)
        trusted = journal.note(trust_key(task))
        uploaded = journal.note(upload_key(task))
        return steps.Progress(
            bundle=self.workspace.bundle(task.id).exists(),
            trusted=None if trusted is None else trusted == "yes",
            model=task.model is None or folder.model.exists(),
            failures=int(journal.note(failures_key(task)) or 0),
            delivery=folder.delivery.exists(),
            uploaded=None if uploaded is None else Cid(uploaded),
        )

    def progress_of(self, facts: steps.Facts) -> steps.Progress:
        """The journal's word on what the chain just said; empty for a task that is gone."""
        return steps.Progress() if facts.task is None else self.progress(facts.task)

    def do(self, facts: steps.Facts, step: steps.Step) -> tuple[TaskId, Round] | None:
        """Do one step that was decided.

        Returns: task and round when the step sent a result.
        """
        task = facts.task
        if task is None:
            return None
        if isinstance(step, steps.Claim):
            self.claim_result(task.id, step.round, self.account)
        elif isinstance(step, steps.Release):
            self.release_assignment(task.id)
        elif isinstance(step, steps.Send):
            self._send(task, step.delivery)
            return task.id, task.round
        else:
            self._prepare(task, step)
        return None

    def _prepare(self, task: Task, step: steps.Step) -> None:
        """The steps before sending."""
        if isinstance(step, steps.FetchBundle):
            self.fetch_bundle(task)
        elif isinstance(step, steps.AskTrust):
            self._trusted(task)
        elif isinstance(step, steps.Accept):
            self._accept(task)
        elif isinstance(step, steps.FetchModel):
            self._fetch_model(task)
        elif isinstance(step, steps.Run):
            self._run(task)
        elif isinstance(step, steps.Upload):
            self._upload(task)

    def _sent_in(self, task: TaskId) -> Iterator[Round]:
        """Rounds in which a result was sent, as the journal says."""
        for entry in self.workspace.journal.calls(f"send/{task}/"):
            yield Round(int(entry.key.split("/")[2]))

    def _settle(self, task: Task, results: Iterable[TaskResult]) -> None:
        """Remember which rounds are settled, and clear those before the current one away."""
        for of, number in self._settled:
            if of == task.id and number < task.round:
                self._clear(task, number)
        self._settled |= {(task.id, r.round) for r in results if r.is_settled}

    def _clear(self, task: Task, number: Round) -> None:
        """Remove the files of a settled round: nothing is left to send or to dispute in it.

        The newest two rounds' stay: the next model is fetched as far as it differs from them.
        """
        if number < task.round - 1:
            folder = self.workspace.round(task.id, number)
            for path in (folder.model, folder.delivery, folder.sealed):
                shutil.rmtree(path, ignore_errors=True)

    def _suitable(self, task: TaskId) -> Task:
        terms = self.market.task(task)
        if terms.terms.kind not in self.kinds:
            raise WrongKind(task, terms.terms.kind.value, self.name)
        if not can_seal(terms):
            raise UnsealableTask(task)
        return terms

    def _accept(self, task: Task) -> Assignment:
        key = f"accept/{task.id}"
        taken = self.market.assignment(task.id, self.account)
        if taken is not None and not self.outbox.is_under_way(key):
            return taken
        receipt = self.outbox.send(key, calls.accept_task(task.id))
        self.tell(Did.ACCEPTED, task.id, None, task.terms.title, block=receipt.block_number)
        taken = self.market.assignment(task.id, self.account)
        if taken is None:
            raise OutOfOrder(
                f"accept task {task.id}",
                "it was accepted, ended and cleaned up",
                "choose another task",
            )
        return taken

    def _send(self, task: Task, delivery: Cid) -> None:
        call = calls.send_task_result(task.id, task.round, delivery)
        receipt = self.outbox.send(_send_key(task), call)
        self.tell(Did.SENT, task.id, task.round, delivery, block=receipt.block_number)

    def _sent(self, task: Task) -> TaskResult:
        sent = self.market.result(task.id, task.round, self.account)
        if sent is None:
            raise OutOfOrder(
                f"show the result of task {task.id}",
                "it was sent and settled, and the chain has cleaned it up",
                "nothing is left to do",
            )
        return sent


def _send_key(task: Task) -> str:
    return f"send/{task.id}/{task.round}"
