"""Reads dag-pb nodes that may come from anybody.

Only what `unixfs` writes is understood; anything else is an error, never a guess.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from decentralml.assets.cid import BINARY_LENGTH
from decentralml.assets.unixfs import DIRECTORY, FILE, HAMT_SHARD, Link

_VARINT, _BYTES = 0, 2
_MAX_VARINT = 10  # bytes of 64 bits


class MalformedNode(ValueError):
    """A block is not a node as `unixfs` writes it; the message says where."""


@dataclass(frozen=True, slots=True)
class Node:
    """A file, folder or shard: its UnixFS type and its links as they stand."""

    kind: int
    links: tuple[Link, ...]


def _varint(block: bytes, at: int) -> tuple[int, int]:
    number = 0
    for shift in range(_MAX_VARINT):
        if at >= len(block):
            break
        byte = block[at]
        at += 1
        number |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:
            return number, at
    raise MalformedNode("a number does not end")


def _fields(block: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field numbers with their values: an int or bytes, no other wire type."""
    at = 0
    while at < len(block):
        tag, at = _varint(block, at)
        value, at = _varint(block, at)
        if tag & 7 == _VARINT:
            yield tag >> 3, value
        elif tag & 7 == _BYTES:
            if value > len(block) - at:
                raise MalformedNode("it is cut short")
            yield tag >> 3, block[at : at + value]
            at += value
        else:
            raise MalformedNode("it has a field of an unknown type")


def _link(block: bytes) -> Link:
    cid, name, tsize = b"", b"", 0
    for field, value in _fields(block):
        if field == 1 and isinstance(value, bytes):
            cid = value
        elif field == 2 and isinstance(value, bytes):
            name = value
        elif field == 3 and isinstance(value, int):
            tsize = value
        else:
            raise MalformedNode("a link has an unknown field")
    if len(cid) != BINARY_LENGTH or not cid.startswith((b"\x01\x55\x12\x20", b"\x01\x70\x12\x20")):
        raise MalformedNode("a link's identifier is not version 1 with sha2-256")
    try:
        return Link(name.decode("utf-8"), cid, tsize)
    except UnicodeDecodeError as error:
        raise MalformedNode("a link's name is not text") from error


def decode_node(block: bytes) -> Node:
    """Decodes a file, folder or shard node.

    Order, repetition and the data beyond its type are not judged here: who reads a node builds it
    again from what was understood and compares the hash.

    Raises:
        MalformedNode: it is not such a node; also for the other UnixFS types (links, metadata).
    """
    links: list[Link] = []
    data: bytes | None = None
    for field, value in _fields(block):
        if field == 2 and isinstance(value, bytes):
            links.append(_link(value))
        elif field == 1 and isinstance(value, bytes):
            data = value
        else:
            raise MalformedNode("it has an unknown field")
    kind = 0
    for field, value in _fields(data or b""):
        if field == 1 and isinstance(value, int):
            kind = value
    if kind not in (FILE, DIRECTORY, HAMT_SHARD):
        raise MalformedNode("it is neither a file nor a folder")
    return Node(kind, tuple(links))
