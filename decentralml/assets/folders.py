"""The node of a folder: plain, or a tree of shards when it has too many entries for one block.

The shards are kubo's: a hash array mapped trie over murmur3 of the name, 256 ways, 8 bits a level.
"""

from __future__ import annotations

from collections.abc import Sequence

import mmh3

from decentralml.assets.unixfs import (
    Entry,
    Link,
    Sink,
    directory_data,
    encode_link,
    put_node,
    shard_data,
)
from decentralml.errors import BundleRefused

SHARD_ABOVE = 262_144  # bytes of a plain folder's block
_HASH_BYTES = 8


def name_hash(name: bytes) -> bytes:
    """The eight bytes that place a name in the shards."""
    # mmh3 has returned signed halves in spite of signed=False; the mask holds either way.
    return int(mmh3.hash64(name, signed=False)[0] & (1 << 64) - 1).to_bytes(_HASH_BYTES, "big")


def folder_node(links: Sequence[Link], size: int, sink: Sink | None) -> Entry:
    """Builds a folder over its entries, given in any order, all names different.

    Args:
        links: name, CID and Tsize of each entry.
        size: bytes of content below, passed through.
        sink: takes the blocks made.
    """
    ordered = sorted(links, key=lambda link: link.name.encode("utf-8"))
    data = directory_data()
    # the data field's own tag and length are one byte each
    length = sum(len(encode_link(link)) for link in ordered) + len(data) + 2
    if length <= SHARD_ABOVE:
        return put_node(ordered, data, size, sink)
    placed = [(name_hash(link.name.encode("utf-8")), link) for link in ordered]
    return _shard(placed, 0, size, sink)


def _shard(placed: list[tuple[bytes, Link]], level: int, size: int, sink: Sink | None) -> Entry:
    """One shard over entries that agree in the first ``level`` bytes of their names' hashes."""
    if level == _HASH_BYTES:
        raise BundleRefused(placed[0][1].name, "two names share all 64 bits of their hash")
    slots: dict[int, list[tuple[bytes, Link]]] = {}
    for digest, link in placed:
        slots.setdefault(digest[level], []).append((digest, link))
    links = []
    bits = 0
    for index in sorted(slots):
        bits |= 1 << index
        inside = slots[index]
        if len(inside) == 1:
            link = inside[0][1]
            links.append(Link(f"{index:02X}{link.name}", link.cid, link.tsize))
        else:
            child = _shard(inside, level + 1, 0, sink)
            links.append(Link(f"{index:02X}", child.cid, child.tsize))
    bitfield = bits.to_bytes((bits.bit_length() + 7) // 8, "big")
    return put_node(links, shard_data(bitfield), size, sink)
