"""`ext_trie_*`: roots of pairs and of lists that the runtime holds."""

from __future__ import annotations

from pallets_mock.errors import HostError
from pallets_mock.host.context import HostContext
from pallets_mock.host.storage import layout_of
from pallets_mock.state.compact import read_compact
from pallets_mock.state.root import ordered_root, root_of


class _Reader:
    """SCALE bytes from front to back."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def length(self) -> int:
        number, self._at = read_compact(self._data, self._at)
        return number

    def item(self) -> bytes:
        length = self.length()
        end = self._at + length
        if end > len(self._data):
            raise ValueError("the data ends within an item")
        value, self._at = self._data[self._at : end], end
        return value


def byte_lists(data: bytes) -> list[bytes]:
    """The items of a SCALE `Vec<Vec<u8>>`. Raises HostError if it is none."""
    reader = _Reader(data)
    try:
        return [reader.item() for _ in range(reader.length())]
    except ValueError as error:
        raise HostError(f"no list of byte strings: {error}") from error


def byte_pairs(data: bytes) -> list[tuple[bytes, bytes]]:
    """The items of a SCALE `Vec<(Vec<u8>, Vec<u8>)>`. Raises HostError if it is none."""
    reader = _Reader(data)
    try:
        return [(reader.item(), reader.item()) for _ in range(reader.length())]
    except ValueError as error:
        raise HostError(f"no list of pairs of byte strings: {error}") from error


def root_version_1(context: HostContext, pairs: int) -> int:
    """`ext_trie_blake2_256_root_version_1`: in layout 0."""
    return root_version_2(context, pairs, 0)


def root_version_2(context: HostContext, pairs: int, version: int) -> int:
    """`ext_trie_blake2_256_root_version_2`."""
    memory = context.memory
    return memory.give_fixed(root_of(byte_pairs(memory.read(pairs)), layout_of(version)))


def ordered_root_version_1(context: HostContext, items: int) -> int:
    """`ext_trie_blake2_256_ordered_root_version_1`: in layout 0."""
    return ordered_root_version_2(context, items, 0)


def ordered_root_version_2(context: HostContext, items: int, version: int) -> int:
    """`ext_trie_blake2_256_ordered_root_version_2`."""
    memory = context.memory
    return memory.give_fixed(ordered_root(byte_lists(memory.read(items)), layout_of(version)))
