from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pallets_mock.errors import CorruptNode, MissingNode
from pallets_mock.state.node_codec import EMPTY_ROOT, blake2b_256, decode, encode
from pallets_mock.state.nodes import CachedNodes, MemoryNodes
from pallets_mock.state.trie import Trie
from tests.oracles.slow_trie import slow_root

# Few bytes and short keys, so that keys share prefixes, are prefixes and come back.
KEYS = st.lists(st.sampled_from([0x00, 0x01, 0x0F, 0x10, 0x11, 0xFF]), max_size=4).map(bytes)
VALUES = st.sampled_from([b"", b"a", b"v" * 31, b"v" * 32, b"v" * 33, b"w" * 70])
DIFFS = st.dictionaries(KEYS, st.none() | VALUES, max_size=12)


class TrieAgainstAllPairs(RuleBasedStateMachine):
    """A trie changed again and again equals the one that is made of all its pairs."""

    @initialize(layout=st.sampled_from([0, 1]))
    def start(self, layout: int) -> None:
        self.layout = layout
        self.nodes = MemoryNodes()
        self.pairs: dict[bytes, bytes] = {}
        self.root = EMPTY_ROOT
        self.history = [(EMPTY_ROOT, dict(self.pairs))]

    @property
    def trie(self) -> Trie:
        return Trie(self.nodes, self.root)

    @rule(diff=DIFFS)
    def change(self, diff: dict[bytes, bytes | None]) -> None:
        change = self.trie.change(diff, self.layout)
        self.nodes.put_all(change.nodes)
        self.root = change.root
        merged = {**self.pairs, **diff}
        self.pairs = {key: value for key, value in merged.items() if value is not None}
        self.history.append((self.root, self.pairs))

    @rule(back=st.integers(0, 5))
    def go_back(self, back: int) -> None:
        self.root, self.pairs = self.history[-1 - back % len(self.history)]

    @rule(key=KEYS)
    def read(self, key: bytes) -> None:
        assert self.trie.get(key) == self.pairs.get(key)
        assert self.trie.next_key(key) == min((k for k in self.pairs if k > key), default=None)

    @rule(prefix=KEYS, after=st.none() | KEYS)
    def list_keys(self, prefix: bytes, after: bytes | None) -> None:
        expected = sorted(
            k for k in self.pairs if k.startswith(prefix) and (after is None or k > after)
        )
        assert list(self.trie.keys(prefix, after)) == expected

    @rule(keys=st.lists(KEYS, max_size=3))
    def prove(self, keys: list[bytes]) -> None:
        proof = MemoryNodes({blake2b_256(node): node for node in self.trie.prove(keys)})
        for key in keys:
            assert Trie(proof, self.root).get(key) == self.pairs.get(key)

    @rule(prefix=KEYS, back=st.integers(0, 5))
    def compare_merkle_values(self, prefix: bytes, back: int) -> None:
        old_root, old_pairs = self.history[-1 - back % len(self.history)]
        old = Trie(self.nodes, old_root).merkle_value(prefix)
        new = self.trie.merkle_value(prefix)
        below, old_below = (
            {key: value for key, value in pairs.items() if key.startswith(prefix)}
            for pairs in (self.pairs, old_pairs)
        )
        assert (new is None) == (not below)
        if new is not None and below != old_below:
            assert new != old

    @rule(at=st.integers(0, 20))
    def read_an_old_root(self, at: int) -> None:
        root, pairs = self.history[at % len(self.history)]
        assert dict(Trie(self.nodes, root).pairs()) == pairs

    @invariant()
    def same_root(self) -> None:
        assert self.root == slow_root(self.pairs, self.layout)


TestTrieAgainstAllPairs = TrieAgainstAllPairs.TestCase


def trie_of(pairs: dict[bytes, bytes]) -> tuple[Trie, MemoryNodes]:
    change = Trie(MemoryNodes()).change(pairs)
    nodes = MemoryNodes(change.nodes)
    return Trie(nodes, change.root), nodes


SQUARE = {bytes([16 * i + 1, 16 * j + 1]): bytes([i, j]) * 20 for i in range(16) for j in range(16)}


def test_a_proof_of_one_key_leaves_out_what_the_key_does_not_need() -> None:
    trie, nodes = trie_of(SQUARE)

    assert len(trie.prove([b"\x31\x31"])) < len(nodes) / 50


