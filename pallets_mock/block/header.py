"""Block headers, as sp-runtime's `generic::Header<u32, BlakeTwo256>`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from pallets_mock.block.scale import Reader, byte_string
from pallets_mock.errors import InvalidBlock
from pallets_mock.state.compact import compact
from pallets_mock.state.node_codec import blake2b_256

AURA = b"aura"
NO_HASH = bytes(32)


class DigestKind(IntEnum):
    """What a digest item is, by its index in the encoding."""

    OTHER = 0
    CONSENSUS = 4
    SEAL = 5
    PRE_RUNTIME = 6
    RUNTIME_ENVIRONMENT_UPDATED = 8


_WITH_ENGINE = {DigestKind.CONSENSUS, DigestKind.SEAL, DigestKind.PRE_RUNTIME}


@dataclass(frozen=True, slots=True)
class DigestItem:
    """A note in a header.

    Args:
        engine: four bytes, of a consensus engine; empty where there is none.
    """

    kind: DigestKind
    engine: bytes = b""
    data: bytes = b""

    def encode(self) -> bytes:
        """SCALE."""
        start = bytes((self.kind,))
        if self.kind in _WITH_ENGINE:
            return start + self.engine + byte_string(self.data)
        return start + byte_string(self.data) if self.kind is DigestKind.OTHER else start

    @classmethod
    def read(cls, reader: Reader) -> DigestItem:
        """The next item. Raises ValueError."""
        kind = DigestKind(reader.byte())
        if kind in _WITH_ENGINE:
            return cls(kind, reader.take(4), reader.byte_string())
        return cls(kind, b"", reader.byte_string() if kind is DigestKind.OTHER else b"")


@dataclass(frozen=True, slots=True)
class Header:
    """What identifies a block, and what it commits to."""

    parent_hash: bytes
    number: int
    state_root: bytes = NO_HASH
    extrinsics_root: bytes = NO_HASH
    digest: tuple[DigestItem, ...] = ()

    def encode(self) -> bytes:
        """SCALE."""
        parts = (self.parent_hash, compact(self.number), self.state_root, self.extrinsics_root)
        items = (item.encode() for item in self.digest)
        return b"".join((*parts, compact(len(self.digest)), *items))

    @classmethod
    def decode(cls, data: bytes) -> Header:
        """The header of these bytes. Raises InvalidBlock."""
        reader = Reader(data)
        try:
            parent, number = reader.take(32), reader.number()
            state, extrinsics = reader.take(32), reader.take(32)
            digest = tuple(DigestItem.read(reader) for _ in range(reader.number()))
            reader.end()
        except ValueError as error:
            raise InvalidBlock(f"no header: {error}") from error
        return cls(parent, number, state, extrinsics, digest)

    def hash(self) -> bytes:
        """The block's hash: blake2b-256 of the encoding, with the seal if there is one."""
        return blake2b_256(self.encode())

    @property
    def slot(self) -> int | None:
        """The Aura slot that the block was made in; None for genesis."""
        for item in self.digest:
            if item.kind is DigestKind.PRE_RUNTIME and item.engine == AURA:
                return int.from_bytes(item.data, "little")
        return None

    def with_item(self, item: DigestItem) -> Header:
        """The header with one more digest item, at the end."""
        return replace(self, digest=(*self.digest, item))

    def unsealed(self) -> Header:
        """The header as the runtime made it: without the seal, if it has one."""
        if self.digest and self.digest[-1].kind is DigestKind.SEAL:
            return replace(self, digest=self.digest[:-1])
        return self

    def to_json(self) -> dict[str, Any]:
        """As JSON-RPC has it."""
        return {
            "parentHash": _hex(self.parent_hash),
            "number": hex(self.number),
            "stateRoot": _hex(self.state_root),
            "extrinsicsRoot": _hex(self.extrinsics_root),
            "digest": {"logs": [_hex(item.encode()) for item in self.digest]},
        }


def pre_runtime(slot: int) -> DigestItem:
    """Aura's note of the slot that a block is made in."""
    return DigestItem(DigestKind.PRE_RUNTIME, AURA, slot.to_bytes(8, "little"))


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
