"""The newest state, flat and sorted in memory: what nearly every read is about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sortedcontainers import SortedDict

from pallets_mock.state.trie import Trie
from pallets_mock.state.view import TrieChange, Writes


class HeadView:
    """A `StateView` that moves from block to block.

    Args:
        trie: the state to start from. It is read once, whole.
    """

    def __init__(self, trie: Trie) -> None:
        self.trie = trie
        self._pairs: Any = SortedDict(trie.pairs())  # type: ignore[no-untyped-call]

    def advance(self, diff: Writes, root: bytes) -> None:
        """Become the state that `diff` leads to; `root` is its root, its nodes are stored."""
        for key, value in diff.items():
            if value is None:
                self._pairs.pop(key, None)
            else:
                self._pairs[key] = value
        self.trie = self.trie.at(root)

    def get(self, key: bytes) -> bytes | None:
        """Value of the key, None if it has none."""
        value: bytes | None = self._pairs.get(key)
        return value

    def next_key(self, key: bytes) -> bytes | None:
        """Smallest key that is greater than `key`."""
        at: int = self._pairs.bisect_right(key)
        found: bytes | None = self._pairs.keys()[at] if at < len(self._pairs) else None
        return found

    def keys(self, prefix: bytes = b"", after: bytes | None = None) -> Iterator[bytes]:
        """Keys that start with `prefix` and are greater than `after`, ascending."""
        from_after = after is not None and after >= prefix
        start = after if from_after else prefix
        for key in self._pairs.irange(start, inclusive=(not from_after, True)):
            if not key.startswith(prefix):
                return
            yield key

    def change(self, diff: Writes, layout: int = 1) -> TrieChange:
        """What the state becomes by `diff`. Changes nothing here."""
        return self.trie.change(diff, layout)

    def __len__(self) -> int:
        return len(self._pairs)
