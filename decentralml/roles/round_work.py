"""One round's work on the worker's own machine: have it trusted, run it, keep its result."""

from __future__ import annotations

from pathlib import Path

from decentralml.assets.sealing.keys import SealingKey
from decentralml.chain.records import Task
from decentralml.errors import OutOfOrder, TaskFailed, TaskLimitExceeded
from decentralml.roles.delivery import pack
from decentralml.roles.events import Did
from decentralml.roles.manifest import Manifest
from decentralml.roles.role import Role
from decentralml.roles.rooms import Machine, Preview, Rooms
from decentralml.roles.round_bundle import RoundFiles, round_files
from decentralml.roles.sealed import UnsealableTask, can_seal, seal_delivery
from decentralml.roles.state import begin_state, drop_older_states, sync_state
from decentralml.roles.witnessing import Witnessed, ended_well
from decentralml.roles.workspace import RoundFolder
from decentralml.runner import TaskRun, describe, run_task
from decentralml.runner.outcome import BadResult, read_result
from decentralml.types import Cid, Round, TaskId


class RoundWork(Role):
    """Whoever runs tasks' scripts on a machine.

    Args:
        rooms: what the role works with.
        machine: where scripts run, and who decides whether they may.
    """

    def __init__(self, rooms: Rooms, machine: Machine) -> None:
        super().__init__(rooms)
        self.machine = machine

    def _check_assigned(self, task: TaskId) -> None:
        assignment = self.market.assignment(task, self.account)
        if assignment is None:
            raise OutOfOrder(f"run task {task}", "it is not accepted", "accept the task first")
        if assignment.ended:
            raise OutOfOrder(f"run task {task}", "the assignment is over", "choose another task")

    def _fetch_model(self, task: Task) -> None:
        if task.model is not None:
            self.fetch_model(task.model, task.id, task.round)

    def _trusted(self, task: Task) -> bool:
        journal, key = self.workspace.journal, trust_key(task)
        if journal.note(key) == "yes":
            return True
        preview = Preview(task, self.workspace.bundle(task.id), self._touches(task))
        trusted = self.machine.trust(preview)
        journal.write_note(key, "yes" if trusted else "no", cheaply=True)
        return trusted

    def _run(self, task: Task) -> None:
        folder = self.workspace.round(task.id, task.round)
        if self.workspace.journal.note(ended_key(task.id, task.round)) is None:
            if ended_well(folder.record):
                self._judge(task, folder)
            else:
                self._begin(task, folder)
                self._make(task, folder)
                self.checkpoint(f"run/{task.id}/{task.round}:returned")
        self.record_result(task)

    def record_result(self, task: Task) -> None:
        """Record that what lies in ``run/`` is the round's result, and make it the delivery.

        From here on the work is never done again, however often the role is killed.
        """
        folder = self.workspace.round(task.id, task.round)
        sync_state(folder)
        self.workspace.journal.write_note(ended_key(task.id, task.round), "yes")
        self.checkpoint(f"run/{task.id}/{task.round}:ended")
        drop_older_states(self.workspace, task.id, task.round)
        pack(folder, self._manifest(task))
        self.checkpoint(f"run/{task.id}/{task.round}:done")
        self.tell(Did.MADE, task.id, task.round, "the result")

    def _begin(self, task: Task, folder: RoundFolder) -> None:
        """Clear away what an attempt before left."""
        folder.fresh(folder.record)
        folder.fresh(folder.run).mkdir()
        begin_state(self.workspace, task.id, task.round, lambda n: self._has_ended(task.id, n))
        self.checkpoint(f"run/{task.id}/{task.round}:before")
        self.tell(Did.STARTED, task.id, task.round, str(folder.log))

    def _has_ended(self, task: TaskId, number: Round) -> bool:
        return self.workspace.journal.note(ended_key(task, number)) is not None

    def _make(self, task: Task, folder: RoundFolder) -> None:
        """Do the round's work into ``run/`` and ``state/``, with its end in the witness's record.

        Raises: TaskFailed, TaskLimitExceeded: it did not end well, which is noted.
        """

        def show(line: str) -> None:
            self.tell(Did.PRINTED, task.id, task.round, line)

        try:
            run_task(
                self._task_run(task, folder),
                self.machine.limits,
                Witnessed(self.machine.sandbox, folder.record),
                on_line=show,
            )
        except (TaskFailed, TaskLimitExceeded) as error:
            self._failed(task, error)
            raise

    def _judge(self, task: Task, folder: RoundFolder) -> None:
        """The result of work that ended well while nobody was left to look at it."""
        limits = self.machine.limits
        try:
            state = folder.state if folder.state.exists() else None
            read_result(folder.run, limits.files, limits.disk_bytes, state)
        except BadResult as error:
            folder.fresh(folder.record)
            failure = TaskFailed(str(error), 0, "")
            self._failed(task, failure)
            raise failure from error

    def _failed(self, task: Task, error: TaskFailed | TaskLimitExceeded) -> None:
        key, journal = failures_key(task), self.workspace.journal
        journal.write_note(key, str(int(journal.note(key) or 0) + 1))
        why = error.why if isinstance(error, TaskFailed) else f"more {error.which} than allowed"
        log = self.workspace.round(task.id, task.round).log
        self.tell(Did.FAILED, task.id, task.round, f"{why}; its output is in {log}")

    def _touches(self, task: Task) -> str:
        machine = self.machine
        run = self._task_run(task, self.workspace.round(task.id, task.round))
        return str(describe(run, machine.limits, machine.sandbox.isolated))

    def _round_files(self, task: Task) -> RoundFiles | None:
        """What the round published, once it is here."""
        folder = self.workspace.round(task.id, task.round)
        return round_files(folder.model) if task.model and folder.model.exists() else None

    def _task_run(self, task: Task, folder: RoundFolder) -> TaskRun:
        given = self._round_files(task)
        return TaskRun(
            task_dir=self.workspace.bundle(task.id),
            data_dir=self.machine.data_dir,
            result_dir=folder.run,
            model_path=given.model if given else None,
            round=task.round,
            contributor_id=self.account,
            env=dict(self.machine.env),
            settings_path=given.settings if given else None,
            strategy_path=given.strategy if given else None,
            state_dir=folder.state,
        )

    def _manifest(self, task: Task) -> Manifest:
        return Manifest(
            self.market.genesis, task.id, task.round, self.account, task.terms.bundle, task.model
        )

    def _upload(self, task: Task) -> Cid:
        noted = self.workspace.journal.note(upload_key(task))
        if noted is not None:
            return Cid(noted)
        folder = self.workspace.round(task.id, task.round)
        leaves = self._seal(task, folder) if self._leaves_sealed(task, folder) else folder.delivery
        return self.upload(upload_key(task), leaves, task.id, task.round)

    def _leaves_sealed(self, task: Task, folder: RoundFolder) -> bool:
        return task.terms.sealing_key is not None

    def _seal(self, task: Task, folder: RoundFolder) -> Path:
        """The delivery as it leaves. Sealed once: what was uploaded or sent is what lies there."""
        if not can_seal(task):
            raise UnsealableTask(task.id)
        if not folder.sealed.exists():
            key = SealingKey(task.terms.sealing_key or b"")
            self.checkpoint(f"seal/{task.id}/{task.round}:before")
            moving = self.moving(Did.SEALING, task.id, task.round, "the result")
            seal_delivery(folder, key, moving)
            self.checkpoint(f"seal/{task.id}/{task.round}:done")
            self.tell(Did.SEALED, task.id, task.round, f"for {key}")
        return folder.sealed


def trust_key(task: Task) -> str:
    """Note of what was decided about the bundle's script."""
    return f"trust/{task.terms.bundle}"


def upload_key(task: Task) -> str:
    """Note of the delivery's CID, once it is in the store."""
    return f"upload/{task.id}/{task.round}"


def failures_key(task: Task) -> str:
    """Note of how often the script failed in the round."""
    return f"failures/{task.id}/{task.round}"


def ended_key(task: TaskId, number: Round) -> str:
    """Note that the round's work is done."""
    return f"ended/{task}/{number}"
