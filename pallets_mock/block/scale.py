"""The few SCALE shapes that blocks are made of."""

from __future__ import annotations

from collections.abc import Sequence

from pallets_mock.state.compact import compact, read_compact


def byte_string(data: bytes) -> bytes:
    """`Vec<u8>`."""
    return compact(len(data)) + data


class Reader:
    """Takes SCALE values from the front of some bytes. Every read raises ValueError at the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, length: int) -> bytes:
        """The next `length` bytes."""
        start, end = self._at, self._at + length
        if end > len(self._data):
            raise ValueError(f"the data ends {end - len(self._data)} bytes too early")
        self._at = end
        return self._data[start:end]

    def byte(self) -> int:
        """A `u8`."""
        return self.take(1)[0]

    def number(self) -> int:
        """A compact number."""
        value, self._at = read_compact(self._data, self._at)
        return value

    def byte_string(self) -> bytes:
        """A `Vec<u8>`."""
        return self.take(self.number())

    def end(self) -> None:
        """Raises ValueError unless everything was taken."""
        if self._at != len(self._data):
            raise ValueError(f"{len(self._data) - self._at} bytes too many")


def split_extrinsics(data: bytes) -> list[bytes]:
    """The items of an encoded `Vec<Extrinsic>`, each with its own length in front."""
    reader = Reader(data)
    items = [byte_string(reader.byte_string()) for _ in range(reader.number())]
    reader.end()
    return items


def join_extrinsics(extrinsics: Sequence[bytes]) -> bytes:
    """The inverse of `split_extrinsics`."""
    return compact(len(extrinsics)) + b"".join(extrinsics)