def test_a_proof_does_not_answer_for_other_keys() -> None:
    trie, _ = trie_of(SQUARE)
    proof = MemoryNodes({blake2b_256(node): node for node in trie.prove([b"\x31\x31"])})

    with pytest.raises(MissingNode):
        Trie(proof, trie.root).get(b"\x41\x31")


def test_a_long_value_is_kept_beside_the_trie_in_layout_1_only() -> None:
    value = b"x" * 33

    assert value in Trie(MemoryNodes()).change({b"k": value}, 1).nodes.values()
    assert value not in Trie(MemoryNodes()).change({b"k": value}, 0).nodes.values()


def test_a_value_written_in_layout_0_stays_as_it_is_until_it_is_written_again() -> None:
    old = Trie(MemoryNodes()).change({b"a": b"x" * 40}, 0)
    trie = Trie(MemoryNodes(old.nodes), old.root)

    assert trie.change({}, 1).root == old.root
    assert trie.change({b"a": b"x" * 40}, 1).root == slow_root({b"a": b"x" * 40}, 1)


def test_applying_a_diff_gives_its_root_and_nodes() -> None:
    root, nodes = Trie(MemoryNodes()).apply({b"a": b"1" * 40}, 1)

    assert Trie(MemoryNodes(nodes), root).get(b"a") == b"1" * 40


def test_a_full_cache_forgets_what_it_had_first_and_answers_all_the_same() -> None:
    change = Trie(MemoryNodes()).change({bytes([i, i]): bytes([i]) * 40 for i in range(100)})
    cache = CachedNodes(MemoryNodes(change.nodes), limit=8)

    for _ in range(2):
        assert list(Trie(cache, change.root).keys()) == [bytes([i, i]) for i in range(100)]
    assert cache.cached <= 8


def test_the_merkle_value_of_everything_is_the_root() -> None:
    trie, _ = trie_of({b"a": b"1" * 40, b"b": b"2" * 40})

    assert trie.merkle_value(b"") == trie.root


def test_the_merkle_value_of_one_key_is_its_nodes_hash_or_the_node() -> None:
    trie, nodes = trie_of({b"a": b"1" * 32, b"b": b"short"})

    long, short = trie.merkle_value(b"a"), trie.merkle_value(b"b")
    assert long is not None
    assert short is not None
    assert nodes.get(long) is not None
    assert decode(short).value == b"short"


def test_a_change_of_nothing_leads_to_the_same_root() -> None:
    trie, _ = trie_of({b"a": b"1", b"b": b"2"})

    assert trie.change({}).root == trie.root
    assert trie.change({b"c": None, b"a": b"1"}).root == trie.root


def test_a_change_leaves_the_trie_it_starts_from_alone() -> None:
    trie, _ = trie_of({b"a": b"1", b"ab": b"2"})

    trie.change({b"a": None, b"ac": b"3"})

    assert dict(trie.pairs()) == {b"a": b"1", b"ab": b"2"}


def test_an_unknown_root_is_a_missing_node() -> None:
    with pytest.raises(MissingNode) as caught:
        Trie(MemoryNodes(), b"\x07" * 32).get(b"key")

    assert caught.value.node == b"\x07" * 32


@pytest.mark.parametrize(
    "encoded",
    [
        "",
        "00",
        "0f",
        "41",
        "4161",
        "42610861",
        "4261046161",
        "80",
        "810a0000",
        "8001000480ff",
        "800100" + "84" + "00" * 33,
        "80010005ff",
        "7f",
        "2261" + "00" * 31,
    ],
)
def test_bytes_that_are_no_node_are_refused(encoded: str) -> None:
    with pytest.raises(CorruptNode):
        decode(bytes.fromhex(encoded))


@pytest.mark.parametrize("count", [0, 1, 14, 15, 30, 31, 62, 63, 64, 317, 318, 319, 600])
@pytest.mark.parametrize("value", [b"short", b"long" * 20])
def test_a_node_decodes_to_what_it_was(count: int, value: bytes) -> None:
    key = bytes.fromhex("ab" * ((count + 1) // 2))
    change = Trie(MemoryNodes()).change({key: value})

    encoded = change.nodes[change.root]

    assert encode(decode(encoded)) == encoded
