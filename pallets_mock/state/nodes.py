"""Where trie nodes come from: a database of bytes by hash, and a cache of decoded ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pallets_mock.errors import MissingNode
from pallets_mock.state.node_codec import Node, decode

CACHED_NODES = 50_000
"""About 40 MB when full, and a few hundred blocks' worth of paths."""


class NodeDb(Protocol):
    """Nodes and long values by their blake2b-256 hash. Nothing is ever changed in place."""

    def get(self, hash_: bytes, /) -> bytes | None:
        """The bytes of that hash, None if unknown."""


class MemoryNodes:
    """A `NodeDb` in memory."""

    def __init__(self, nodes: Mapping[bytes, bytes] | None = None) -> None:
        self._nodes = dict(nodes or {})

    def get(self, hash_: bytes, /) -> bytes | None:
        return self._nodes.get(hash_)

    def put_all(self, nodes: Mapping[bytes, bytes]) -> None:
        self._nodes.update(nodes)

    def __len__(self) -> int:
        return len(self._nodes)


class CachedNodes:
    """Decoded nodes of a database; the least lately added go first.

    A decoded node is shared by all that read it: copy it before changing it.
    """

    def __init__(self, db: NodeDb, limit: int = CACHED_NODES) -> None:
        self._db = db
        self._limit = limit
        self._decoded: dict[bytes, Node] = {}

    @property
    def cached(self) -> int:
        """How many decoded nodes are kept."""
        return len(self._decoded)

    def node(self, handle: bytes) -> Node:
        """The node that a parent names by hash or holds inline.

        Raises:
            MissingNode: the database does not have it.
            CorruptNode: what it has is no node.
        """
        node = self._decoded.get(handle)
        if node is None:
            node = self.fresh(handle)
            if len(handle) == 32:
                self.remember(handle, node)
        return node

    def fresh(self, handle: bytes) -> Node:
        """As `node`, but decoded anew and not kept: for a walk over everything."""
        return decode(handle if len(handle) < 32 else self.value(handle))

    def value(self, hash_: bytes) -> bytes:
        """The long value of that hash. Raises MissingNode."""
        found = self._db.get(hash_)
        if found is None:
            raise MissingNode(hash_)
        return found

    def remember(self, hash_: bytes, node: Node) -> None:
        """Keep a node that was just made, so that the next block need not decode it."""
        if len(self._decoded) >= self._limit:
            for old in list(self._decoded)[: self._limit // 8 + 1]:
                del self._decoded[old]
        self._decoded[hash_] = node
