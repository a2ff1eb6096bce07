"""The daemon of whoever takes assignments: accept, run, send, for tasks that match a filter.

It decides with `steps.next_step` and does what that says; it waits for blocks, never for time. It
may be killed anywhere: what is under way stands in the journal and on chain.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from decentralml.chain.records import Task, TaskKind
from decentralml.errors import (
    AssetError,
    CallRejected,
    InsufficientFunds,
    RoleError,
    TaskFailed,
    TaskLimitExceeded,
    TransactionRefused,
)
from decentralml.roles import steps
from decentralml.roles.assignee import Assignee
from decentralml.roles.events import Did
from decentralml.roles.sealed import can_seal
from decentralml.roles.waiting import wait_for_news
from decentralml.types import AccountId, BlockNumber, Planck, Round, TaskId

MAX_REFUSALS = 3
MOMENT = 1.0  # seconds for which the chain's word is taken to hold
OFF_CHAIN = (steps.FetchBundle, steps.FetchModel, steps.Upload)
NOTHING = Planck(0)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which tasks a daemon takes on by itself.

    Attributes:
        kinds: kinds of task; None for all that the role does.
        tasks: only these tasks; None for any.
        creators: only tasks of these accounts; None for anybody's.
        least_reward: for one accepted result, at least this much.
        most_stake: at most this much asked as stake; None for any.
        at_once: how many assignments to hold at the same time.
        nothing_else: leave assignments of other tasks, taken on earlier, alone.
    """

    kinds: frozenset[TaskKind] | None = None
    tasks: frozenset[TaskId] | None = None
    creators: frozenset[AccountId] | None = None
    least_reward: Planck = NOTHING
    most_stake: Planck | None = None
    at_once: int = 1
    nothing_else: bool = False

    def matches(self, task: Task) -> bool:
        """Whether the daemon may take this task on."""
        terms = task.terms
        return (
            (self.kinds is None or terms.kind in self.kinds)
            and (self.tasks is None or task.id in self.tasks)
            and (self.creators is None or task.creator in self.creators)
            and terms.reward >= self.least_reward
            and (self.most_stake is None or terms.stake <= self.most_stake)
            and can_seal(task)
        )


@dataclass(slots=True)
class WorkReport:
    """What a daemon did until it stopped.

    Attributes:
        sent: results sent, in order.
        finished: tasks with nothing left to do, and why.
        waiting: tasks under way, and for what they wait.
    """

    sent: list[tuple[TaskId, Round]] = field(default_factory=list)
    finished: dict[TaskId, str] = field(default_factory=dict)
    waiting: dict[TaskId, str] = field(default_factory=dict)


def never() -> bool:
    """The daemon's default for `stop`: go on until the process ends."""
    return False


class Worker(Assignee):
    """A person who takes assignments, one step at a time or by a daemon."""

    def work(
        self,
        wanted: Wanted | None = None,
        *,
        once: bool = False,
        max_tasks: int | None = None,
        stop: Callable[[], bool] = never,
    ) -> WorkReport:
        """Accept, run and send for every matching task, round after round.

        Args:
            wanted: which tasks to take on; those taken on earlier are gone on with too, unless it
                says otherwise. When it names tasks, the daemon returns once nothing is left to do
                in them.
            once: return as soon as nothing can be done without waiting for the chain.
            max_tasks: return when so many tasks that were under way have nothing left to do.
            stop: asked at least once a second; True ends the daemon between two steps.

        Raises:
            WorkspaceBusy: another process works in this workspace.
            NoSandbox: there is nothing to run a script in.
            ChainError: the chain cannot be reached any more.
        """
        with self.workspace.hold():
            shift = _Shift(self, wanted or Wanted(kinds=self.kinds), max_tasks, stop)
            while True:
                head = self.market.head()
                shift.advance_all()
                if once or shift.is_over():
                    return shift.report
                wait_for_news(self.market, head, shift.wake_at(), shift.concerns, stop)


