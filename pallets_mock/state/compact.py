"""SCALE's compact integers: one, two, four bytes or a length and that many."""

from __future__ import annotations


def compact(number: int) -> bytes:
    """The compact encoding of a natural number below 2**536."""
    if number < 1 << 6:
        return bytes((number << 2,))
    if number < 1 << 14:
        return (number << 2 | 1).to_bytes(2, "little")
    if number < 1 << 30:
        return (number << 2 | 2).to_bytes(4, "little")
    length = (number.bit_length() + 7) // 8
    return bytes(((length - 4) << 2 | 3,)) + number.to_bytes(length, "little")


def read_compact(data: bytes | memoryview, at: int = 0) -> tuple[int, int]:
    """The number that starts at `at`, and where what follows it starts.

    Raises:
        ValueError: the data ends within it.
    """
    if at >= len(data):
        raise ValueError("no compact integer: the data ends")
    mode = data[at] & 3
    if mode == 0:
        return data[at] >> 2, at + 1
    if mode == 3:
        end = at + 5 + (data[at] >> 2)
        start, shift = at + 1, 0
    else:
        end = at + 2 * mode
        start, shift = at, 2
    if end > len(data):
        raise ValueError("no compact integer: the data ends within it")
    return int.from_bytes(data[start:end], "little") >> shift, end
