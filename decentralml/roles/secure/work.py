"""A worker's side: in a secure task its results are messages, and its updates leave masked.

The training script is the task's own and stays in its sandbox: it sees the round's model and the
person's data, never a key. What it made is masked afterwards, by this process.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from pathlib import Path

from decentralml.chain.records import Task
from decentralml.errors import LearningError, TaskFailed
from decentralml.learning import models
from decentralml.learning.intake import Intake
from decentralml.learning.secagg import keys, member
from decentralml.learning.secagg.errors import UnsafeRequest
from decentralml.learning.secagg.session import Announcement, Revealed, Session
from decentralml.roles.events import Did
from decentralml.roles.manifest import RESULT
from decentralml.roles.round_work import RoundWork, ended_key
from decentralml.roles.secure.checker import Asked, asked_of
from decentralml.roles.secure.message import MASKED, Message, write_message
from decentralml.roles.secure.peers import Peers
from decentralml.roles.secure.request import Request, Sum, read_request
from decentralml.roles.secure.settings import Phase, SecureSettings, phase_of, read_secure
from decentralml.roles.secure.summing import write_masked
from decentralml.roles.secure.vault import Vault
from decentralml.roles.workspace import RoundFolder
from decentralml.types import Round, TaskId


class SecureWork(RoundWork):
    """Does the rounds of secure tasks; those of other tasks as its base class does."""

    def vault(self, task: TaskId) -> Vault:
        """The person's secrets of a task."""
        return Vault(self.workspace.task(task) / "secure")

    def _run(self, task: Task) -> None:
        terms = self._secure_terms(task)
        if terms is None or self._done(task):
            super()._run(task)
            return
        try:
            turn = self._turn(task, terms)
        except LearningError as error:
            raise self._refused(task, error) from error
        if turn.asked.mask:
            super()._run(task)
            return
        folder = self.workspace.round(task.id, task.round)
        folder.fresh(folder.record)
        folder.fresh(folder.run).mkdir()
        self.checkpoint(f"run/{task.id}/{task.round}:before")
        self.tell(Did.STARTED, task.id, task.round, turn.words)
        try:
            write_message(folder.run, turn.message())
        except LearningError as error:
            raise self._refused(task, error) from error
        self.checkpoint(f"run/{task.id}/{task.round}:returned")
        self.record_result(task)

    def record_result(self, task: Task) -> None:
        """As `RoundWork.record_result`; of a secure task it is the masked update that counts."""
        terms = self._secure_terms(task)
        if terms is not None and not self._done(task):
            try:
                turn = self._turn(task, terms)
                if turn.asked.mask:
                    turn.mask(self.workspace.round(task.id, task.round))
                    self.checkpoint(f"run/{task.id}/{task.round}:masked")
            except LearningError as error:
                raise self._refused(task, error) from error
        super().record_result(task)

    def _judge(self, task: Task, folder: RoundFolder) -> None:
        """What was masked had been judged before."""
        being_made = folder.folder / "masked.tmp"
        if not folder.run.exists() and being_made.exists():
            being_made.rename(folder.run)
        if not (folder.run / MASKED).exists():
            super()._judge(task, folder)

    def _leaves_sealed(self, task: Task, folder: RoundFolder) -> bool:
        """In a secure job the masked updates alone: the members read one another's messages."""
        sealed = super()._leaves_sealed(task, folder)
        secure = self._secure_terms(task) is not None
        return sealed and (not secure or (folder.delivery / RESULT / MASKED).exists())

    def _done(self, task: Task) -> bool:
        return self.workspace.journal.note(ended_key(task.id, task.round)) is not None

    def _secure_terms(self, task: Task) -> SecureSettings | None:
        """The task's terms. Raises TaskFailed: they are none that a member may agree to."""
        try:
            return read_secure(self.workspace.bundle(task.id))
        except UnsafeRequest as error:
            raise self._refused(task, error) from error

    def _turn(self, task: Task, terms: SecureSettings) -> _Turn:
        given = self._round_files(task)
        model = None if given is None else given.model
        request = read_request(None if given is None else given.settings)
        return _Turn(self, task, terms, model, request)

    def _refused(self, task: Task, error: LearningError) -> TaskFailed:
        """A request that is not to be answered, or an update that cannot be sent: as a failed run,
        so that after two of them the assignment is given up."""
        folder = self.workspace.round(task.id, task.round)
        folder.fresh(folder.record)
        folder.log.write_text(f"{type(error).__name__}: {error}\n")
        failure = TaskFailed(str(error), None, "")
        self._failed(task, failure)
        return failure


