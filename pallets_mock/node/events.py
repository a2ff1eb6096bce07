"""What the node tells those who listen, after it is on the disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from pallets_mock.block.header import Header
from pallets_mock.state.view import Diff


@dataclass(frozen=True, slots=True)
class BlockImported:
    """A block was sealed; it need not be the best one (yet)."""

    hash: bytes
    header: Header
    diff: Diff


@dataclass(frozen=True, slots=True)
class BestChanged:
    """Another block is the best one.

    Args:
        retracted: blocks that were on the chain and are not any more, highest first.
        enacted: blocks that are on the chain now and were not, lowest first; the last
            is the best one. Empty when the chain was only shortened.
        diff: what differs in the state, or None: compare yourself.
    """

    hash: bytes
    header: Header
    retracted: tuple[bytes, ...]
    enacted: tuple[bytes, ...]
    diff: Diff | None


@dataclass(frozen=True, slots=True)
class FinalityChanged:
    """Blocks became final, lowest first; after a revert, the one that is the last final now."""

    hashes: tuple[bytes, ...]


NodeEvent: TypeAlias = BlockImported | BestChanged | FinalityChanged
Listener: TypeAlias = Callable[[NodeEvent], None]
