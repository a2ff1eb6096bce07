"""What can happen to a transaction, in the node's words, and who wants to hear of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Ready:
    """The next block may include it."""


@dataclass(frozen=True, slots=True)
class Future:
    """It waits for another transaction, as one with a lower nonce."""


@dataclass(frozen=True, slots=True)
class InBlock:
    """A block of the best chain holds it, at this place among its extrinsics."""

    block: bytes
    index: int


@dataclass(frozen=True, slots=True)
class Retracted:
    """The block that held it is off the best chain; it waits again."""

    block: bytes


@dataclass(frozen=True, slots=True)
class Finalized:
    """The block that holds it cannot be undone any more."""

    block: bytes
    index: int


@dataclass(frozen=True, slots=True)
class Usurped:
    """A transaction of higher priority took its place."""

    by: bytes


@dataclass(frozen=True, slots=True)
class Dropped:
    """The pool had no room for it."""


@dataclass(frozen=True, slots=True)
class Invalid:
    """It cannot be included any more."""


Status: TypeAlias = Ready | Future | InBlock | Retracted | Finalized | Usurped | Dropped | Invalid
LAST = (Finalized, Usurped, Dropped, Invalid)
"""After one of these nothing more happens to a transaction."""

Watcher: TypeAlias = Callable[[Status], None]


class Watchers:
    """Who is told about which transaction, until one of the last things happened to it."""

    def __init__(self) -> None:
        self._by_hash: dict[bytes, list[Watcher]] = {}

    def add(self, hash_: bytes, watcher: Watcher) -> None:
        """Tell `watcher` what happens to that transaction from now on."""
        self._by_hash.setdefault(hash_, []).append(watcher)

    def remove(self, hash_: bytes, watcher: Watcher) -> None:
        """Stop telling; harmless when it had ended already."""
        watchers = self._by_hash.get(hash_, [])
        if watcher in watchers:
            watchers.remove(watcher)
        if not watchers:
            self._by_hash.pop(hash_, None)

    def tell(self, hash_: bytes, status: Status) -> None:
        """Something happened to the transaction."""
        watchers = self._by_hash.get(hash_)
        if watchers is None:
            return
        if isinstance(status, LAST):
            del self._by_hash[hash_]
        for watcher in list(watchers):
            watcher(status)

    def __len__(self) -> int:
        return len(self._by_hash)