class _Turn:
    """One round's part of the protocol."""

    def __init__(
        self,
        worker: SecureWork,
        task: Task,
        terms: SecureSettings,
        model: Path | None,
        request: Request,
    ) -> None:
        self.me, self.vault, self._model = worker.account, worker.vault(task.id), model
        self._task, self._terms, self._request = task, terms, request
        self._peers = Peers(worker, task, terms)
        self._phase: Phase = phase_of(task.round, task.terms.rounds)
        self.asked: Asked = asked_of(self.me, self._phase, request)

    @property
    def words(self) -> str:
        """What is done, for the person."""
        done = [
            ("a channel key", self.asked.keys),
            (f"announcing sum {self._phase.share}", self.asked.announce),
            (f"revealing shares of sum {self._phase.unmask}", self.asked.reveal),
        ]
        return "secure aggregation: " + ", ".join(what for what, asked in done if asked)

    def message(self) -> Message:
        """All that is asked for in a round without training."""
        channel = self.vault.channel()
        return Message(
            keys=keys.public_of(channel) if self.asked.keys else None,
            announcement=self._announcement(channel) if self.asked.announce else None,
            revealed=self._revealed(channel) if self.asked.reveal else None,
        )

    def _announcement(self, channel: bytes) -> Announcement:
        number = _given(self._phase.share)
        session = self._peers.session(number, self._request.share)
        self.vault.forget_before(number)
        self.vault.only("roster", number, session.digest())
        return member.announce(session, self.me, channel, self.vault.secrets(number))

    def _revealed(self, channel: bytes) -> Revealed:
        number, under_way = _given(self._phase.unmask), self._sum()
        session = self._peers.session(number, under_way.roster)
        self.vault.only("roster", number, session.digest())
        self.vault.only("announced", number, _digest(under_way.announced))
        self.vault.only("survivors", number, _digest(under_way.survivors))
        announced = self._announced(session, number, under_way)
        return member.reveal(session, self.me, channel, announced, under_way.survivors)

    def mask(self, folder: RoundFolder) -> None:
        """Put the masked update in the place of what the script left in ``run/``.

        May be interrupted anywhere and repeated: until the masked update is there whole, the
        script's result is.
        """
        if (folder.run / MASKED).exists():
            return
        number, under_way = _given(self._phase.train), self._sum()
        session = self._peers.session(number, under_way.roster)
        self.vault.only("roster", number, session.digest())
        self.vault.only("announced", number, _digest(under_way.announced))
        announced = self._announced(session, number, under_way)
        mine = member.masks(session, self.me, self.vault.secrets(number), announced)
        being_made = folder.fresh(folder.folder / "masked.tmp")
        being_made.mkdir()
        with tempfile.TemporaryDirectory(dir=folder.folder, prefix="masking-") as scratch:
            base = models.open_model(_given_model(self._model), Path(scratch))
            _, update = Intake(base, Path(scratch)).take(folder.run, self.me)
            encoding = self._terms.encoding(session)
            write_masked(being_made / MASKED, base, update, encoding, mine)
        write_message(being_made, Message())
        unmasked = folder.fresh(folder.folder / "unmasked")
        folder.run.rename(unmasked)
        being_made.rename(folder.run)
        shutil.rmtree(unmasked)

    def _announced(self, session: Session, number: int, under_way: Sum) -> dict[str, Announcement]:
        return dict(self._peers.announcements(session, under_way.announced, Round(2 * number)))

    def _sum(self) -> Sum:
        if self._request.sum is None:
            raise UnsafeRequest("it asks for a sum that it does not describe")
        return self._request.sum


def _given(number: int | None) -> int:
    if number is None:
        raise UnsafeRequest("it asks for what this round is not for")
    return number


def _given_model(model: Path | None) -> Path:
    if model is None:
        raise UnsafeRequest("it has no model to begin with")
    return model


def _digest(members: tuple[str, ...]) -> bytes:
    return hashlib.sha256(json.dumps(members).encode()).digest()
