"""Roots of whole tries, computed at once from all their pairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pallets_mock.state.compact import compact
from pallets_mock.state.node_codec import EMPTY_ROOT
from pallets_mock.state.nodes import MemoryNodes
from pallets_mock.state.trie import Trie


def root_of(pairs: Mapping[bytes, bytes] | Iterable[tuple[bytes, bytes]], layout: int = 1) -> bytes:
    """Root of the trie that holds exactly these pairs (of equal keys the last counts)."""
    return Trie(MemoryNodes(), EMPTY_ROOT).change(dict(pairs), layout).root


def ordered_root(values: Sequence[bytes], layout: int = 1) -> bytes:
    """Root of a list: each value under its SCALE compact index. A block's extrinsics root."""
    return root_of(((compact(index), value) for index, value in enumerate(values)), layout)
