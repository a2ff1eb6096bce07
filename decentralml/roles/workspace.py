"""The folder in which one person's role keeps its journal and its tasks' files.

::

    <root>/<first 12 digits of the chain's genesis hash>/<account>/
        lock  journal.sqlite
        tasks/<id>/bundle/            the task's bundle, verified
        tasks/<id>/round-<n>/model/   the round's model, as a bundle with one file
        tasks/<id>/round-<n>/run/     what a script that is still running has written so far
        tasks/<id>/round-<n>/{log,ended}   its output; how it ended
        tasks/<id>/round-<n>/state/   what the worker keeps for the next round
        tasks/<id>/round-<n>/delivery/{manifest.json,result/}   complete, ready to upload
        tasks/<id>/round-<n>/sealed/       of a task that asks for it: the same, as it leaves
        tasks/<id>/round-<n>/received/<account>/                a validator's copy of a delivery
        tasks/<id>/round-<n>/opened/<account>/                  the same, where it came sealed
        tasks/<id>/round-<n>/{federated/,memory.safetensors}    a creator's next model

The chain and the account are part of the path, so that a development chain which begins anew never
meets the journal of the one before it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from decentralml.errors import WorkspaceBusy
from decentralml.roles.journal import Journal
from decentralml.types import AccountId, Round, TaskId

_AT_ONCE = 8  # files that are waited for together
LOOK_AGAIN = 0.05  # seconds: the system can wait for a lock, but not for a limited time


class Workspace:
    """One person's folder on one chain.

    Args:
        root: where all workspaces lie.
        genesis: the chain's genesis hash, ``0x`` and hexadecimal digits.
        account: the person's address.
        patience: seconds to wait for another process that acts in it.
    """

    def __init__(
        self, root: Path, genesis: str, account: AccountId, *, patience: float = 0
    ) -> None:
        self.genesis, self.account, self.patience = genesis, account, patience
        # Absolute: what runs in another folder is told of places in here.
        self.folder = root.absolute() / genesis.removeprefix("0x")[:12] / account
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._depth = 0

    @cached_property
    def journal(self) -> Journal:
        """The journal of this workspace, opened when it is first asked for."""
        return Journal(self.folder / "journal.sqlite")

    def task(self, task: TaskId) -> Path:
        """The folder of a task's files."""
        return self.folder / "tasks" / str(int(task))

    def bundle(self, task: TaskId) -> Path:
        """The task's bundle; exists only when it was verified whole."""
        return self.task(task) / "bundle"

    def round(self, task: TaskId, number: Round) -> RoundFolder:
        """The folder of one round's files."""
        return RoundFolder(self.task(task) / f"round-{int(number)}")

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep other processes from acting in this workspace; may be nested.

        Released by the operating system when the process dies, however it dies.

        Raises:
            WorkspaceBusy: another process holds it.
        """
        if self._depth == 0:
            self._take()
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if self._depth == 0:
                # Closing alone is not enough: a child that another thread is just starting has
                # the descriptor too, until it becomes its program.
                fcntl.flock(self._lock, fcntl.LOCK_UN)
                os.close(self._lock)

    def _take(self) -> None:
        self._lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        end = time.monotonic() + self.patience
        while not _locked(self._lock):
            if time.monotonic() >= end:
                os.close(self._lock)
                raise WorkspaceBusy(self.folder)
            time.sleep(LOOK_AGAIN)

    def close(self) -> None:
        """Close the journal."""
        if "journal" in self.__dict__:
            self.journal.close()


class RoundFolder:
    """Paths of one round of one task."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def model(self) -> Path:
        """The round's model as it came: a folder or a file."""
        return self.folder / "model"

    @property
    def run(self) -> Path:
        """Where a running script writes; worthless unless the run was seen to end."""
        return self.folder / "run"

    @property
    def log(self) -> Path:
        """The script's output."""
        return self.folder / "log"

    @property
    def record(self) -> Path:
        """Where the script's witness writes how it ended."""
        return self.folder / "ended"

    @property
    def state(self) -> Path:
        """What a run keeps for the next round; counts once the round's work is noted as done."""
        return self.folder / "state"

    @property
    def delivery(self) -> Path:
        """Manifest and result; exists only when complete."""
        return self.folder / "delivery"

    @property
    def sealed(self) -> Path:
        """The delivery sealed to the task's key; exists only when complete."""
        return self.folder / "sealed"

    @property
    def memory(self) -> Path:
        """What the strategy remembers after the round."""
        return self.folder / "memory.safetensors"

    @property
    def federated(self) -> Path:
        """The federated model of a round's results."""
        return self.folder / "federated"

    def received(self, worker: AccountId) -> Path:
        """A validator's copy of this worker's delivery; exists only when it was verified whole.

        Raises: ValueError: the worker is no address.
        """
        return self.folder / "received" / _address(worker)

    def opened(self, worker: AccountId) -> Path:
        """A validator's copy of this worker's sealed delivery, opened; exists only when complete.

        Raises: ValueError: the worker is no address.
        """
        return self.folder / "opened" / _address(worker)

    def fresh(self, path: Path) -> Path:
        """Remove what an interrupted step left at ``path``, and return it for a new attempt."""
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def _address(worker: AccountId) -> str:
    if not (worker.isascii() and worker.isalnum()):
        raise ValueError(f"{worker!r} is no address")
    return worker


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def put_in_place(temporary: Path, final: Path) -> None:
    """Rename what is complete, so that ``final`` is whole or not there, also after a power cut."""
    sync_all([*temporary.rglob("*"), temporary] if temporary.is_dir() else [temporary])
    temporary.replace(final)
    sync(final.parent)


def sync_all(paths: Sequence[Path]) -> None:
    """Have files and folders on the disk; waits once for all of them together, or nearly so.

    File systems keep a journal of their own: those who wait for it at the same time share a turn.
    """
    if len(paths) == 1:
        sync(paths[0])
        return
    with ThreadPoolExecutor(min(len(paths), _AT_ONCE)) as pool:
        for _ in pool.map(sync, paths):
            pass


def sync(path: Path) -> None:
    """Have a file or folder on the disk, also after a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
