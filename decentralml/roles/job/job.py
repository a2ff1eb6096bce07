"""A creator's whole job: round after round is gathered, federated, measured, paid, published.

What to do next is decided by `steps` from the chain's word and from what the journal says of
the rounds that are federated; so a job that was killed anywhere goes on when it is run again. It
waits for blocks, never for time, and lets go of the workspace while it waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from decentralml.chain.records import Manual, ResultStatus, Task, TaskKind, TaskStatus
from decentralml.errors import CallRejected, NothingToFederate, OutOfOrder, WrongKind
from decentralml.learning.errors import TooFewUpdates
from decentralml.roles.events import Did, Event
from decentralml.roles.federation import (
    Figures,
    Measuring,
    RoundReport,
    counted,
    federate_round,
)
from decentralml.roles.job.gathering import Arrived, Gathering, decide_by, pressing
from decentralml.roles.job.ledger import Ledger
from decentralml.roles.job.plan import JobReport, JobRound, Plan
from decentralml.roles.job.steps import (
    Close,
    End,
    KeepWaiting,
    Standing,
    next_move,
    stop_reason,
    workers_wanted,
)
from decentralml.roles.telling import told_for
from decentralml.roles.waiting import wait_for_news
from decentralml.roles.worker import never
from decentralml.types import AccountId, BlockNumber, Round, TaskId

if TYPE_CHECKING:
    from decentralml.roles.creator import Creator

NEWS = frozenset(
    {"TaskAccepted", "TaskResultSent", "AssignmentReleased", "TaskWithdrawn", "TaskCompleted"}
)
VERDICTS = frozenset({"TaskResultAccepted", "TaskResultRejected"})  # of an evaluator
ENDS = (TaskStatus.COMPLETED, TaskStatus.WITHDRAWN)


class Job:
    """One job.

    Args:
        creator: whose task it is.
        task: a contribution task that was posted with a model.
        plan: how it goes.

    Raises:
        UnknownTask: there is no such task.
        WrongKind: it is no contribution task.
        OutOfOrder: it is somebody else's.
    """

    def __init__(self, creator: Creator, task: TaskId, plan: Plan) -> None:
        self.creator, self.id, self.plan = creator, task, plan
        self.market, self.workspace = creator.market, creator.workspace
        now = creator.show(task)
        if now.terms.kind is not TaskKind.CONTRIBUTION:
            raise WrongKind(task, now.terms.kind.value, "creator of a federated job")
        if now.creator != creator.account:
            raise OutOfOrder(
                f"run the job of task {task}", "it is another account's", "name that account's key"
            )
        self._validates = now.terms.policy == Manual()
        self.ledger = Ledger(creator.workspace, task, plan, creator.checkpoint)
        self._gathering: Gathering | None = None
        self._needed = 1  # sound results that the strategy asked for in this round
        self._unread: set[Round] | None = None  # earlier rounds that may have pending results
        self._looked = BlockNumber(0)  # events after this block were not looked at
        self._published: Round | None = None  # the last round after which the next was started
        self._waits_for = ""

    def run(self, *, once: bool = False, stop: Callable[[], bool] = never) -> JobReport:
        """Go on with the job until it has ended.

        Args:
            once: return as soon as nothing can be done without waiting for the chain.
            stop: asked at least once a second; True ends it between two steps.

        Raises:
            WorkspaceBusy: another process acts in this workspace.
            AssetError, LearningError: the task's own model cannot be had or used.
            ChainError: the chain cannot be reached any more.
        """
        try:
            while True:
                with self.workspace.hold():
                    self.ledger.recall()
                    move = self._advance(stop)
                if isinstance(move, End) or once or stop():
                    why = (
                        move.reason
                        if isinstance(move, End)
                        else f"stopped, waiting for {move.reason}"
                    )
                    return self.ledger.report(why, self.market.results_of(self.id))
                wait_for_news(self.market, self._looked, move.until, self._concerns, stop)
        finally:
            self.ledger.close()

    def _concerns(self, task: TaskId, event: str) -> bool:
        return task == self.id and event in (NEWS if self._validates else NEWS | VERDICTS)

    def _advance(self, stop: Callable[[], bool]) -> KeepWaiting | End:
        """All that can be done now."""
        self.creator.finish_verdicts(self.id)
        self.creator.finish_start(self.id)
        while not stop():
            self._looked = head = self.market.head()
            task = self.creator.show(self.id)
            again = self._decide_late(task, head)
            done = self.ledger.get(task.round)
            why = self._why_over(task, done)
            if done is not None and why is None:
                if self._published == task.round:
                    # The journal knows of a block that the chain has dropped; the node brings its
                    # calls back into another one.
                    return KeepWaiting(BlockNumber(head + 2), "the chain to catch up")
                self._publish_next(task, done)
                self._published = task.round
                continue
            move = End(why) if why is not None else self._gather(task, head)
            if isinstance(move, End):
                move = self._wind_up(task, head, move.reason)
            if isinstance(move, KeepWaiting):
                self._say(task, move.reason)
                return KeepWaiting(_earliest(move.until, again), move.reason)
            if move is not None:
                return move
        return KeepWaiting(None, self._waits_for or "nothing")

    def _why_over(self, task: Task, done: JobRound | None) -> str | None:
        if done is None:
            return None
        if task.round >= task.terms.rounds:
            return "every round is done"
        if self.plan.rounds is not None and task.round >= self.plan.rounds:
            return f"{done.number} rounds are done"
        why = stop_reason(self.plan, self.ledger.rounds)
        if why is None and task.status in ENDS:
            return f"the task is {task.status.value}"
        return why

    # One round

    def _gather(self, task: Task, head: BlockNumber) -> KeepWaiting | End | None:
        """Look at what arrived; close the round when it is enough."""
        if self._gathering is None or self._gathering.number != task.round:
            self._gathering = Gathering(self.creator, task, task.round, self.plan.judge)
            self._needed = 1
        gathering = self._gathering
        gathering.task = task
        arrived = gathering.look(head)
        standing = self._standing(task, head, arrived)
        move = next_move(self.plan, standing)
        if isinstance(move, Close):
            self._close(gathering, head, arrived)
            return None
        self._give(gathering, pressing(arrived, task, head))
        if isinstance(move, End):
            return move
        self._show(standing, move)
        # What is missing is asked for again with the next block.
        times = [BlockNumber(head + 2) for a in arrived if a.open and a.checked.missing]
        times += [decide_by(a.checked.result, task) for a in arrived if a.verdict is not None]
        times += self._release_missed(task, head)
        return KeepWaiting(_earliest(move.until, *times), move.reason)

    def _standing(self, task: Task, head: BlockNumber, arrived: list[Arrived]) -> Standing:
        before = self.ledger.get(task.round - 1)
        delivered = {a.checked.result.worker for a in arrived}
        missed = set(before.missed) - delivered if before is not None else set()
        return Standing(
            head=head,
            task=task,
            sent=len(arrived),
            decided=sum(not a.open for a in arrived),
            sound=sum(a.sound for a in arrived),
            written_off=sum(self._owes(worker) for worker in missed),
            needed=self._needed,
        )

    def _owes(self, worker: AccountId) -> bool:
        """Whether a result of the running round may still come of this worker."""
        held = self.market.assignment(self.id, worker)
        return held is not None and not held.ended and held.until is not None

    def _close(self, gathering: Gathering, head: BlockNumber, arrived: list[Arrived]) -> None:
        """Federate the round, pay for it, measure and record it; unless too little was of use."""
        task = gathering.task
        try:
            report = self._federate(task, arrived)
        except TooFewUpdates as few:
            self._needed = max(self._needed + 1, few.needed)
            return
        except NothingToFederate as nothing:
            gathering.left_out |= {AccountId(w): why for w, why in nothing.refused.items()}
            self._give(gathering, arrived)
            return
        gathering.left_out |= report.refused
        self.creator.checkpoint(f"job/{self.id}/{task.round}:federated")
        self._give(gathering, arrived)
        self._record(self._measured(task, head, report, arrived))
        self._gathering = None

    def _federate(self, task: Task, arrived: list[Arrived]) -> RoundReport:
        return federate_round(
            task,
            task.round,
            self.creator.base_of(task, task.round),
            [a.checked for a in arrived if a.sound or a.checked.refusal is not None],
            self.workspace.round(self.id, task.round),
            self.plan.strategy,
            Measuring(self.plan.evaluate, base=False, each=self.plan.measure_each, result=False),
            self.creator.memory_before(self.id, task.round),
        )

    def _measured(
        self, task: Task, head: BlockNumber, report: RoundReport, arrived: list[Arrived]
    ) -> JobRound:
        refused = {a.worker: a.refusal for a in arrived if a.refusal is not None}
        delivered = {a.worker for a in arrived}
        workers = self.market.workers_of(self.id) if task.waiting else []
        number = task.round
        told = None
        if number < task.terms.rounds:
            memory = self.workspace.round(self.id, number).memory
            told = told_for(self.plan.strategy, Round(number + 1), report.model, memory)
        return JobRound(
            number=number,
            block=head,
            used=report.used,
            refused={**refused, **report.refused},
            missed=tuple(w for w in workers if w not in delivered and self._owes(w)),
            base=self._base_figures(task),
            figures={**self._figures(report.model), **self._told_by_strategy(number)},
            cid=self.creator.put_model(report.model, told),
            model=report.model,
        )

    def _base_figures(self, task: Task) -> Figures:
        """What was measured when the round before was federated, else now."""
        before = self.ledger.get(task.round - 1)
        if before is not None and before.figures:
            return before.figures
        return self._figures(self.creator.base_of(task, task.round))

    def _figures(self, model: Path) -> Figures:
        return {} if self.plan.evaluate is None else self.plan.evaluate(model)

    def _told_by_strategy(self, number: Round) -> Figures:
        """What the strategy itself says of a round: how much privacy is spent, for example."""
        figures: Callable[[int], Figures] = getattr(self.plan.strategy, "figures", lambda _: {})
        return figures(int(number))

    def _record(self, done: JobRound) -> None:
        self.ledger.record(done)
        value = done.figures.get(self.plan.metric)
        figure = "" if value is None else f", {self.plan.metric} {value:.4g}"
        self.creator.tell(Did.FEDERATED, self.id, done.number, f"{counted(len(done.used))}{figure}")

    def _publish_next(self, task: Task, done: JobRound) -> None:
        self._release_missed(task, self.market.head())
        self.creator.publish_round(self.id, Round(task.round + 1), done.cid)
        self._unread = {*(self._unread or ()), task.round}

    def _release_missed(self, task: Task, head: BlockNumber) -> list[BlockNumber]:
        """Open the slots of those who let the task's whole time for the round pass.

        Returns: when the others' time is over.
        """
        over_at = BlockNumber(task.round_started + task.terms.schedule.round_time)
        if task.waiting == 0 or not self.plan.release_missed:
            return []
        if head + 1 < over_at:
            return [over_at]
        times = []
        for worker in self.market.workers_of(self.id):
            held = self.market.assignment(self.id, worker)
            if held is None or held.ended or held.until is None:
                continue
            if head + 1 < held.until:
                times.append(held.until)
                continue
            try:
                self.creator.release_expired(self.id, worker)
            except CallRejected as refusal:  # it delivered, or left, in the block before
                self.creator.tell(Did.FAILED, self.id, task.round, str(refusal))
        return times

    def _wind_up(self, task: Task, head: BlockNumber, why: str) -> KeepWaiting | End:
        """Free what will not be paid; stay for what may still be delivered."""
        if task.status not in ENDS and self.plan.withdraw_rest:
            self.creator.withdraw_task(self.id)
            task = self.creator.show(self.id)
        if not self._validates:
            return End(why)
        missing = self._decide_pending(task, task.round, head)
        if not self.plan.settle or (task.waiting == 0 and not missing):
            return End(why)
        times = self._release_missed(task, head)
        times += [BlockNumber(head + 2)] if missing else []
        return KeepWaiting(_earliest(*times), f"late results ({why})")

    # Verdicts

    def _give(self, gathering: Gathering, arrived: Iterable[Arrived]) -> None:
        """Give the verdicts that are due to the creator, in one transaction."""
        self.creator.validate_task_results(self.id, gathering.verdicts(arrived))

    def _decide_late(self, task: Task, head: BlockNumber) -> BlockNumber | None:
        """Decide what came in for a round that was being closed; it is paid as any other.

        Returns: when to look again for what the store does not have yet.
        """
        if self._unread is None:
            unsettled = self.market.results_of(self.id) if task.unsettled else []
            self._unread = {r.round for r in unsettled if r.round < task.round}
        missing = False
        for number in sorted(self._unread):
            if self._validates and self._decide_pending(task, number, head):
                missing = True
            else:
                self._unread.discard(number)
                self.ledger.clear(number)
        return BlockNumber(head + 2) if missing else None

    def _decide_pending(self, task: Task, number: Round, head: BlockNumber) -> bool:
        """Give the verdicts on a closed round's results; whether some are missing."""
        results = self.market.results_of(self.id, number)
        if all(result.status is not ResultStatus.PENDING for result in results):
            return False
        gathering = Gathering(self.creator, task, number, self.plan.judge)
        arrived = gathering.look(head)
        self._give(gathering, arrived)
        return any(one.checked.missing and one.verdict is None for one in arrived if one.open)

    def _show(self, standing: Standing, waits: KeepWaiting) -> None:
        """Tell what is waited for, and how far it is."""
        task = standing.task
        self._say(task, waits.reason)
        joining = workers_wanted(self.plan, task) if task.round == 1 else 0
        total = max(standing.taking_part, joining)
        told = Event(Did.GATHERING, self.id, task.round, "results", standing.decided, total)
        self.creator.rooms.on_event(told)

    def _say(self, task: Task, reason: str) -> None:
        if reason and reason != self._waits_for:
            self._waits_for = reason
            self.creator.tell(Did.WAITING, self.id, task.round, reason)


def _earliest(*times: BlockNumber | None) -> BlockNumber | None:
    return min((time for time in times if time is not None), default=None)
