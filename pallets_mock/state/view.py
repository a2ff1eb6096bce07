"""What the rest of the chain reads a state through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

Diff: TypeAlias = dict[bytes, "bytes | None"]
"""Writes by key; None removes the key."""

Writes: TypeAlias = Mapping[bytes, "bytes | None"]
"""A diff that is only read."""


@dataclass(frozen=True, slots=True)
class TrieChange:
    """A new state: its root, and the nodes and long values that the old one lacks, by hash."""

    root: bytes
    nodes: dict[bytes, bytes]


class StateView(Protocol):
    """The state after one block. Reading it twice gives the same answer twice."""

    def get(self, key: bytes) -> bytes | None:
        """Value of the key, None if it has none."""

    def next_key(self, key: bytes) -> bytes | None:
        """Smallest key that is greater than `key`, which itself need not exist."""

    def keys(self, prefix: bytes = b"", after: bytes | None = None) -> Iterator[bytes]:
        """Keys that start with `prefix` and are greater than `after`, ascending."""

    def change(self, diff: Writes, layout: int = 1) -> TrieChange:
        """What the state becomes by `diff`. Changes nothing here.

        Args:
            layout: 0 or 1, the runtime's state version; 1 stores values of more
                than 32 bytes beside the trie.
        """
