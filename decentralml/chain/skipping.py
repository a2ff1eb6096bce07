"""Where a SCALE value ends, found without decoding it.

A block's events are one list without an index, and decoding an event costs half a millisecond: a
client that looks for a few of them in blocks of hundreds must be able to pass over the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

End = Callable[[bytes, int], int]
"""Where the value that begins at an offset ends."""
_SIZES: Final = {
    "bool": 1, "char": 4, "u8": 1, "u16": 2, "u32": 4, "u64": 8, "u128": 16, "u256": 32,
    "i8": 1, "i16": 2, "i32": 4, "i64": 8, "i128": 16, "i256": 32,
}  # fmt: skip


class Skipper:
    """Ends of values by the types of a runtime's metadata.

    Args:
        types: the metadata's portable registry, by number.
    """

    def __init__(self, types: Sequence[Mapping[str, Any]]) -> None:
        self._types = types
        self._ends: dict[int, End] = {}

    def end(self, kind: int, data: bytes, start: int) -> int:
        """The offset behind the value of type `kind` that begins at `start`.

        Raises:
            ValueError: the bytes end before it does, or are no value of that type.
        """
        end = self._end_of(kind)(data, start)
        if end > len(data):
            raise ValueError("the bytes end too early")
        return end

    def _end_of(self, kind: int) -> End:
        found = self._ends.get(kind)
        if found is None:
            # A type may hold itself: what is asked for meanwhile looks it up when it is used.
            self._ends[kind] = partial(self._looked_up, kind)
            found = self._ends[kind] = self._made(self._types[kind]["type"]["def"])
        return found

    def _looked_up(self, kind: int, data: bytes, start: int) -> int:
        return self._ends[kind](data, start)

    def _made(self, definition: Mapping[str, Any]) -> End:
        ((shape, inner),) = definition.items()
        if shape == "primitive":
            return _text if inner == "str" else _fixed(_SIZES[inner])
        if shape == "composite":
            return _all([self._end_of(field["type"]) for field in inner["fields"]])
        if shape == "tuple":
            return _all([self._end_of(kind) for kind in inner])
        if shape == "compact":
            return lambda data, start: compact(data, start)[1]
        return self._with_elements(shape, inner)

    def _with_elements(self, shape: str, inner: Mapping[str, Any]) -> End:
        if shape == "array":
            element = self._types[inner["type"]]["type"]["def"].get("primitive")
            if element in _SIZES:
                return _fixed(_SIZES[element] * inner["len"])
            return _repeated(self._end_of(inner["type"]), inner["len"])
        if shape == "sequence":
            return _counted(self._end_of(inner["type"]))
        if shape == "variant":
            return _variant(
                {
                    variant["index"]: _all([self._end_of(f["type"]) for f in variant["fields"]])
                    for variant in inner["variants"]
                }
            )
        raise ValueError(f"there is no rule for a {shape}")


def compact(data: bytes, start: int) -> tuple[int, int]:
    """A compact number and where it ends.

    Raises:
        ValueError: the bytes end before it does.
    """
    if start >= len(data):
        raise ValueError("the bytes end too early")
    mode = data[start] & 3
    length = (1, 2, 4, 5 + (data[start] >> 2))[mode]
    if start + length > len(data):
        raise ValueError("the bytes end too early")
    if mode == 3:
        return int.from_bytes(data[start + 1 : start + length], "little"), start + length
    return int.from_bytes(data[start : start + length], "little") >> 2, start + length


def _fixed(size: int) -> End:
    return lambda data, start: start + size


def _text(data: bytes, start: int) -> int:
    length, begin = compact(data, start)
    return begin + length


def _all(ends: list[End]) -> End:
    def end(data: bytes, start: int) -> int:
        for each in ends:
            start = each(data, start)
        return start

    return ends[0] if len(ends) == 1 else end


def _repeated(each: End, count: int) -> End:
    def end(data: bytes, start: int) -> int:
        for _ in range(count):
            start = each(data, start)
        return start

    return end


def _counted(each: End) -> End:
    def end(data: bytes, start: int) -> int:
        count, begin = compact(data, start)
        for _ in range(count):
            if begin > len(data):
                raise ValueError("the bytes end too early")
            begin = each(data, begin)
        return begin

    return end


def _variant(ends: Mapping[int, End]) -> End:
    def end(data: bytes, start: int) -> int:
        if start >= len(data) or data[start] not in ends:
            raise ValueError("there is no variant of that number")
        return ends[data[start]](data, start + 1)

    return end
