"""What creators and evaluators share: download deliveries, check them, give verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

from decentralml.chain.records import (
    ResultStatus,
    Task,
    TaskKind,
    TaskResult,
    Verdict,
)
from decentralml.errors import (
    AssetError,
    AssetNotFound,
    LearningError,
    OutOfOrder,
    StoreRefused,
    StoreUnreachable,
    WrongBytes,
)
from decentralml.roles.checks import Checker
from decentralml.roles.delivery import model_file
from decentralml.roles.events import Did
from decentralml.roles.judging import Judging
from decentralml.roles.manifest import Manifest, check_delivery, check_manifest
from decentralml.roles.round_bundle import round_files
from decentralml.roles.sealed import (
    NotSealed,
    NotToBeSealed,
    SealingKeyMissing,
    identity_for,
    is_sealed,
    open_delivery,
)
from decentralml.roles.secure.checker import MessageChecker
from decentralml.roles.secure.request import read_request
from decentralml.roles.secure.settings import phase_of, read_secure
from decentralml.roles.secure.summing import masked_size
from decentralml.roles.verdicts import Checked, Judge, by_checks
from decentralml.roles.waiting import wait_for_news
from decentralml.roles.worker import never
from decentralml.types import AccountId, BlockNumber, Cid, Round, TaskId

DECIDABLE = frozenset({ResultStatus.PENDING})
# What a store does when it is away or lies says nothing of the worker: it may be well again later.
NOT_THE_WORKERS = (AssetNotFound, StoreUnreachable, StoreRefused, WrongBytes)
USABLE = frozenset({ResultStatus.PENDING, ResultStatus.ACCEPTED})
MakeChecker: TypeAlias = Callable[[], "Checker | MessageChecker"]


class Validator(Judging):
    """Someone who looks after a task's results."""

    def fetch_results(
        self,
        task: TaskId,
        round_: Round | None = None,
        statuses: Iterable[ResultStatus] = USABLE,
    ) -> list[Checked]:
        """Download and check deliveries; what is downloaded already is only checked again.

        Args:
            task: the task.
            round_: only of this round; None for all.
            statuses: only results that stand so on chain.

        Returns: each delivery, in the order of the chain; a bad one has its refusal and hinders no
            other.

        Raises: ChainError: the chain could not be asked. StoreError: the store could not be
            reached.
        """
        wanted = frozenset(statuses)
        now = self.market.task(task)
        with self.workspace.hold():
            return [
                checked
                for number, results in _by_round(self.market.results_of(task), round_).items()
                if any(result.status in wanted for result in results)
                for checked in self._check_round(now, number, results)
                if checked.result.status in wanted
            ]

    def validate_all(
        self, task: TaskId, judge: Judge = by_checks, round_: Round | None = None
    ) -> list[tuple[Checked, Verdict | None]]:
        """Check every pending delivery and give the judge's verdict on it.

        A delivery that the store does not have is left for later, until three quarters of the time
        to validate are over: then it is rejected, because silence pays.

        Returns: each pending delivery with its verdict; None where none was given.

        Raises: CallRejected: the chain took none of the verdicts; when it took some, the others
            are told as failed, and have None.
        """
        with self.workspace.hold():
            now = self.market.task(task)
            self.finish_verdicts(task)
            pending = self.fetch_results(task, round_, DECIDABLE)
            head = self.market.head()
            decided = {c: self.decide(now, c, judge, head) for c in pending}
            return [(c, v) for c, v in self.give(task, decided).items()]

    def watch(
        self,
        tasks: Callable[[], Iterable[TaskId]],
        judge: Judge = by_checks,
        *,
        seen: Callable[[TaskId], None] | None = None,
        once: bool = False,
        stop: Callable[[], bool] = never,
    ) -> None:
        """Validate what comes in for these tasks, as it comes.

        Args:
            tasks: asked for the tasks to look after, each time something happened.
            judge: decides about each delivery.
            seen: called with each of them after it was looked at.
            once: validate what is there, then return.
            stop: asked at least once a second; True ends the watch.

        Raises: UnknownTask: one of them is not there at the beginning; later it may be cleaned up.
        """
        for task in tasks():
            self.show(task)
        without_key: set[TaskId] = set()
        while True:
            head = self.market.head()
            # Held for each pass, not while waiting: the person may federate meanwhile.
            with self.workspace.hold():
                all_tasks = list(tasks())
                mine = {task for task in all_tasks if self._has_unsettled(task)}
                for task in mine:
                    self._validate(task, judge, without_key)
                if seen is not None:
                    for task in all_tasks:
                        seen(task)
            if once or stop():
                return
            wait_for_news(self.market, head, self._decide_by(mine), _is_news, stop)

    def _validate(self, task: TaskId, judge: Judge, without_key: set[TaskId]) -> None:
        """One task whose key is missing does not hold up the others; it is told once."""
        try:
            self.validate_all(task, judge)
        except SealingKeyMissing as missing:
            if task not in without_key:
                without_key.add(task)
                self.tell(Did.FAILED, task, text=str(missing))

    def _has_unsettled(self, task: TaskId) -> bool:
        kept = self.show_if_kept(task)
        return kept is not None and kept.unsettled > 0

    def _decide_by(self, tasks: Iterable[TaskId]) -> BlockNumber | None:
        """The first block after which a delivery that is still missing has to be rejected."""
        times = [
            BlockNumber(result.deadline - self.market.task(task).terms.schedule.validate_time // 4)
            for task in tasks
            for result in self.market.results_of(task)
            if result.status is ResultStatus.PENDING and result.deadline is not None
        ]
        return min(times, default=None)

    def _check_round(self, task: Task, number: Round, results: list[TaskResult]) -> list[Checked]:
        return self.checks(task, number)(results)

    def checks(self, task: Task, number: Round) -> Callable[[Iterable[TaskResult]], list[Checked]]:
        """Downloads and checks results of one round, the earliest sent first.

        What it returns may be called again with further results of the round: it remembers those
        that it saw, so that a copy of one of them is refused.
        """
        base = self.round_model(task, number)
        # Made with the first delivery that is there: it needs the task's bundle.
        checker = cache(lambda: self._checker(task, number, base))

        def check(results: Iterable[TaskResult]) -> list[Checked]:
            return [self._check(task, base, r, checker) for r in self._earliest_first(results)]

        return check

    def _checker(self, task: Task, number: Round, base: RoundModel) -> Checker | MessageChecker:
        if task.terms.kind is TaskKind.CONTRIBUTION and read_secure(self.fetch_bundle(task)):
            return self._message_checker(task, number, base)
        return Checker(task, lambda: self.fetch_bundle(task), lambda: self.base_file(task))

    def _message_checker(self, task: Task, number: Round, base: RoundModel) -> MessageChecker:
        """Of a secure task: what its round asks for stands in the round's bundle."""
        if base.cid is None:
            raise OutOfOrder(
                f"check round {number} of task {task.id}",
                "what the round asked for is not known",
                "watch a secure task from its beginning",
            )
        given = round_files(self.fetch_model(base.cid, task.id, number))
        phase = phase_of(number, task.terms.rounds)
        return MessageChecker(phase, read_request(given.settings), masked_size(given.model))

    def _earliest_first(self, results: Iterable[TaskResult]) -> list[TaskResult]:
        """By block, and within one as its events tell: of two equal ones the later is a copy."""
        results = list(results)
        blocks = Counter(result.sent for result in results)
        shared = (block for block, count in blocks.items() if count > 1)
        places = {place: at for block in shared for place, at in self._places(block).items()}

        def when(result: TaskResult) -> tuple[int, int, str]:
            key = (result.task, result.round, result.worker)
            return result.sent, places.get(key, 0), result.worker

        return sorted(results, key=when)

    def _places(self, block: BlockNumber) -> dict[tuple[TaskId, Round, AccountId], int]:
        """Where in a block each result was sent."""
        places = {}
        for at, event in enumerate(next(iter(self.market.events(block)))[1]):
            if event.name == "TaskResultSent":
                said = event.fields
                places[said["task"], said["round"], said["worker"]] = at
        return places

    def _check(
        self, task: Task, base: RoundModel, result: TaskResult, checker: MakeChecker
    ) -> Checked:
        folder = self.workspace.round(task.id, result.round).received(result.worker)
        expected = Manifest(
            self.market.genesis,
            task.id,
            result.round,
            result.worker,
            task.terms.bundle,
            base.cid,
        )
        try:
            self.fetch(result.result, folder, task.id, result.round, f"result of {result.worker}")
            known = base.known
            if self._comes_sealed(task, result, folder, checker):
                found = self._open(task, result, folder, expected, known)
            else:
                found = check_delivery(folder, expected, base_known=known)
            return checker().check(result, found)
        except NOT_THE_WORKERS as error:
            return Checked(result, None, error, missing=True)
        except (AssetError, LearningError) as error:
            return Checked(result, None, error)

    def _comes_sealed(
        self, task: Task, result: TaskResult, folder: Path, checker: MakeChecker
    ) -> bool:
        if task.terms.sealing_key is None:
            return False
        sealed, asked = is_sealed(folder), checker().is_sealed(result.worker)
        if sealed != asked:
            raise NotSealed if asked else NotToBeSealed
        return sealed

    def _open(
        self, task: Task, result: TaskResult, folder: Path, expected: Manifest, base_known: bool
    ) -> Path:
        opened = self.workspace.round(task.id, result.round).opened(result.worker)
        moving = self.moving(Did.OPENING, task.id, result.round, f"result of {result.worker}")
        check_manifest(folder, expected, base_known=base_known)
        open_delivery(folder, opened, lambda: identity_for(self.rooms, task), moving)
        return check_delivery(opened, expected, base_known=base_known)

    def round_model(self, task: Task, number: Round) -> RoundModel:
        """The model that a round started from; earlier ones than the chain's were noted."""
        key = f"round_model/{task.id}/{number}"
        noted = self.workspace.journal.note(key)
        if number == task.round and noted != (task.model or ""):
            noted = task.model or ""
            self.workspace.journal.write_note(key, noted)
        first = (task.terms.model or "") if number == 1 else None
        cid = noted if noted is not None else first
        return RoundModel(Cid(cid) if cid else None, known=cid is not None)

    def base_file(self, task: Task) -> Path | None:
        """The current round's model: all rounds of a task have one structure."""
        if task.model is None:
            return None
        return model_file(self.fetch_model(task.model, task.id, task.round))


@dataclass(frozen=True, slots=True)
class RoundModel:
    """The model that a round started from.

    Attributes:
        cid: its CID; None when the round has none, or it is not known.
        known: whether ``cid`` can be relied on.
    """

    cid: Cid | None
    known: bool


def _by_round(results: Iterable[TaskResult], only: Round | None) -> dict[Round, list[TaskResult]]:
    rounds: dict[Round, list[TaskResult]] = {}
    for result in results:
        if only is None or result.round == only:
            rounds.setdefault(result.round, []).append(result)
    return rounds


def _is_news(task: TaskId, event: str) -> bool:
    return event in {"TaskCreated", "TaskResultSent", "RoundStarted"}
