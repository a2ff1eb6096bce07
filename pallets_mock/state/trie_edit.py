"""Changing a trie: only the nodes on the way to a changed key are decoded and made anew.

What comes out is canonical (it depends on the pairs alone, not on the order of the
edits): no branch without a value has a single child.
"""

from __future__ import annotations

from pallets_mock.state.node_codec import (
    EMPTY_ROOT,
    INLINE_VALUE_LIMIT,
    Node,
    blake2b_256,
    encode,
)
from pallets_mock.state.nodes import CachedNodes
from pallets_mock.state.view import TrieChange, Writes


def change_trie(nodes: CachedNodes, root: bytes, diff: Writes, layout: int) -> TrieChange:
    """The trie under `root` after the writes of `diff`.

    A value that is not in `diff` stays stored as it is, whatever the layout.

    Raises:
        MissingNode: a node on the way to a changed key is not in the database.
    """
    return _Edit(nodes, layout).run(root, diff)


class _Edit:
    def __init__(self, nodes: CachedNodes, layout: int) -> None:
        self._nodes = nodes
        self._hashes_long_values = layout == 1
        self._made: dict[bytes, bytes] = {}

    def run(self, root: bytes, diff: Writes) -> TrieChange:
        top = None if root == EMPTY_ROOT else self._draft(root)
        for key, value in diff.items():
            path = key.hex()
            if value is not None:
                top = self._insert(top, path, 0, value)
            elif top is not None:
                top = self._remove(top, path, 0)
        if top is None:
            return TrieChange(EMPTY_ROOT, {})
        return TrieChange(self._seal(top, at_top=True), self._made)

    def _draft(self, child: bytes | Node) -> Node:
        return child if isinstance(child, Node) else self._nodes.node(child).copy()

    def _write(self, node: Node, value: bytes) -> Node:
        node.hashed = self._hashes_long_values and len(value) > INLINE_VALUE_LIMIT
        if node.hashed:
            node.value = blake2b_256(value)
            self._made[node.value] = value
        else:
            node.value = value
        return node

    def _insert(self, node: Node | None, path: str, at: int, value: bytes) -> Node:
        if node is None:
            return self._write(Node(path[at:], None, False), value)
        partial = node.partial
        if not path.startswith(partial, at):
            return self._split(node, path, at, value)
        at += len(partial)
        if at == len(path):
            return self._write(node, value)
        if node.children is None:
            node.children = [None] * 16
        slot = int(path[at], 16)
        child = node.children[slot]
        below = None if child is None else self._draft(child)
        node.children[slot] = self._insert(below, path, at + 1, value)
        return node

    def _split(self, node: Node, path: str, at: int, value: bytes) -> Node:
        partial = node.partial
        common = _common_length(partial, path, at)
        branch = Node(partial[:common], None, False, [None] * 16)
        assert branch.children is not None  # noqa: S101 - for the type checker
        branch.children[int(partial[common], 16)] = node
        node.partial = partial[common + 1 :]
        at += common
        if at == len(path):
            return self._write(branch, value)
        branch.children[int(path[at], 16)] = self._insert(None, path, at + 1, value)
        return branch

    def _remove(self, node: Node, path: str, at: int) -> Node | None:
        if not path.startswith(node.partial, at):
            return node
        at += len(node.partial)
        if at == len(path):
            node.value, node.hashed = None, False
            return self._collapse(node)
        slot = int(path[at], 16)
        child = node.children and node.children[slot]
        if not child or node.children is None:
            return node
        node.children[slot] = self._remove(self._draft(child), path, at + 1)
        return node if node.children[slot] is not None else self._collapse(node)

    def _collapse(self, node: Node) -> Node | None:
        children = node.children or []
        left = [slot for slot, child in enumerate(children) if child is not None]
        if not left:
            node.children = None
            return None if node.value is None else node
        if len(left) > 1 or node.value is not None:
            return node
        only = self._draft(children[left[0]])  # type: ignore[arg-type]
        only.partial = f"{node.partial}{left[0]:x}{only.partial}"
        return only

    def _seal(self, node: Node, *, at_top: bool = False) -> bytes:
        children = node.children
        if children is not None:
            for slot, child in enumerate(children):
                if isinstance(child, Node):
                    children[slot] = self._seal(child)
        encoded = encode(node)
        if len(encoded) < 32 and not at_top:
            return encoded
        hash_ = blake2b_256(encoded)
        self._made[hash_] = encoded
        self._nodes.remember(hash_, node)
        return hash_


def _common_length(partial: str, path: str, at: int) -> int:
    most = min(len(partial), len(path) - at)
    for index in range(most):
        if partial[index] != path[at + index]:
            return index
    return most
