"""A contributor whose work is a function of its own process instead of a stranger's script.

For programs that were written for another framework, and for protocols that must not leave their
process: the code is the person's own, so nothing has to be trusted or shut in. All else is the
contributor's daemon: one journal, one delivery a round, claims, releases; killed anywhere and
started again it goes on where it was.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, TypeAlias

from decentralml.chain.records import Task, TaskKind
from decentralml.errors import TaskFailed, TaskLimitExceeded
from decentralml.roles import steps
from decentralml.roles.rooms import Machine, Rooms, trust_nothing
from decentralml.roles.secure.work import SecureWork
from decentralml.roles.worker import Wanted, Worker, WorkReport, never
from decentralml.roles.workspace import RoundFolder
from decentralml.runner import Limits, TrustedRunner
from decentralml.runner.outcome import BadResult, read_result
from decentralml.types import Round, TaskId


@dataclass(frozen=True, slots=True)
class Training:
    """What a participant's function is given for one round.

    Attributes:
        task: the task.
        round: the round.
        model: the round's model, a file that is not to be changed; None for a task without one.
        settings: what the creator's strategy asks (a JSON object, hostile); None when nothing.
        strategy: the strategy's arrays (``.safetensors``, hostile); None when there are none.
        state: the participant's own folder for this task. What a successful round leaves in it is
            there in the next; what a failed or killed one did is not.
        result: an empty folder to fill: ``result.json`` (``{"examples": 600, "metrics": {}}``) and
            one ``*.keras`` or ``*.safetensors``, as a script's ``RESULT_DIR``.
        contributor: the participant's account.
        bundle: the task's bundle, a folder that is not to be changed.
    """

    task: TaskId
    round: Round
    model: Path | None
    settings: Path | None
    strategy: Path | None
    state: Path
    result: Path
    contributor: str
    bundle: Path


Train: TypeAlias = Callable[[Training], None]


class Participant(SecureWork, Worker):
    """Does contribution tasks by a function of this process.

    Args:
        rooms: what the role works with.
        train: fills `Training.result`; called once a round. What it raises (other than an
            interrupt) is a failed attempt, written to the round's log with its traceback; after
            two of them in one round the assignment is given up.
        limits: how large its results may be.
    """

    name: ClassVar[str] = "contributor"
    kinds: ClassVar[frozenset[TaskKind]] = frozenset({TaskKind.CONTRIBUTION})

    def __init__(self, rooms: Rooms, train: Train, *, limits: Limits | None = None) -> None:
        # The sandbox is never used: no script is run, and so none is trusted either.
        machine = Machine(TrustedRunner(), limits or Limits(), trust=trust_nothing)
        super().__init__(rooms, machine)
        self._train = train
        self._failure: TaskFailed | None = None

    def take_part(
        self, task: TaskId, *, once: bool = False, stop: Callable[[], bool] = never
    ) -> WorkReport:
        """Accept the task, then train and send every round until nothing is left to do in it.

        Other assignments of the same account are left alone.

        Args:
            task: a contribution task.
            once: return as soon as nothing can be done without waiting for the chain.
            stop: asked at least once a second; True ends it between two steps.

        Returns: what was sent; `WorkReport.finished` says why nothing is left to do.

        Raises:
            UnknownTask, WrongKind, UnsealableTask: the task is not for a participant.
            TaskFailed: the function failed, so the assignment was given up; its cause is what the
                function raised.
            WorkspaceBusy: another process works in this workspace.
            ChainError: the chain cannot be reached any more.
        """
        self._suitable(task)
        self._failure = None
        wanted = Wanted(self.kinds, tasks=frozenset({task}), nothing_else=True)
        report = self.work(wanted, once=once, stop=stop)
        if self._failure is not None and task in report.finished:
            raise self._failure
        return report

    def progress(self, task: Task) -> steps.Progress:
        """As `Assignee.progress`: a function of one's own is trusted."""
        return replace(super().progress(task), trusted=True)

    def _trusted(self, task: Task) -> bool:
        return True

    def _touches(self, task: Task) -> str:
        return "Calls a function of this process; no script of the task is run."

    def _make(self, task: Task, folder: RoundFolder) -> None:
        self._failure = None
        training = self._training(task, folder)
        try:
            self._train(training)
            # At once, so that a kill from here on finds the work done.
            _write_record(folder.record)
            limits = self.machine.limits
            read_result(folder.run, limits.files, limits.disk_bytes, folder.state)
        except BadResult as error:
            raise self._note_failure(task, folder, str(error), error) from error
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            raise self._note_failure(task, folder, why, error) from error

    def _training(self, task: Task, folder: RoundFolder) -> Training:
        given = self._round_files(task)
        return Training(
            task=task.id,
            round=task.round,
            model=given.model if given else None,
            settings=given.settings if given else None,
            strategy=given.strategy if given else None,
            state=folder.state,
            result=folder.run,
            contributor=self.account,
            bundle=self.workspace.bundle(task.id),
        )

    def _failed(self, task: Task, error: TaskFailed | TaskLimitExceeded) -> None:
        self._failure = error if isinstance(error, TaskFailed) else None
        super()._failed(task, error)

    def _note_failure(
        self, task: Task, folder: RoundFolder, why: str, error: Exception
    ) -> TaskFailed:
        log = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        folder.log.write_text(log, encoding="utf-8", errors="backslashreplace")
        folder.fresh(folder.record)
        failure = TaskFailed(why, None, log[-2000:])
        self._failed(task, failure)
        return failure


def _write_record(record: Path) -> None:
    descriptor = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, b"0")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
