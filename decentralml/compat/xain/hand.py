"""What a worker does on chain whose work is done elsewhere: accept, send, leave, each once."""

from __future__ import annotations

from decentralml.chain import calls
from decentralml.chain.records import Assignment, Task, TaskKind
from decentralml.errors import OutOfOrder, SealingNeeded, WrongKind
from decentralml.roles.events import Did
from decentralml.roles.manifest import Manifest
from decentralml.roles.role import Role
from decentralml.types import BlockNumber, Cid, Round, TaskId


class Hand(Role):
    """A contributor's key at work; its journal is the contributor's own."""

    def accept(self, task: TaskId) -> Assignment:
        """Take a slot of a contribution task, unless it is taken.

        Raises:
            WrongKind, SealingNeeded: the task is not for a XAIN participant.
            OutOfOrder: it asks for a stake, or this account's part in it has ended.
            CallRejected: the chain refused, for example NoFreeSlot.
        """
        terms = self.show(task).terms
        if terms.kind is not TaskKind.CONTRIBUTION:
            raise WrongKind(task, terms.kind.value, "contributor")
        if terms.sealing_key is not None:
            raise SealingNeeded(task)
        if terms.stake:
            raise OutOfOrder(
                f"accept task {task}",
                "it asks for a stake, and a coordinator's selection may pass a worker over",
                "choose another task",
            )
        with self.workspace.hold():
            self.outbox.finish_all(f"send/{task}/")  # a process before this one may have begun it
            key, held = f"accept/{task}", self.market.assignment(task, self.account)
            if held is None or self.outbox.is_under_way(key):
                receipt = self.outbox.send(key, calls.accept_task(task))
                self.tell(Did.ACCEPTED, task, None, terms.title, block=receipt.block_number)
                held = self.market.assignment(task, self.account)
        if held is None or held.ended:
            raise OutOfOrder(
                f"take part in task {task}",
                "this account's part in it is over",
                "use another account, since a task is accepted once",
            )
        return held

    def manifest(self, task: Task) -> Manifest:
        """What a delivery of the task's current round says about itself."""
        return Manifest(
            self.market.genesis, task.id, task.round, self.account, task.terms.bundle, task.model
        )

    def send(self, task: TaskId, round_: Round, delivery: Cid) -> BlockNumber:
        """Send the round's result, unless that was done.

        Returns: the block that holds it.

        Raises: CallRejected: the chain refused, for example WrongRound or RoundTimeOver.
        """
        with self.workspace.hold():
            call = calls.send_task_result(task, round_, delivery)
            receipt = self.outbox.send(f"send/{task}/{round_}", call)
        self.tell(Did.SENT, task, round_, delivery, block=receipt.block_number)
        return receipt.block_number

    def leave(self, task: TaskId) -> None:
        """Give the slot up, where it is still held."""
        with self.workspace.hold():
            key, held = f"release/{task}", self.market.assignment(task, self.account)
            if (held is None or held.ended) and not self.outbox.is_under_way(key):
                return
            receipt = self.outbox.send(key, calls.release_assignment(task, self.account))
        self.tell(Did.RELEASED, task, block=receipt.block_number)
