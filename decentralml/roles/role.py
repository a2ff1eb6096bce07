"""What every role shares: reading the market, moving bundles, telling the observer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from decentralml.assets.at_hand import AtHand
from decentralml.chain import calls
from decentralml.chain.call_errors import UnknownTask
from decentralml.chain.records import Task, TaskKind, TaskResult
from decentralml.roles.events import Did, Event
from decentralml.roles.outbox import Outbox
from decentralml.roles.rooms import Rooms
from decentralml.types import AccountId, BlockNumber, Cid, Planck, Round, TaskId


class Role:
    """A person on the market.

    Args:
        rooms: what the role works with.
    """

    def __init__(self, rooms: Rooms) -> None:
        self.rooms = rooms
        self.market, self.store, self.workspace = rooms.market, rooms.store, rooms.workspace
        self.checkpoint = rooms.checkpoint
        self._at_hand: dict[TaskId, AtHand] = {}  # each reads its index once
        self.market.node.on_waiting = lambda news: self.tell(Did.WAITING, text=str(news))
        self.market.node.on_node = lambda news: self.tell(Did.WAITING, text=str(news))

    @property
    def account(self) -> AccountId:
        """The person's address."""
        return self.workspace.account

    @property
    def outbox(self) -> Outbox:
        """Sends calls once each; hold the workspace while using it."""
        return Outbox(self.market, self.workspace.journal, self.checkpoint)

    def open_tasks(self, kind: TaskKind | None = None, limit: int = 100) -> list[Task]:
        """Tasks that are not over, newest first, at most ``limit``."""
        return self.market.open_tasks(kind=kind, limit=limit)

    def show(self, task: TaskId) -> Task:
        """The task.

        Raises: UnknownTask: there is none, or it was cleaned up.
        """
        return self.market.task(task)

    def show_if_kept(self, task: TaskId) -> Task | None:
        """The task, or None when there is none or it was cleaned up."""
        try:
            return self.market.task(task)
        except UnknownTask:
            return None

    def results(self, task: TaskId) -> list[TaskResult]:
        """All results of the task that the chain keeps, by round and worker."""
        return self.market.results_of(task)

    def owed(self, task: TaskId) -> Planck:
        """What is still held for the task on its creator's account."""
        return self.market.owed(task)

    def claim_result(self, task: TaskId, round_: Round, worker: AccountId) -> BlockNumber:
        """Have a result whose deadline passed settled: a pending one is paid, an unruled dispute
        halved, an undisputed rejection closed.

        Returns: the block in which it was settled.

        Raises:
            TooEarly: the deadline has not passed.
            NothingToClaim: it is settled already.
        """
        with self.workspace.hold():
            before = self.market.result(task, round_, worker)
            status = "gone" if before is None else before.status.value
            receipt = self.outbox.send(
                f"claim/{task}/{round_}/{worker}/{status}", calls.claim_result(task, round_, worker)
            )
        self.tell(Did.CLAIMED, task, round_, f"result of {worker}", block=receipt.block_number)
        return receipt.block_number

    def tell(
        self,
        did: Did,
        task: TaskId | None = None,
        round_: Round | None = None,
        text: str = "",
        *,
        block: int | None = None,
    ) -> None:
        """Tell the observer."""
        self.rooms.on_event(Event(did, task, round_, text, block=block))

    def fetch(
        self, cid: Cid, destination: Path, task: TaskId, round_: Round | None, what: str
    ) -> Path:
        """Have the content of ``cid`` at ``destination``, verified whole; a second time costs
        nothing, and blocks that came before for this task are not asked of the store again.

        Raises: AssetError: it could not be found, or is not what its CID says.
        """
        if destination.exists():
            return destination
        destination.parent.mkdir(parents=True, exist_ok=True)
        self.checkpoint(f"fetch/{task}/{what}:before")
        self.store.fetch(
            cid,
            destination,
            progress=self.moving(Did.DOWNLOADING, task, round_, what),
            at_hand=self._at_hand.setdefault(task, AtHand(self.workspace.task(task))),
        )
        self.checkpoint(f"fetch/{task}/{what}:after")
        self.tell(Did.DOWNLOADED, task, round_, f"{what} {cid}")
        return destination

    def fetch_bundle(self, task: Task) -> Path:
        """The task's bundle, verified whole."""
        place = self.workspace.bundle(task.id)
        return self.fetch(task.terms.bundle, place, task.id, None, "bundle")

    def fetch_model(self, cid: Cid, task: TaskId, number: Round) -> Path:
        """The bundle of a round's model, verified whole."""
        place = self.workspace.round(task, number).model
        return self.fetch(cid, place, task, number, "model")

    def upload(self, key: str, path: Path, task: TaskId | None, round_: Round | None) -> Cid:
        """Have the file or folder ``path`` in the store, noted in the journal under ``key``.

        Content that the store already has whole is not sent again.
        """
        noted = self.workspace.journal.note(key)
        if noted is not None:
            return Cid(noted)
        self.checkpoint(f"{key}:before")
        cid = self.put(path, task, round_)
        self.checkpoint(f"{key}:stored")
        self.workspace.journal.write_note(key, cid, cheaply=True)
        self.checkpoint(f"{key}:done")
        self.tell(Did.UPLOADED, task, round_, cid)
        return cid

    def put(self, path: Path, task: TaskId | None = None, round_: Round | None = None) -> Cid:
        """Have the file or folder in the store; content that it already has is not sent again.

        Raises: AssetError: the folder breaks a rule of bundles.
        """
        progress = self.moving(Did.UPLOADING, task, round_, path.name)
        put = self.store.put_folder if path.is_dir() else self.store.put_file
        return put(path, progress=progress)

    def moving(
        self, did: Did, task: TaskId | None, round_: Round | None, what: str
    ) -> Callable[[int, int], None]:
        """Tells the observer how far something is, in bytes."""

        def report(done: int, total: int) -> None:
            self.rooms.on_event(Event(did, task, round_, what, done, total))

        return report
