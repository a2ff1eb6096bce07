"""A SCALE list that grows at its end without being copied: the events of a block."""

from __future__ import annotations

from pallets_mock.state.compact import compact, read_compact


class Appended:
    """A list as it was after some append; later appends share its pieces.

    The pieces are shared by all versions of one list, the longest of which is the one
    that is written to. Going back to a shorter version and appending there cuts the
    longer ones off, so use those no more: a rolled back transaction's writes.
    """

    __slots__ = ("_count", "_length", "_pieces", "_value")

    def __init__(self, pieces: list[bytes], length: int, count: int) -> None:
        self._pieces = pieces
        self._length = length
        self._count = count
        self._value: bytes | None = None

    @classmethod
    def starting_from(cls, value: bytes | None) -> Appended:
        """The list that `value` encodes, or the empty one if it encodes none."""
        try:
            count, at = read_compact(value or b"\x00")
        except ValueError:
            return cls([], 0, 0)
        if count >= 1 << 32:  # a list's length is a u32
            return cls([], 0, 0)
        return cls([(value or b"\x00")[at:]], 1, count)

    def with_item(self, item: bytes) -> Appended:
        """The list with one more, already encoded item."""
        del self._pieces[self._length :]
        self._pieces.append(item)
        return Appended(self._pieces, self._length + 1, self._count + 1)

    def value(self) -> bytes:
        """The list's encoding."""
        if self._value is None:
            self._value = compact(self._count) + b"".join(self._pieces[: self._length])
        return self._value
