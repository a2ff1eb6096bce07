from __future__ import annotations

import pytest

from pallets_mock.errors import HostError
from pallets_mock.host import trie
from pallets_mock.host.context import HostContext
from tests.oracles.slow_trie import slow_root

PAIRS = {b"a": b"1", b"ab": b"x" * 40, b"": b"root"}


def scale_string(data: bytes) -> bytes:
    return bytes([len(data) << 2]) + data


@pytest.mark.parametrize("layout", [0, 1])
def test_the_root_of_pairs(context: HostContext, layout: int) -> None:
    encoded = bytes([len(PAIRS) << 2]) + b"".join(
        scale_string(key) + scale_string(value) for key, value in PAIRS.items()
    )

    root = trie.root_version_2(context, context.memory.give(encoded), layout)

    assert context.memory.read_at(root, 32) == slow_root(PAIRS, layout)
    if layout == 0:
        old = trie.root_version_1(context, context.memory.give(encoded))
        assert context.memory.read_at(old, 32) == slow_root(PAIRS, 0)


@pytest.mark.parametrize("layout", [0, 1])
def test_the_root_of_a_list_is_by_compact_index(context: HostContext, layout: int) -> None:
    items = [b"first", b"s" * 50]
    encoded = context.memory.give(b"\x08" + b"".join(map(scale_string, items)))

    root = trie.ordered_root_version_2(context, encoded, layout)

    assert context.memory.read_at(root, 32) == slow_root({b"\0": items[0], b"\4": items[1]}, layout)
    if layout == 0:
        old = trie.ordered_root_version_1(context, encoded)
        assert context.memory.read_at(old, 32) == context.memory.read_at(root, 32)


@pytest.mark.parametrize("encoded", [b"", b"\x04", b"\x04\x08a", b"\x03\xff"])
def test_bytes_that_are_no_list_are_refused(context: HostContext, encoded: bytes) -> None:
    for function in (trie.root_version_2, trie.ordered_root_version_2):
        with pytest.raises(HostError, match="no list"):
            function(context, context.memory.give(encoded), 1)
