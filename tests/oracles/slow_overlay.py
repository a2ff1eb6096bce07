"""An overlay as a stack of whole dictionaries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pallets_mock.state.compact import compact, read_compact
from pallets_mock.state.root import root_of
from pallets_mock.state.view import TrieChange, Writes


class DictView:
    """A `StateView` over a dictionary, every answer by looking at all keys."""

    def __init__(self, pairs: Mapping[bytes, bytes]) -> None:
        self.pairs = dict(pairs)

    def get(self, key: bytes) -> bytes | None:
        return self.pairs.get(key)

    def next_key(self, key: bytes) -> bytes | None:
        return min((k for k in self.pairs if k > key), default=None)

    def keys(self, prefix: bytes = b"", after: bytes | None = None) -> Iterator[bytes]:
        yield from sorted(
            k for k in self.pairs if k.startswith(prefix) and (after is None or k > after)
        )

    def change(self, diff: Writes, layout: int = 1) -> TrieChange:
        pairs = {**self.pairs, **diff}
        return TrieChange(root_of({k: v for k, v in pairs.items() if v is not None}, layout), {})


class CopiedOverlay:
    """Each transaction copies all pairs; rolling back drops the copy."""

    def __init__(self, pairs: Mapping[bytes, bytes]) -> None:
        self.stack = [dict(pairs)]

    @property
    def pairs(self) -> dict[bytes, bytes]:
        return self.stack[-1]

    def start_transaction(self) -> None:
        self.stack.append(dict(self.pairs))

    def commit(self) -> None:
        top = self.stack.pop()
        self.stack[-1] = top

    def rollback(self) -> None:
        self.stack.pop()

    def append(self, key: bytes, item: bytes) -> None:
        old = self.pairs.get(key, b"\x00")
        try:
            count, at = read_compact(old)
        except ValueError:
            count, at = 0, len(old)
        if count >= 2**32:
            count, at = 0, len(old)
        self.pairs[key] = compact(count + 1) + old[at:] + item

    def next_key(self, key: bytes) -> bytes | None:
        return min((k for k in self.pairs if k > key), default=None)
