from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pallets_mock.state.head import HeadView
from pallets_mock.state.nodes import MemoryNodes
from pallets_mock.state.trie import Trie
from tests.oracles.slow_overlay import DictView

KEYS = st.lists(st.sampled_from([0x00, 0x01, 0xFF]), max_size=3).map(bytes)
VALUES = st.sampled_from([b"", b"a", b"v" * 40])


def head_of(pairs: dict[bytes, bytes], nodes: MemoryNodes) -> HeadView:
    change = Trie(nodes).change(pairs)
    nodes.put_all(change.nodes)
    return HeadView(Trie(nodes, change.root))


@given(
    pairs=st.dictionaries(KEYS, VALUES),
    diff=st.dictionaries(KEYS, st.none() | VALUES),
    key=KEYS,
    after=st.none() | KEYS,
)
def test_the_head_answers_as_the_pairs_do_after_each_step(
    pairs: dict[bytes, bytes], diff: dict[bytes, bytes | None], key: bytes, after: bytes | None
) -> None:
    nodes = MemoryNodes()
    head = head_of(pairs, nodes)
    change = head.change(diff)
    nodes.put_all(change.nodes)
    head.advance(diff, change.root)
    slow = DictView({k: v for k, v in {**pairs, **diff}.items() if v is not None})

    assert head.get(key) == slow.get(key)
    assert head.next_key(key) == slow.next_key(key)
    assert list(head.keys(key, after)) == list(slow.keys(key, after))
    assert dict(head.trie.pairs()) == slow.pairs
    assert len(head) == len(slow.pairs)
