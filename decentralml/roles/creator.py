"""A creator posts tasks and pays for them, validates what comes back, and federates it."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from decentralml.assets.sealing.keys import SealingKey
from decentralml.chain import calls
from decentralml.chain.records import ResultStatus, Ruling, Task
from decentralml.chain.signed import Receipt
from decentralml.errors import DraftChanged, OutOfOrder
from decentralml.learning.strategies import Strategy
from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.roles.delivery import model_file
from decentralml.roles.events import Did
from decentralml.roles.federation import Evaluate, Measuring, RoundReport, counted, federate_round
from decentralml.roles.job.plan import JobReport, Plan
from decentralml.roles.journal import CallState
from decentralml.roles.posting import Draft, Offer
from decentralml.roles.sealed import check_offer, own_identity
from decentralml.roles.secure.settings import read_secure
from decentralml.roles.telling import Told, told_for, write_round
from decentralml.roles.validator import USABLE, Validator
from decentralml.roles.worker import never
from decentralml.types import AccountId, BlockNumber, Cid, Round, TaskId


@dataclass(frozen=True, slots=True)
class Posted:
    """A task that is on chain.

    Attributes:
        task: its number.
        bundle: CID of its bundle.
        model: CID of the first round's model, if it has one.
        receipt: of the call that created it.
    """

    task: TaskId
    bundle: Cid
    model: Cid | None
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was removed of a task.

    Attributes:
        items: how many.
        block: in which the last of them went; None when the chain kept nothing of it any more.
    """

    items: int = 0
    block: BlockNumber | None = None


