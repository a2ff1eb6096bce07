"""What a block is to a client, and its height as JSON-RPC writes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from decentralml.errors import MalformedChainData
from decentralml.types import BlockNumber


@dataclass(frozen=True, slots=True)
class BlockRef:
    """A block by height and hash."""

    number: BlockNumber
    hash: str


@dataclass(frozen=True, slots=True)
class Block:
    """A block's body; `extrinsics` as ``0x…``.

    `upgrades`: the blocks after it are executed by another runtime than it was itself.
    """

    number: BlockNumber
    hash: str
    parent: str
    extrinsics: tuple[str, ...]
    upgrades: bool = False


def number_of(header: Any) -> BlockNumber:
    """Height in a header as JSON-RPC writes it."""
    try:
        return BlockNumber(int(header["number"], 16))
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedChainData("a block header", header) from error
