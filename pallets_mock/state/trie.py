"""The state trie: any historic state by its root, the next one by a diff, proofs of both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pallets_mock.state.node_codec import EMPTY_ROOT, Node
from pallets_mock.state.nodes import CachedNodes, NodeDb
from pallets_mock.state.trie_edit import change_trie
from pallets_mock.state.view import TrieChange, Writes


class Trie:
    """The state under one root; a `StateView`.

    Args:
        db: the nodes. Several tries may share one `CachedNodes`.
        root: every node below it must be in `db`.
    """

    def __init__(self, db: NodeDb | CachedNodes, root: bytes = EMPTY_ROOT) -> None:
        self._nodes = db if isinstance(db, CachedNodes) else CachedNodes(db)
        self.root = root

    def at(self, root: bytes) -> Trie:
        """Another state of the same database."""
        return Trie(self._nodes, root)

    def get(self, key: bytes) -> bytes | None:
        """Value of the key, None if it has none. Raises MissingNode, CorruptNode."""
        if self.root == EMPTY_ROOT:
            return None
        path, at = key.hex(), 0
        node = self._nodes.node(self.root)
        while path.startswith(node.partial, at):
            at += len(node.partial)
            if at == len(path):
                return self._value(node)
            child = node.children and node.children[int(path[at], 16)]
            if not child:
                return None
            node, at = self._nodes.node(child), at + 1  # type: ignore[arg-type]
        return None

    def next_key(self, key: bytes) -> bytes | None:
        """Smallest key that is greater than `key`."""
        return next(self.keys(b"", key), None)

    def keys(self, prefix: bytes = b"", after: bytes | None = None) -> Iterator[bytes]:
        """Keys that start with `prefix` and are greater than `after`, ascending."""
        for path, _ in self._walk(prefix, after):
            yield bytes.fromhex(path)

    def pairs(self) -> Iterator[tuple[bytes, bytes]]:
        """Every key and value, by ascending key. Leaves what is cached alone."""
        stack = [] if self.root == EMPTY_ROOT else [(self.root, "")]
        while stack:
            handle, above = stack.pop()
            node = self._nodes.fresh(handle)
            path = above + node.partial
            if node.value is not None:
                yield bytes.fromhex(path), self._value(node) or b""
            if node.children is not None:
                for slot in range(15, -1, -1):
                    child = node.children[slot]
                    if child is not None:
                        stack.append((child, path + _DIGITS[slot]))  # type: ignore[arg-type]

    def change(self, diff: Writes, layout: int = 1) -> TrieChange:
        """What the trie becomes by `diff`; costs its depth for each key of the diff."""
        return change_trie(self._nodes, self.root, diff, layout)

    def apply(self, diff: Writes, layout: int = 1) -> tuple[bytes, dict[bytes, bytes]]:
        """Root and new nodes of `change(diff, layout)`."""
        change = self.change(diff, layout)
        return change.root, change.nodes

    def prove(self, keys: Iterable[bytes]) -> list[bytes]:
        """The nodes and long values that somebody who knows only the root needs to read `keys`.

        A key without a value is proven by the nodes on the way to where it would be.
        """
        recorded = _RecordedNodes(self._nodes)
        trie = Trie(recorded, self.root)
        for key in keys:
            trie.get(key)
        return list(recorded.read.values())

    def merkle_value(self, prefix: bytes) -> bytes | None:
        """What stands for all keys that start with `prefix`: it changes when one of them does.

        Returns: the hash of the highest node below or at the prefix, or the node itself
            where its parent holds it inline; None if no key starts so.
        """
        if self.root == EMPTY_ROOT:
            return None
        path, at, handle = prefix.hex(), 0, self.root
        while True:
            node = self._nodes.node(handle)
            if node.partial.startswith(path[at:]):
                return handle
            if not path.startswith(node.partial, at) or node.children is None:
                return None
            at += len(node.partial)
            child = node.children[int(path[at], 16)]
            if child is None:
                return None
            handle, at = child, at + 1  # type: ignore[assignment]

    def _value(self, node: Node) -> bytes | None:
        if node.hashed and node.value is not None:
            return self._nodes.value(node.value)
        return node.value

    def _walk(self, prefix: bytes, after: bytes | None) -> Iterator[tuple[str, Node]]:
        if self.root == EMPTY_ROOT:
            return
        lower = None if after is None else after.hex()
        wanted = prefix.hex()
        stack: list[tuple[bytes, str]] = [(self.root, "")]
        while stack:
            handle, above = stack.pop()
            node = self._nodes.node(handle)
            path = above + node.partial
            if not (path.startswith(wanted) or wanted.startswith(path)):
                continue
            if lower is not None and path < lower and not lower.startswith(path):
                continue
            if node.children is not None:
                for slot in range(15, -1, -1):
                    child, below = node.children[slot], path + _DIGITS[slot]
                    if child is not None and _may_hold(below, wanted, lower):
                        stack.append((child, below))  # type: ignore[arg-type]
            if (
                node.value is not None
                and path.startswith(wanted)
                and (lower is None or path > lower)
            ):
                yield path, node


_DIGITS = "0123456789abcdef"


def _may_hold(path: str, wanted: str, lower: str | None) -> bool:
    """Whether a key below `path` can start with `wanted` and be greater than `lower`."""
    if not (path.startswith(wanted) or wanted.startswith(path)):
        return False
    return lower is None or path > lower or lower.startswith(path)


class _RecordedNodes(CachedNodes):
    """Nodes that remember which of them were read."""

    def __init__(self, nodes: CachedNodes) -> None:
        super().__init__(_ValuesOf(nodes))
        self.read: dict[bytes, bytes] = {}

    def value(self, hash_: bytes) -> bytes:
        found = super().value(hash_)
        self.read[hash_] = found
        return found


class _ValuesOf:
    """The raw bytes below a cache, as a `NodeDb`."""

    def __init__(self, nodes: CachedNodes) -> None:
        self._nodes = nodes

    def get(self, hash_: bytes, /) -> bytes | None:
        return self._nodes.value(hash_)
