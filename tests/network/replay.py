"""Blocks of one implementation executed by the other."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pallets_mock.block.builder import encode_block
from pallets_mock.block.header import DigestItem, Header
from pallets_mock.block.scale import Reader
from pallets_mock.executor import executor_for
from pallets_mock.genesis import Genesis
from pallets_mock.state.nodes import MemoryNodes
from pallets_mock.state.overlay import Overlay
from pallets_mock.state.trie import Trie


@dataclass(frozen=True)
class Block:
    """A sealed block as it travels: header and extrinsics."""

    header: Header
    extrinsics: tuple[bytes, ...]

    @classmethod
    def from_json(cls, block: dict[str, Any]) -> Block:
        """A block as `chain_getBlock` gives it."""
        said = block["header"]
        header = Header(
            parent_hash=_bytes(said["parentHash"]),
            number=int(said["number"], 16),
            state_root=_bytes(said["stateRoot"]),
            extrinsics_root=_bytes(said["extrinsicsRoot"]),
            digest=tuple(DigestItem.read(Reader(_bytes(log))) for log in said["digest"]["logs"]),
        )
        return cls(header, tuple(_bytes(extrinsic) for extrinsic in block["extrinsics"]))


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


class Embedded:
    """The development chain's executor, following another chain from its first block on."""

    def __init__(self, genesis: Genesis) -> None:
        self.header, self._nodes = genesis.header, MemoryNodes()
        self._nodes.put_all(genesis.change.nodes)

    def execute(self, block: Block) -> bytes:
        """The state root that this block leads to here.

        The runtime itself compares both roots of the header, and traps when they differ.
        """
        overlay = Overlay(Trie(self._nodes, self.header.state_root))
        code = overlay.get(b":code")
        assert code is not None
        encoded = encode_block(block.header.unsealed(), block.extrinsics)
        executor_for(code).execute("Core_execute_block", encoded, overlay)
        change = overlay.last_change
        assert change is not None
        self._nodes.put_all(change.nodes)
        self.header = block.header
        return change.root


def export_file(path: Path, blocks: Iterable[Block]) -> Path:
    """Blocks in a file that the node's ``import-blocks --binary`` reads.

    Their number as 64 bits, then each one as SCALE: header, extrinsics, no justification.
    """
    encoded = [encode_block(block.header, block.extrinsics) + b"\x00" for block in blocks]
    path.write_bytes(struct.pack("<Q", len(encoded)) + b"".join(encoded))
    return path


def blocks_of(request: Any, last: int) -> Iterator[Block]:
    """Blocks 1 to `last` of a chain.

    Args:
        request: calls a JSON-RPC method.
    """
    for number in range(1, last + 1):
        yield Block.from_json(
            request("chain_getBlock", request("chain_getBlockHash", number))["block"]
        )
