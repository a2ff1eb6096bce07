"""A creator's secure job: `job.Job`, whose rounds are the protocol's messages."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from decentralml.chain.records import Delegated, Task
from decentralml.errors import OutOfOrder
from decentralml.learning import models
from decentralml.learning.errors import TooFewUpdates
from decentralml.learning.secagg.collector import masks_left
from decentralml.learning.secagg.errors import OutOfRange, SecretNotRecovered, TooFewMembers
from decentralml.learning.secagg.fixed import Ring
from decentralml.learning.secagg.session import Revealed, Session
from decentralml.learning.strategies import Strategy
from decentralml.learning.strategies.fedadagrad import FedAdagrad
from decentralml.learning.strategies.fedadam import FedAdam
from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.learning.strategies.fedavgm import FedAvgM
from decentralml.learning.strategies.fedprox import FedProx
from decentralml.learning.strategies.fedyogi import FedYogi
from decentralml.roles.events import Did
from decentralml.roles.federation import Figures, Part, RoundReport
from decentralml.roles.job.gathering import Arrived
from decentralml.roles.job.job import Job
from decentralml.roles.job.plan import InvalidPlan, JobRound, Plan
from decentralml.roles.job.steps import Standing, closes_at
from decentralml.roles.round_bundle import round_files
from decentralml.roles.secure.closing import Closing, OpenRound, Senders, close
from decentralml.roles.secure.message import Message, read_message
from decentralml.roles.secure.peers import Peers
from decentralml.roles.secure.request import KEY, Request, read_request
from decentralml.roles.secure.settings import SecureSettings, phase_of
from decentralml.roles.secure.summing import add_up, masked_size, unmasked, write_next
from decentralml.roles.telling import Told, told_for
from decentralml.roles.workspace import RoundFolder, put_in_place
from decentralml.types import AccountId, BlockNumber, Round, TaskId

if TYPE_CHECKING:
    from decentralml.roles.creator import Creator


def check_strategy(strategy: Strategy) -> None:
    """Raises InvalidPlan unless a mean is all that the strategy needs of the updates."""
    inner = strategy
    while isinstance(inner, FedProx):
        inner = inner.inner
    if type(inner) not in _STEPS:
        raise InvalidPlan(
            "strategy",
            f"{type(inner).__name__} looks at single updates, or adds noise to clipped ones, and a "
            "secure job knows their mean alone; take "
            + ", ".join(step.__name__ for step in _STEPS),
        )


_STEPS = (FedAvg, FedAvgM, FedAdam, FedYogi, FedAdagrad)

SUM = "masked_sum.u64"
"""Of a round of masked updates, in its folder, until it is unmasked."""


class SecureJob(Job):
    """One secure job.

    Of the plan's strategy only the server's step is used, on the mean that is known: strategies
    that look at single updates (robust ones) have nothing to look at.

    Args:
        creator: whose task it is.
        task: a task with ``secure.json`` in its bundle.
        plan: how it goes.
        settings: the task's terms.

    Raises:
        InvalidPlan: the strategy needs single updates.
        OutOfOrder: it is somebody else's, or another account validates its results.
    """

    def __init__(
        self, creator: Creator, task: TaskId, plan: Plan, settings: SecureSettings
    ) -> None:
        check_strategy(plan.strategy)
        super().__init__(creator, task, plan)
        self.settings = settings
        terms = creator.show(task).terms
        if isinstance(terms.policy, Delegated):
            raise OutOfOrder(
                f"run the secure job of task {task}",
                "another account validates its results",
                "post it with the policy manual or auto-accept",
            )
        self._over = False
        self._needed_when_over: dict[Round, int] = {}
        self._closing: Closing | None = None
        self._was_summed = False

    # Waiting

    def _standing(self, task: Task, head: BlockNumber, arrived: list[Arrived]) -> Standing:
        now = super()._standing(task, head, arrived)
        self._over = head + 1 >= closes_at(self.plan, task)
        if not self._over:
            return now
        return replace(now, needed=self._needed_when_over.get(task.round, 1))

    # Closing a round

    def _federate(self, task: Task, arrived: list[Arrived]) -> RoundReport:
        """End the round: the next model where a sum is unmasked, else the round's own."""
        messages = {
            a.worker: read_message(a.checked.folder)
            for a in arrived
            if a.sound and a.checked.folder is not None
        }
        request = self._request(task)
        open_round = OpenRound(
            task.round,
            phase_of(task.round, task.terms.rounds),
            request,
            self.settings,
            self._over,
        )
        banned = self._banned()
        self._close_round(open_round, messages)
        folder = self.workspace.round(self.id, task.round)
        base = self.creator.base_of(task, task.round)
        examples = self._make_model(task, request, messages, base, folder)
        if self._banned() != banned:  # found in unmasking: not in the next sum either
            self._close_round(open_round, messages)
        self._keep_sum(task, messages, base, folder)
        parts = tuple(Part(worker, 0, {}, {}) for worker in messages)
        figures = {} if examples is None else {"examples": float(examples)}
        return RoundReport(
            self.id, task.round, folder.federated / base.name, parts, {}, {}, figures
        )

    def _close_round(self, current: OpenRound, messages: Mapping[AccountId, Message]) -> None:
        try:
            self._closing = close(current, self._senders(messages))
        except TooFewUpdates as few:
            if self._over:
                self._needed_when_over[current.number] = few.needed
            raise
        if self._closing.lost:
            self.creator.tell(Did.FAILED, self.id, current.number, self._closing.lost)

    def _measured(
        self, task: Task, head: BlockNumber, report: RoundReport, arrived: list[Arrived]
    ) -> JobRound:
        """As of any job; the next round is told what it is asked for."""
        self._was_summed = bool(report.federated)
        done = super()._measured(task, head, report, arrived)
        figures = {**done.figures, **report.federated}
        number = Round(task.round + 1)
        if number > task.terms.rounds or self._closing is None:
            return replace(done, figures=figures)
        told = told_for(self.plan.strategy, number, report.model, None)
        asked = {**told.settings, KEY: self._closing.next.to_json()}
        cid = self.creator.put_model(report.model, Told("secure", asked))
        return replace(done, figures=figures, cid=cid)

    def _figures(self, model: Path) -> Figures:
        """Only models that are new are measured."""
        return super()._figures(model) if self._was_summed else {}

    def _senders(self, messages: Mapping[AccountId, Message]) -> Senders:
        return Senders(
            keys=[w for w, m in messages.items() if m.keys is not None],
            announced=[w for w, m in messages.items() if m.announcement is not None],
            masked=[w for w, m in messages.items() if m.masked is not None],
            revealed=[w for w, m in messages.items() if m.revealed is not None],
            banned=self._banned(),
        )

    def _make_model(
        self,
        task: Task,
        request: Request,
        messages: Mapping[AccountId, Message],
        base: Path,
        folder: RoundFolder,
    ) -> int | None:
        """Write ``federated/``; the examples behind it, or None where it is the base again."""
        closing = self._closing
        being_made = folder.fresh(folder.folder / "federated.tmp")
        being_made.mkdir()
        examples = None
        if closing is not None and closing.unmask:
            revealed = {str(w): m.revealed for w, m in messages.items() if m.revealed is not None}
            examples = self._unmask(task, request, revealed, base, being_made / base.name)
        if examples is None:
            shutil.copyfile(base, being_made / base.name)
            self._carry_memory(task)
        put_in_place(being_made, folder.fresh(folder.federated))
        return examples

    def _unmask(
        self,
        task: Task,
        request: Request,
        revealed: Mapping[str, Revealed],
        base_file: Path,
        out: Path,
    ) -> int | None:
        number, under_way = (int(task.round) - 2) // 2, request.sum
        masked = self.workspace.round(self.id, Round(task.round - 1)).folder / SUM
        if under_way is None or not masked.exists():
            return None
        peers = Peers(self.creator, task, self.settings)
        session = peers.session(number, under_way.roster)
        announced = peers.announcements(session, under_way.announced, Round(2 * number))
        try:
            left = masks_left(session, announced, under_way.survivors, revealed)
            return self._next_model(task.round, session, unmasked(masked, left), base_file, out)
        except SecretNotRecovered as error:
            self._ban(AccountId(error.member))
            self.creator.tell(Did.FAILED, self.id, task.round, str(error))
        except (OutOfRange, TooFewMembers) as error:
            self.creator.tell(Did.FAILED, self.id, task.round, str(error))
        return None

    def _next_model(
        self, number: Round, session: Session, summed: tuple[int, Ring], base_file: Path, out: Path
    ) -> int:
        with tempfile.TemporaryDirectory(dir=out.parent.parent, prefix="secure-") as scratch:
            write_next(
                base_file,
                models.open_model(base_file, Path(scratch)),
                self.settings.encoding(session),
                summed,
                self.plan.strategy,
                out,
                self.creator.memory_before(self.id, number),
                self.workspace.round(self.id, number).memory,
            )
        return summed[0]

    def _keep_sum(
        self,
        task: Task,
        messages: Mapping[AccountId, Message],
        base_file: Path,
        folder: RoundFolder,
    ) -> None:
        """Add up the survivors' masked updates; of sums the last one may be asked for again."""
        (self.workspace.round(self.id, Round(task.round - 2)).folder / SUM).unlink(missing_ok=True)
        under_way = None if self._closing is None else self._closing.next.sum
        if under_way is None or not under_way.survivors:
            return
        files = [m.masked for w, m in messages.items() if w in under_way.survivors and m.masked]
        add_up(files, masked_size(base_file), folder.folder / SUM)

    def _carry_memory(self, task: Task) -> None:
        """What the strategy remembers outlives the rounds without a sum."""
        before = self.creator.memory_before(self.id, task.round)
        after = self.workspace.round(self.id, task.round).memory
        if before is not None and before.exists():
            shutil.copyfile(before, after)

    def _request(self, task: Task) -> Request:
        """What the current round asks for: as it was published."""
        folder = self.workspace.round(self.id, task.round).model
        return read_request(round_files(folder).settings)

    # Members whose secrets were not what they announced

    def _banned(self) -> frozenset[AccountId]:
        noted = self.workspace.journal.note(f"secure/{self.id}/banned")
        return frozenset(AccountId(member) for member in json.loads(noted or "[]"))

    def _ban(self, member: AccountId) -> None:
        banned = sorted(self._banned() | {member})
        self.workspace.journal.write_note(f"secure/{self.id}/banned", json.dumps(banned))