class _Shift:
    """One run of the daemon: what it has seen so far, none of which matters after a restart."""

    def __init__(
        self, worker: Worker, wanted: Wanted, max_tasks: int | None, stop: Callable[[], bool]
    ) -> None:
        self.worker, self.wanted, self.max_tasks, self.stop = worker, wanted, max_tasks, stop
        self.report = WorkReport()
        self.over: dict[TaskId, str] = {}
        self.waits: dict[TaskId, steps.Wait] = {}
        self.held: set[TaskId] = set()
        self.refusals: dict[TaskId, int] = {}
        self.done: dict[TaskId, object] = {}  # the last step, and what it was decided from
        self.facts: steps.Facts | None = None  # from before a step that took less than a moment

    def advance_all(self) -> None:
        """Go on with all that is under way; then take on what is new, as far as allowed."""
        self.worker.outbox.finish_all()
        mine = {a.task: a for a in self.worker.assignments() if self._concerns(a.task)}
        self.held |= {task for task, a in mine.items() if not a.ended}
        for task in sorted(set(mine) - set(self.over)):
            if not self.is_over():
                self._advance(task)
        for task in self._new(set(mine)):
            if self.is_over():
                return
            if len(self.held - set(self.over)) < self.wanted.at_once:
                self._advance(task)
            elif self.wanted.tasks is not None:
                self._has_no_hand_for(task)

    def _has_no_hand_for(self, task: TaskId) -> None:
        """Say why a task that was asked for by its number is not taken on."""
        others = ", ".join(str(held) for held in sorted(self.held - set(self.over)))
        why = f"task {others} to end: at most {self.wanted.at_once} at once"
        if self.report.waiting.get(task) != why:
            self.report.waiting[task] = why
            self.worker.tell(Did.WAITING, task, text=why)

    def _concerns(self, task: TaskId) -> bool:
        named = self.wanted.tasks
        return not self.wanted.nothing_else or named is None or task in named

    def is_over(self) -> bool:
        """Whether the daemon has done what it was started for, or was asked to stop."""
        named, most = self.wanted.tasks, self.max_tasks
        if named is not None and named <= set(self.over):
            return True
        return (most is not None and len(self.report.finished) >= most) or self.stop()

    def wake_at(self) -> BlockNumber | None:
        """The first block after which something can be done for certain."""
        times = [wait.until for wait in self.waits.values() if wait.until is not None]
        return min(times, default=None)

    def concerns(self, task: TaskId, event: str) -> bool:
        """Whether an event of the market is a reason to look again."""
        return task in self.waits or event in {"TaskCreated", "AssignmentReleased"}

    def _new(self, mine: set[TaskId]) -> list[TaskId]:
        if self.wanted.tasks is not None and self.wanted.tasks <= mine | set(self.over):
            return []
        open_now = self.worker.open_tasks()
        if self.wanted.tasks is not None:
            listed = {task.id for task in open_now}
            more = (self.worker.show_if_kept(t) for t in sorted(self.wanted.tasks - listed))
            open_now += [task for task in more if task is not None]
        known = mine | set(self.over)
        return [t.id for t in open_now if t.id not in known and self.wanted.matches(t)]

    def _advance(self, task: TaskId) -> None:
        waited = self.waits.pop(task, None)
        self.report.waiting.pop(task, None)
        self.done.pop(task, None)
        self.facts = None
        while not self.stop():
            step = self._next(task)
            if isinstance(step, steps.Finished):
                self._finish(task, step.reason)
                return
            if isinstance(step, steps.Wait):
                self.waits[task] = step
                self.report.waiting[task] = step.reason
                if waited is None or waited.reason != step.reason:
                    self.worker.tell(Did.WAITING, task, text=step.reason)
                return

    def _finish(self, task: TaskId, reason: str) -> None:
        """An assignment that had ended before this shift is nothing to tell of."""
        self.over[task] = reason
        if task in self.held:
            self.report.finished[task] = reason
            self.worker.tell(Did.FINISHED, task, text=reason)

    def _next(self, task: TaskId) -> steps.Step:
        """Do one step; what it returns is only looked at when nothing more can be done."""
        facts, self.facts = self.facts or self.worker.facts(task), None
        if facts.assignment is not None and not facts.assignment.ended:
            self.held.add(task)
        progress = self.worker.progress_of(facts)
        step = steps.next_step(facts, progress)
        # The same step again, and nothing changed by it: the journal knows of a block that the
        # chain has dropped. The node brings its calls back into another one.
        about = (step, progress, facts.assignment, facts.results)
        if self.done.get(task) == about and not isinstance(step, steps.Finished):
            return steps.Wait(BlockNumber(facts.head + 2), "the chain to catch up")
        self.done[task] = about
        began = time.monotonic()
        try:
            sent = self.worker.do(facts, step)
        except (CallRejected, TransactionRefused, InsufficientFunds) as refusal:
            return self._refused(task, refusal)
        except (TaskFailed, TaskLimitExceeded):
            return step
        except (AssetError, RoleError) as error:
            return self._stuck(task, facts, error)
        if isinstance(step, OFF_CHAIN) and time.monotonic() - began < MOMENT:
            self.facts = facts
        if sent is not None:
            self.report.sent.append(sent)
        return step

    def _refused(self, task: TaskId, refusal: Exception) -> steps.Step:
        """Others were faster, or a deadline passed: look again a few times, a block later."""
        self.refusals[task] = self.refusals.get(task, 0) + 1
        self.worker.tell(Did.FAILED, task, text=str(refusal))
        if self.refusals[task] >= MAX_REFUSALS:
            return steps.Finished(str(refusal))
        return steps.Wait(BlockNumber(self.worker.market.head() + 2), str(refusal))

    def _stuck(self, task: TaskId, facts: steps.Facts, error: Exception) -> steps.Step:
        """What cannot be had now is tried again with each block while an assignment is held."""
        self.worker.tell(Did.FAILED, task, text=str(error))
        if facts.assignment is None:
            return steps.Finished(str(error))
        return steps.Wait(BlockNumber(facts.head + 2), str(error))