class Creator(Validator):
    """A person who posts tasks."""

    def create_task(
        self,
        folder: Path,
        offer: Offer,
        *,
        model: Path | None = None,
        key: str | None = None,
        strategy: Strategy | None = None,
    ) -> Posted:
        """Upload the bundle (and the first round's model), lock the pay, post the task.

        Interrupted and called again with the same arguments it goes on with the posting that was
        begun; it never posts or pays twice for one posting.

        Args:
            folder: the task folder, with ``start_task.sh``.
            offer: the terms.
            model: the file of the first round's model; needed when there are several rounds.
            key: names this posting: called again with the same key, also after it was finished,
                the same task is returned. Without a key every finished posting is followed by a
                new one.
            strategy: by which the rounds will be federated, where it has something to tell
                contributors in the first round already.

        Raises:
            DraftChanged: the key was used for another posting.
            AssetError: the folder breaks a rule of bundles, or the sealing key is none.
            OutOfOrder: whoever is to validate could not open the sealed results.
            CallRejected: the chain refused, for example InvalidSchedule.
            InsufficientFunds: the account cannot hold the reward and the deposit.
        """
        check_offer(offer, self.market)
        with self.workspace.hold():
            bundle = self.put(folder)
            model_cid = None if model is None else self._put_first(model, strategy)
            draft = self._draft(key, offer, bundle, model_cid)
            self.checkpoint(f"create/{draft.key}:uploaded")
            return self._post(draft, offer)

    def sealing_key(self) -> SealingKey:
        """The key to which results for this person are sealed (`Offer.sealing_key`, its bytes); it
        follows from the key that signs."""
        return own_identity(self.market).public

    def tasks(self) -> list[Task]:
        """Tasks that this account posted and that the chain still keeps, newest first."""
        return [t for t in self.market.tasks_of(self.account) if t.creator == self.account]

    def federate(
        self,
        task: TaskId,
        round_: Round | None = None,
        *,
        strategy: Strategy | None = None,
        evaluate: Evaluate | None = None,
        statuses: Iterable[ResultStatus] = USABLE,
    ) -> RoundReport:
        """Make the next model of a round's deliveries, weighted by their examples.

        Deliveries that fail a check are left out and named in the report, with the reason with
        which they can be rejected.

        Args:
            task: a task whose deliveries are models or weights.
            round_: the round; None for the current one.
            strategy: how to combine; None for the weighted mean.
            evaluate: measures a model's file; called on the base, each delivery's and the
                federated model.
            statuses: which results to use: pending and accepted ones by default.

        Returns: what was federated and refused, with the new model's file.

        Raises:
            NothingToFederate: no delivery could be used.
            OutOfOrder: the task is a secure one.
        """
        with self.workspace.hold():
            now = self.market.task(task)
            number = now.round if round_ is None else round_
            if read_secure(self.fetch_bundle(now)) is not None:
                raise OutOfOrder(
                    f"federate round {number} of task {task}",
                    "the task is secure: its results are masked, and no model can be made of them",
                    "run its job",
                )
            deliveries = self.fetch_results(task, number, statuses)
            report = federate_round(
                now,
                number,
                self.base_of(now, number),
                deliveries,
                self.workspace.round(task, number),
                strategy or FedAvg(),
                Measuring(evaluate),
                self.memory_before(task, number),
            )
        self.tell(Did.FEDERATED, task, number, counted(len(report.used)))
        return report

    def run_job(
        self,
        task: TaskId,
        plan: Plan | None = None,
        *,
        once: bool = False,
        stop: Callable[[], bool] = never,
    ) -> JobReport:
        """Run a contribution task from its current round to its end, by a plan.

        Each round is gathered, checked, federated, paid and measured, and its model published as
        the next one's. Interrupted anywhere and called again, it goes on where it was. A task with
        ``secure.json`` in its bundle is run by `secure.job.SecureJob`.

        Args:
            task: a task of this account that was posted with a model.
            plan: how it goes; None for a plain weighted mean of everybody's results.
            once: return as soon as nothing can be done without waiting for the chain.
            stop: asked at least once a second; True ends it between two steps.

        Raises: as `job.Job` and its `run`.
        """
        from decentralml.roles.job.job import Job
        from decentralml.roles.secure.job import SecureJob

        plan = plan or Plan()
        with self.workspace.hold():
            secure = read_secure(self.fetch_bundle(self.show(task)))
        job = Job(self, task, plan) if secure is None else SecureJob(self, task, plan, secure)
        return job.run(once=once, stop=stop)

    def start_round(
        self,
        task: TaskId,
        model: Path | None = None,
        *,
        number: Round | None = None,
        told: Told | None = None,
    ) -> Task:
        """Publish the next round's model.

        Interrupted and called again it goes on with the round that was begun, and starts no other.

        Args:
            task: a task with rounds left.
            model: the model's file; None for what `federate` made of the current round.
            number: the round to start; None for the one after the current. A round that runs or is
                over is not started again.
            told: what contributors get besides the model.

        Returns: the task in its new round.

        Raises:
            OutOfOrder: nothing was federated in the current round, and no model was given.
            CallRejected: for example NoRoundsLeft.
        """
        with self.workspace.hold():
            if self.finish_start(task):
                return self.market.task(task)
            now = self.market.task(task)
            wanted = Round(now.round + 1) if number is None else number
            if wanted <= now.round:
                return now
            self.publish_round(task, wanted, self.put_model(model or self._federated(now), told))
            return self.market.task(task)

    def publish_round(self, task: TaskId, number: Round, cid: Cid) -> None:
        """Start the round with the model of that CID, which is in the store."""
        receipt = self.outbox.send(f"start_round/{task}/{number}", calls.start_round(task, cid))
        self.tell(Did.ROUND_STARTED, task, number, cid, block=receipt.block_number)

    def withdraw_task(self, task: TaskId) -> BlockNumber:
        """End the task: no new work; what is owed stays held, the rest comes back.

        Returns: the block in which it was withdrawn.
        """
        with self.workspace.hold():
            receipt = self.outbox.send(f"withdraw/{task}", calls.withdraw_task(task))
        self.tell(Did.WITHDRAWN, task, block=receipt.block_number)
        return receipt.block_number

    def release_expired(self, task: TaskId, worker: AccountId) -> BlockNumber:
        """Open the slot of a worker who let a round pass.

        Raises: CallRejected: for example TooEarly.
        """
        with self.workspace.hold():
            since = self.market.assignment(task, worker)
            started = "gone" if since is None else since.since
            key = f"release/{task}/{worker}/{started}"
            receipt = self.outbox.send(key, calls.release_assignment(task, worker))
        self.tell(Did.RELEASED, task, None, worker, block=receipt.block_number)
        return receipt.block_number

    def resolve_dispute(
        self, task: TaskId, round_: Round, worker: AccountId, ruling: Ruling
    ) -> BlockNumber:
        """Rule on a dispute, as the arbiter that the task names.

        Raises: CallRejected: for example NotArbiter, NotDisputed, ArbiterTimeOver.
        """
        with self.workspace.hold():
            call = calls.resolve_dispute(task, round_, worker, ruling)
            return self.outbox.send(f"resolve/{task}/{round_}/{worker}", call).block_number

    def prune_task(self, task: TaskId, limit: int = 100) -> Pruned:
        """Remove all that the chain keeps of a settled task; deposits return to who paid them.

        Returns: how many items were removed, and when.

        Raises: CallRejected: for example TaskNotFinished, StillOwed.
        """
        removed = Pruned()
        with self.workspace.hold():
            prefix = f"prune/{task}/"
            self.outbox.finish_all(prefix)
            while self.show_if_kept(task) is not None:
                count = self.workspace.journal.count(prefix)
                receipt = self.outbox.send(f"{prefix}{count:06}", calls.prune_task(task, limit))
                items = int(receipt.event("TaskPruned").fields["items"])
                removed = Pruned(removed.items + items, receipt.block_number)
        return removed

    def _draft(self, key: str | None, offer: Offer, bundle: Cid, model: Cid | None) -> Draft:
        wanted = Draft.of(key or uuid.uuid4().hex, offer, bundle, model)
        journal = self.workspace.journal
        if key is None:
            begun = (Draft.decode(text) for text in journal.notes("draft/").values())
            same = (d for d in begun if not d.differs(wanted) and self._is_unfinished(d))
            wanted = next(same, wanted)
        noted = journal.note(f"draft/{wanted.key}")
        if noted is not None:
            differs = Draft.decode(noted).differs(wanted)
            if differs:
                raise DraftChanged(wanted.key, differs)
        journal.write_note(f"draft/{wanted.key}", wanted.encode())
        return wanted

    def _is_unfinished(self, draft: Draft) -> bool:
        entry = self.workspace.journal.call(f"create/{draft.key}")
        return entry is None or entry.state is not CallState.DONE

    def _post(self, draft: Draft, offer: Offer) -> Posted:
        key = f"create/{draft.key}"
        if self.outbox.is_under_way(key):
            receipt = self.outbox.finish(key)
        else:
            terms = offer.terms(draft.bundle, draft.model, self.market.head())
            receipt = self.outbox.send(key, calls.create_task(terms))
        posted = Posted(_task_of(receipt), draft.bundle, draft.model, receipt)
        self.tell(Did.POSTED, posted.task, text=offer.title, block=receipt.block_number)
        return posted

    def _put_first(self, file: Path, strategy: Strategy | None) -> Cid:
        told = None if strategy is None else told_for(strategy, Round(1), file, None)
        return self.put_model(file, told)

    def put_model(self, file: Path, told: Told | None = None) -> Cid:
        """Models travel in bundles, so that the file keeps its name."""
        with tempfile.TemporaryDirectory(dir=self.workspace.folder, prefix="model-") as folder:
            write_round(Path(folder), file, told or Told())
            return self.put(Path(folder))

    def _federated(self, task: Task) -> Path:
        folder = self.workspace.round(task.id, task.round).federated
        if not folder.is_dir():
            raise OutOfOrder(
                f"start the round after {task.round} of task {task.id}",
                "nothing was federated in this round",
                "federate it first, or name a model file",
            )
        return model_file(folder)

    def memory_before(self, task: TaskId, number: Round) -> Path | None:
        """What the strategy remembers of the round before, if there was one."""
        return self.workspace.round(task, Round(number - 1)).memory if number > 1 else None

    def base_of(self, task: Task, number: Round) -> Path:
        """The model that a round started from, verified.

        Raises: OutOfOrder: it is not known.
        """
        base = self.round_model(task, number)
        if base.cid is None:
            raise OutOfOrder(
                f"federate round {number} of task {task.id}",
                "the model that the round started from is not known",
                "federate a round of a task that was posted with a model",
            )
        return model_file(self.fetch_model(base.cid, task.id, number))

    def finish_start(self, task: TaskId) -> bool:
        """Finish a start that was under way; whether there was one."""
        begun = self.workspace.journal.calls(f"start_round/{task}/", CallState.SIGNED)
        keys = [entry.key for entry in begun]
        for key in keys:
            self.outbox.finish(key)
        return bool(keys)


def _task_of(receipt: Receipt) -> TaskId:
    return TaskId(int(receipt.event("TaskCreated").fields["task"]))
