"""Trie nodes and their encoding, as sp-trie's (layouts 0 and 1, blake2b-256, radix 16).

Paths are strings of hexadecimal digits, a digit a nibble: Python cuts, compares and
converts those faster than anything else it has.

Source: Polkadot specification, section 2.3.3, and sp-trie's `NodeCodec`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from pallets_mock.errors import CorruptNode
from pallets_mock.state.compact import compact, read_compact

HASH_LENGTH = 32
INLINE_VALUE_LIMIT = 32
"""In layout 1 a longer value is stored beside the trie, by its hash."""

EMPTY_NODE = b"\x00"

_LEAF = (0b01 << 6, 6)
_BRANCH = (0b10 << 6, 6)
_BRANCH_VALUE = (0b11 << 6, 6)
_LEAF_HASHED = (0b001 << 5, 5)
_BRANCH_HASHED = (0b0001 << 4, 4)

Handle = bytes
"""How a node names a child: its hash (32 bytes) or, when shorter, its encoding."""


def blake2b_256(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=HASH_LENGTH).digest()


EMPTY_ROOT = blake2b_256(EMPTY_NODE)


@dataclass(slots=True)
class Node:
    """A leaf (no children) or a branch of sixteen.

    Args:
        partial: the nibbles from the parent's child slot to here.
        value: the value, or its hash when `hashed`.
        children: None in a leaf; in a branch a handle, or a node still being edited.
    """

    partial: str
    value: bytes | None
    hashed: bool
    children: list[Handle | Node | None] | None = None

    def copy(self) -> Node:
        children = self.children
        return Node(
            self.partial, self.value, self.hashed, None if children is None else children.copy()
        )


def _header(kind: tuple[int, int], nibbles: int) -> bytes:
    prefix, bits = kind
    most = (1 << bits) - 1
    if nibbles < most:
        return bytes((prefix | nibbles,))
    rest = nibbles - most
    return bytes((prefix | most,)) + b"\xff" * (rest // 255) + bytes((rest % 255,))


def encode(node: Node) -> bytes:
    """The node's bytes. Its children must be handles."""
    children, partial, value = node.children, node.partial, node.value
    if children is None:
        kind = _LEAF_HASHED if node.hashed else _LEAF
    elif value is None:
        kind = _BRANCH
    else:
        kind = _BRANCH_HASHED if node.hashed else _BRANCH_VALUE
    count = len(partial)
    parts = [_header(kind, count), bytes.fromhex("0" + partial if count & 1 else partial)]
    if children is not None:
        bitmap = 0
        for slot, child in enumerate(children):
            if child is not None:
                bitmap |= 1 << slot
        parts.append(bitmap.to_bytes(2, "little"))
    if value is not None:
        if not node.hashed:
            parts.append(compact(len(value)))
        parts.append(value)
    if children is not None:
        for child in children:
            if child is not None:
                parts.append(bytes((len(child) << 2,)))  # type: ignore[arg-type]
                parts.append(child)  # type: ignore[arg-type]
    return b"".join(parts)


def _kind_of(first: int) -> tuple[int, int]:
    if first >= 0b01 << 6:
        return (first & 0b11 << 6, 6)
    return _LEAF_HASHED if first >= 1 << 5 else _BRANCH_HASHED


def decode(encoded: bytes) -> Node:
    """The node of these bytes.

    Raises:
        CorruptNode: they are not one node, whole.
    """
    try:
        return _decode(encoded)
    except (IndexError, ValueError) as error:
        raise CorruptNode(str(error), encoded) from error


def _decode(encoded: bytes) -> Node:
    first = encoded[0]
    if first < 1 << 4:
        raise CorruptNode("unknown header", encoded)
    kind = _kind_of(first)
    partial, at = _read_partial(encoded, kind[1])
    bitmap = None
    if kind not in {_LEAF, _LEAF_HASHED}:
        bitmap = encoded[at] | encoded[at + 1] << 8
        at += 2
    value: bytes | None = None
    hashed = kind in {_LEAF_HASHED, _BRANCH_HASHED}
    if hashed:
        value, at = _take(encoded, at, HASH_LENGTH)
    elif kind != _BRANCH:
        length, at = read_compact(encoded, at)
        value, at = _take(encoded, at, length)
    children = None
    if bitmap is not None:
        children, at = _read_children(encoded, at, bitmap)
    if at != len(encoded):
        raise CorruptNode(f"{len(encoded) - at} bytes too many", encoded)
    return Node(partial, value, hashed, children)


def _read_partial(encoded: bytes, bits: int) -> tuple[str, int]:
    most = (1 << bits) - 1
    count = encoded[0] & most
    at = 1
    if count == most:
        while True:
            more = encoded[at]
            at += 1
            count += more
            if more != 255:
                break
    packed, at = _take(encoded, at, (count + 1) // 2)
    return packed.hex()[count & 1 :], at


def _read_children(encoded: bytes, at: int, bitmap: int) -> tuple[list[Handle | Node | None], int]:
    if not bitmap:
        raise CorruptNode("a branch without a child", encoded)
    children: list[Handle | Node | None] = [None] * 16
    for slot in range(16):
        if bitmap >> slot & 1:
            length = encoded[at]
            if length & 3 or length >> 2 > HASH_LENGTH:
                raise CorruptNode("a child that is neither hash nor inline", encoded)
            children[slot], at = _take(encoded, at + 1, length >> 2)
    return children, at


def _take(encoded: bytes, at: int, length: int) -> tuple[bytes, int]:
    end = at + length
    if end > len(encoded):
        raise CorruptNode("cut short", encoded)
    return encoded[at:end], end
