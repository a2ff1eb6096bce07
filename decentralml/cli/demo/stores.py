"""Where the demo's people keep what they hand to one another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeAlias

from decentralml.assets.ipfs.private import PrivateDaemon, acquaint, find_kubo
from decentralml.cli.demo import StoreKind
from decentralml.cli.demo.board import Board
from decentralml.cli.demo.people import Person

StoreOf: TypeAlias = Callable[[Person], str]
"""Whose store is where: an address as in the setting ``store``."""


@contextmanager
def stores(kind: StoreKind, root: Path, board: Board) -> Iterator[StoreOf]:
    """The stores of a demo in ``root``, with all that they need, until the end.

    Raises:
        ConfigError: there is no program that runs an IPFS daemon.
        KuboFailed: such a daemon did not start.
    """
    if kind is StoreKind.FOLDER:
        yield lambda person: str(root / "store")
        return
    kubo = find_kubo()
    hers, theirs = (
        PrivateDaemon.make(_new(root / "ipfs" / name), kubo, peered=True)
        for name in ("creator", "others")
    )
    acquaint(hers, theirs)
    with ExitStack() as stack:
        for daemon in (hers, theirs):
            stack.callback(daemon.stop)
            daemon.start()
        board.says("ipfs", f"the creator's daemon runs at {hers.location}")
        board.says("ipfs", f"everybody else's at {theirs.location}; they know only each other")
        yield lambda person: (hers if person.role == "creator" else theirs).location


def _new(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
