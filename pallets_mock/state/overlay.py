"""Writes that are not yet in the state: nested transactions over a read-only view.

A transaction costs what it writes, not what the block wrote before it: each level keeps
only what its keys were before, and gives that back when it is rolled back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sortedcontainers import SortedList

from pallets_mock.state.appended import Appended
from pallets_mock.state.view import Diff, StateView, TrieChange


class _Absent:
    """A key that the overlay says nothing of."""


_ABSENT: Final = _Absent()
_Entry = bytes | Appended | None


@dataclass(frozen=True, slots=True)
class Cleared:
    """What clearing a prefix came to.

    Args:
        visited: keys of the view that were looked at, counted against the limit.
        removed: keys that had a value and have none now.
        next_key: where to go on, when the limit was reached.
    """

    visited: int
    removed: int
    next_key: bytes | None


class Overlay:
    """A state that can be written to, over one that cannot.

    Args:
        view: what is below. It must not change while the overlay is used.
    """

    def __init__(self, view: StateView) -> None:
        self.view = view
        self._changes: dict[bytes, _Entry] = {}
        self._undo: list[dict[bytes, _Entry | _Absent]] = []
        # Every key that was ever changed; a rolled back one stays, so look in `_changes` too.
        self._known: set[bytes] = set()
        self._sorted: Any = SortedList()  # type: ignore[no-untyped-call]
        self._unsorted: list[bytes] = []
        self._change: tuple[int, TrieChange] | None = None

    @property
    def depth(self) -> int:
        """How many transactions are open."""
        return len(self._undo)

    def start_transaction(self) -> None:
        """Open a transaction within the ones that are open."""
        self._undo.append({})

    def commit(self) -> None:
        """Keep what the innermost transaction wrote. Raises LookupError if none is open."""
        done = self._close()
        if self._undo:
            outer = self._undo[-1]
            for key, before in done.items():
                outer.setdefault(key, before)

    def rollback(self) -> None:
        """Forget what the innermost transaction wrote. Raises LookupError if none is open."""
        changes = self._changes
        self._change = None
        for key, before in self._close().items():
            if isinstance(before, _Absent):
                del changes[key]
            else:
                changes[key] = before

    def rollback_to(self, depth: int) -> None:
        """Roll back until only `depth` transactions are open."""
        while len(self._undo) > depth:
            self.rollback()

    def _close(self) -> dict[bytes, _Entry | _Absent]:
        if not self._undo:
            raise LookupError("no transaction is open")
        return self._undo.pop()

    def get(self, key: bytes) -> bytes | None:
        """Value of the key, None if it has none."""
        entry = self._changes.get(key, _ABSENT)
        if isinstance(entry, _Absent):
            return self.view.get(key)
        return entry.value() if isinstance(entry, Appended) else entry

    def exists(self, key: bytes) -> bool:
        """Whether the key has a value."""
        entry = self._changes.get(key, _ABSENT)
        return (self.view.get(key) if isinstance(entry, _Absent) else entry) is not None

    def set(self, key: bytes, value: bytes) -> None:
        """Give the key a value."""
        self._put(key, value)

    def clear(self, key: bytes) -> None:
        """Take the key's value away."""
        self._put(key, None)

    def append(self, key: bytes, item: bytes) -> None:
        """Add an encoded item to the SCALE list under the key; costs the item, not the list.

        A value that is no SCALE list (also none at all) is replaced by a list of this one.
        """
        entry = self._changes.get(key, _ABSENT)
        if isinstance(entry, _Absent):
            entry = self.view.get(key)
        if not isinstance(entry, Appended):
            entry = Appended.starting_from(entry)
        self._put(key, entry.with_item(item))

    def _put(self, key: bytes, entry: _Entry) -> None:
        changes = self._changes
        self._change = None
        if self._undo:
            undo = self._undo[-1]
            if key not in undo:
                undo[key] = changes.get(key, _ABSENT)
        if key not in changes and key not in self._known:
            self._known.add(key)
            self._unsorted.append(key)
        changes[key] = entry

    def clear_prefix(self, prefix: bytes, limit: int | None = None) -> Cleared:
        """Take away the values of all keys that start with `prefix`.

        Args:
            limit: at most so many keys of the view below; those that only the overlay
                has are always removed and not counted.
        """
        removed = 0
        for key in list(self._changed_keys(prefix, None)):
            if self._changes[key] is not None:
                removed += 1
                self._put(key, None)
        visited = 0
        for key in self.view.keys(prefix):
            if visited == limit:
                return Cleared(visited, removed, key)
            visited += 1
            if self._changes.get(key, _ABSENT) is not None:
                removed += 1
                self._put(key, None)
        return Cleared(visited, removed, None)

    def next_key(self, key: bytes) -> bytes | None:
        """Smallest key with a value that is greater than `key`."""
        changes = self._changes
        below = self.view.next_key(key)
        while below is not None and changes.get(below, _ABSENT) is None:
            below = self.view.next_key(below)
        for own in self._changed_keys(b"", key):
            if below is not None and own >= below:
                return below
            if changes[own] is not None:
                return own
        return below

    def keys(self, prefix: bytes = b"", after: bytes | None = None) -> Iterator[bytes]:
        """Keys with a value that start with `prefix` and are greater than `after`, ascending."""
        if prefix and (after is None or after < prefix):
            if self.exists(prefix):
                yield prefix
            after = prefix
        elif after is None:
            if self.exists(b""):
                yield b""
            after = b""
        key = self.next_key(after)
        while key is not None and key.startswith(prefix):
            yield key
            key = self.next_key(key)

    def diff(self) -> Diff:
        """All that was written, whether or not it differs from the view."""
        return {
            key: entry.value() if isinstance(entry, Appended) else entry
            for key, entry in self._changes.items()
        }

    def change(self, layout: int) -> TrieChange:
        """What the view becomes by all that was written; computed once between writes."""
        if self._change is None or self._change[0] != layout:
            self._change = layout, self.view.change(self.diff(), layout)
        return self._change[1]

    @property
    def last_change(self) -> TrieChange | None:
        """The last `change`, None if something was written since."""
        return self._change and self._change[1]

    def _changed_keys(self, prefix: bytes, after: bytes | None) -> Iterator[bytes]:
        """Changed keys that start with `prefix` and are greater than `after`, ascending."""
        self._sorted.update(self._unsorted)
        self._unsorted.clear()
        from_after = after is not None and after >= prefix
        start = after if from_after else prefix
        for key in self._sorted.irange(start, inclusive=(not from_after, True)):
            if not key.startswith(prefix):
                return
            if key in self._changes:
                yield key
