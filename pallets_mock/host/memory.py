"""The runtime's linear memory as the host sees it: bytes by address, answers allocated.

(pointer, length) cross the border packed in one i64: pointer in the low 32 bits. The
engine hands them over signed, hence the masks.
"""

from __future__ import annotations

from pallets_mock.errors import HostError
from pallets_mock.host.allocator import allocate

_LOW = 0xFFFF_FFFF


class GuestMemory:
    """One instance's memory.

    Args:
        data: all of it, writable, of fixed size, a multiple of four bytes.
        heap: where the allocator's state lies (see `allocator`).
    """

    __slots__ = ("_size", "data", "heap", "words")

    def __init__(self, data: memoryview, heap: int) -> None:
        self.data = data
        self.words = data.cast("I")
        self.heap = heap
        self._size = len(data)

    def read(self, packed: int) -> bytes:
        """The bytes of a packed (pointer, length). Raises HostError out of bounds."""
        start = packed & _LOW
        end = start + (packed >> 32 & _LOW)
        if end > self._size:
            raise HostError(f"a range ends at {end}, the memory at {self._size}")
        return bytes(self.data[start:end])

    def read_at(self, start: int, length: int) -> bytes:
        """`length` bytes from an address. Raises HostError out of bounds."""
        return self.read(start | length << 32)

    def write_at(self, start: int, value: bytes) -> None:
        """Store bytes at an address. Raises HostError out of bounds."""
        end = start + len(value)
        if end > self._size:
            raise HostError(f"a range ends at {end}, the memory at {self._size}")
        self.data[start:end] = value

    def give(self, value: bytes) -> int:
        """The bytes in a new allocation that the runtime frees; packed (pointer, length)."""
        length = len(value)
        start = allocate(self, length)
        self.data[start : start + length] = value
        return start | length << 32

    def give_fixed(self, value: bytes) -> int:
        """The same for a value whose length the runtime knows; its pointer."""
        return self.give(value) & _LOW
