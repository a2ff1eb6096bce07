"""Which objects a bundle becomes: parts of at most 8 MiB, and an index that makes them a bundle.

The parts, one after another, are the bundle's CAR file. The index says how many blocks each part
has, and each block's CID and length: whoever has it can ask for any block by its place. It is
written when all parts are there, so a bundle is in the bucket whole or not at all.

    bundles/CID                 the index
    parts/CID/00000-HASH        the first part: the CAR's header and the first blocks
    parts/CID/00001-HASH        …

A part's name holds a hash of the CIDs and lengths in it, so it stands for one content: whoever
finds a part there, of the right length, need not send it again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from decentralml.assets.car import HEADER_LENGTH
from decentralml.assets.cid import BINARY_LENGTH, to_text
from decentralml.assets.unixfs import MAX_BLOCK, varint
from decentralml.errors import ContentMismatch
from decentralml.types import Cid

PART = 8 << 20  # bytes: large enough for few requests, small enough to hold several in memory
MAX_INDEX = 32 << 20  # bytes: 800,000 blocks

_VERSION = 1
_LONGEST_HEAD = 1 << 20  # bytes of the index's first line
_LENGTH = 4  # bytes of a block's length in the index
_ENTRY = BINARY_LENGTH + _LENGTH
_KINDS = (b"\x01\x55\x12\x20", b"\x01\x70\x12\x20")
_PART_NAME = re.compile(r"[0-9]{5}-[0-9a-f]{32}")

Block = tuple[bytes, int]
"""Binary CID and length."""


def bundle_key(cid: Cid) -> str:
    """Where a bundle's index lies, below the store's prefix."""
    return f"bundles/{cid}"


def parts_folder(cid: Cid) -> str:
    """Where a bundle's parts lie, below the store's prefix."""
    return f"parts/{cid}"


def is_part_name(name: str) -> bool:
    """Whether an object in a bundle's folder can be one of its parts."""
    return _PART_NAME.fullmatch(name) is not None


def section_head(cid: bytes, length: int) -> bytes:
    """What stands before a block in a CAR file."""
    return varint(BINARY_LENGTH + length) + cid


@dataclass(frozen=True, slots=True)
class Part:
    """One object: blocks ``first`` up to ``end`` of the layout, ``size`` bytes."""

    name: str
    first: int
    end: int
    size: int


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a block's bytes lie: ``length`` bytes from ``start`` of the ``part``-th object."""

    part: int
    start: int
    length: int


class Layout:
    """A bundle's blocks in the order of its CAR file, and the parts they are in."""

    def __init__(self, root: bytes, blocks: Sequence[Block], counts: Sequence[int]) -> None:
        """
        Args:
            root: binary CID of the bundle.
            blocks: every block once.
            counts: how many of them each part has.
        """
        self.root = root
        self.blocks = blocks
        self.parts: list[Part] = []
        self.spots: dict[bytes, Spot] = {}
        first = 0
        for number, count in enumerate(counts):
            self.parts.append(self._part(number, first, first + count))
            first += count

    def _part(self, number: int, first: int, end: int) -> Part:
        at = HEADER_LENGTH if number == 0 else 0
        digest = hashlib.sha256(self.root if number == 0 else b"")
        for cid, length in self.blocks[first:end]:
            at += len(section_head(cid, length))
            self.spots[cid] = Spot(number, at, length)
            at += length
            digest.update(_entry(cid, length))
        return Part(f"{number:05d}-{digest.hexdigest()[:32]}", first, end, at)

    @property
    def size(self) -> int:
        """Bytes of all parts together."""
        return sum(part.size for part in self.parts)

    def encode(self) -> bytes:
        """The index."""
        counts = [part.end - part.first for part in self.parts]
        head = {"version": _VERSION, "root": to_text(self.root), "parts": counts}
        table = b"".join(_entry(cid, length) for cid, length in self.blocks)
        return json.dumps(head).encode("ascii") + b"\n" + table


def lay_out(root: bytes, blocks: Sequence[Block]) -> Layout:
    """Cuts blocks into parts: each as long as `PART` allows, never within a block."""
    counts: list[int] = []
    at = HEADER_LENGTH
    count = 0
    for cid, length in blocks:
        section = len(section_head(cid, length)) + length
        if count and at + section > PART:
            counts.append(count)
            at = count = 0
        at += section
        count += 1
    return Layout(root, blocks, [*counts, count])


def decode(root: bytes, index: bytes) -> Layout:
    """The layout that an index describes; the index may come from anybody.

    Raises:
        ContentMismatch: it is no index of this bundle.
    """
    head, newline, table = index.partition(b"\n")
    if not newline or len(head) > _LONGEST_HEAD or len(table) % _ENTRY:
        raise _mismatch(root)
    blocks = list(_blocks(root, table))
    counts = _counts(root, head)
    if sum(counts) != len(blocks) or len({cid for cid, _ in blocks}) != len(blocks):
        raise _mismatch(root)
    layout = Layout(root, blocks, counts)
    if root not in layout.spots:
        raise _mismatch(root)
    return layout


def _entry(cid: bytes, length: int) -> bytes:
    return cid + length.to_bytes(_LENGTH, "big")


def _mismatch(root: bytes) -> ContentMismatch:
    return ContentMismatch(to_text(root), "its index in the bucket is damaged")


def _counts(root: bytes, head: bytes) -> list[int]:
    try:
        read: Any = json.loads(head)
    except (ValueError, RecursionError) as error:
        raise _mismatch(root) from error
    if not isinstance(read, dict) or read.get("root") != to_text(root):
        raise _mismatch(root)
    if read.get("version") != _VERSION:
        raise ContentMismatch(
            to_text(root), "its index in the bucket was written by another version of this package"
        )
    counts = read.get("parts")
    if not isinstance(counts, list) or not all(type(one) is int and one > 0 for one in counts):
        raise _mismatch(root)
    return counts


def _blocks(root: bytes, table: bytes) -> Iterator[Block]:
    for at in range(0, len(table), _ENTRY):
        cid = table[at : at + BINARY_LENGTH]
        length = int.from_bytes(table[at + BINARY_LENGTH : at + _ENTRY], "big")
        if length > MAX_BLOCK or not cid.startswith(_KINDS):
            raise _mismatch(root)
        yield cid, length
