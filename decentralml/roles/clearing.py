"""What may be removed from a store: all that no task of this person's, and no pin, needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from decentralml.assets.store import AssetStore
from decentralml.chain.reads import Reader
from decentralml.roles.needs import needs_of, noted_in, tasks_of, well_formed
from decentralml.roles.pins import Pins
from decentralml.roles.workspace import Workspace
from decentralml.types import AccountId, Cid, TaskId


@dataclass(frozen=True, slots=True)
class Clearing:
    """What would go, and what would stay.

    Attributes:
        goes: CID -> bytes that the store spends on it.
        stays: CIDs that the store has and that are needed.
        keep: all that is needed, whether the store has it or not.
        tasks: the tasks that were asked about.
    """

    goes: dict[Cid, int]
    stays: list[Cid]
    keep: set[Cid]
    tasks: list[TaskId]

    @property
    def bytes(self) -> int:
        """Bytes that would be freed."""
        return sum(self.goes.values())


def accounts_in(root: Path, genesis: str) -> list[AccountId]:
    """Accounts that have worked on a chain in a folder of workspaces."""
    folder = root / genesis.removeprefix("0x")[:12]
    found = (path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else ()
    return sorted(AccountId(path.name) for path in found if path.name.isalnum())


def other_chains(root: Path, genesis: str) -> int:
    """How many further chains a folder of workspaces knows."""
    mine = genesis.removeprefix("0x")[:12]
    chains = (path.name for path in root.iterdir() if path.is_dir()) if root.is_dir() else ()
    return sum(len(name) == len(mine) and name != mine for name in chains)


@contextmanager
def standing_still(root: Path, genesis: str, patience: float) -> Iterator[list[Workspace]]:
    """The workspaces of a chain, held: meanwhile no role of them puts or notes anything.

    Raises: WorkspaceBusy: another process acts in one, for longer than ``patience`` seconds.
    """
    with ExitStack() as held:
        spaces = []
        for account in accounts_in(root, genesis):
            space = Workspace(root, genesis, account, patience=patience)
            held.callback(space.close)
            held.enter_context(space.hold())
            spaces.append(space)
        yield spaces


def look(
    store: AssetStore,
    reader: Reader,
    accounts: Iterable[AccountId],
    spaces: Iterable[Workspace],
    pins: Pins,
) -> Clearing:
    """Compares a store with what is needed; removes nothing.

    Needed is what the tasks need that the chain still keeps and in which one of the accounts has a
    part, what the workspaces' journals know and the chain not yet, and what is pinned.

    Raises: ChainError: the chain cannot be asked; then nobody knows what is needed.
    """
    tasks = tasks_of(reader, accounts)
    keep = {pin.cid for pin in pins.all()}
    for task in tasks:
        keep |= well_formed(needs_of(reader, task))
    numbers = [task.id for task in tasks]
    for space in spaces:
        keep |= noted_in(space.journal, numbers)
    has = list(store.list())
    return Clearing(
        goes={cid: store.size(cid) for cid in has if cid not in keep},
        stays=[cid for cid in has if cid in keep],
        keep=keep,
        tasks=numbers,
    )
