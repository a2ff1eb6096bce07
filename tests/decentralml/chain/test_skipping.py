"""Events that nobody asked for are passed over; those that are found are the same as all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decentralml.chain import calls
from decentralml.chain.keys import Keypair
from decentralml.chain.market import Market
from decentralml.chain.node import Node
from decentralml.chain.skipping import Skipper, compact
from decentralml.errors import MalformedChainData
from decentralml.types import AccountId, Planck
from pallets_mock.testing import DevChain

KINDS: list[dict[str, Any]] = [
    {"primitive": "u32"},
    {"primitive": "str"},
    {"compact": {"type": 0}},
    {"array": {"len": 3, "type": 0}},
    {"sequence": {"type": 1}},
    {"tuple": [0, 1]},
    {"composite": {"fields": [{"type": 1}, {"type": 2}]}},
    {"variant": {"variants": [{"index": 0, "fields": []}, {"index": 7, "fields": [{"type": 4}]}]}},
    # A tree: a leaf, or a list of trees.
    {"variant": {"variants": [{"index": 0, "fields": []}, {"index": 1, "fields": [{"type": 9}]}]}},
    {"sequence": {"type": 8}},
]
REGISTRY = [{"type": {"def": kind}} for kind in KINDS]


def compacted(value: int) -> bytes:
    """The compact encoding, from its definition."""
    if value < 1 << 6:
        return bytes([value << 2])
    if value < 1 << 14:
        return (value << 2 | 1).to_bytes(2, "little")
    if value < 1 << 30:
        return (value << 2 | 2).to_bytes(4, "little")
    size = max(4, (value.bit_length() + 7) // 8)
    return bytes([(size - 4) << 2 | 3]) + value.to_bytes(size, "little")


TEXTS = st.text(max_size=80).map(lambda t: compacted(len(t.encode())) + t.encode())
NUMBERS = st.binary(min_size=4, max_size=4)
COMPACT = st.integers(0, 2**70).map(compacted)
LISTS = st.lists(TEXTS, max_size=70).map(lambda each: compacted(len(each)) + b"".join(each))
TREES = st.recursive(
    st.just(b"\0"),
    lambda tree: st.lists(tree, max_size=4).map(
        lambda each: b"\1" + compacted(len(each)) + b"".join(each)
    ),
)
VALUES = st.one_of(
    st.tuples(st.just(0), NUMBERS),
    st.tuples(st.just(1), TEXTS),
    st.tuples(st.just(2), COMPACT),
    st.tuples(st.just(3), st.binary(min_size=12, max_size=12)),
    st.tuples(st.just(4), LISTS),
    st.tuples(st.just(5), st.tuples(NUMBERS, TEXTS).map(b"".join)),
    st.tuples(st.just(6), st.tuples(TEXTS, COMPACT).map(b"".join)),
    st.tuples(st.just(7), st.one_of(st.just(b"\0"), LISTS.map(lambda each: b"\7" + each))),
    st.tuples(st.just(8), TREES),
)


@given(VALUES, st.binary(max_size=5), st.binary(max_size=5))
def test_a_value_ends_where_its_encoding_does(
    value: tuple[int, bytes], before: bytes, after: bytes
) -> None:
    kind, encoded = value

    end = Skipper(REGISTRY).end(kind, before + encoded + after, len(before))

    assert end == len(before) + len(encoded)


@given(VALUES)
def test_a_value_that_is_cut_short_is_no_value(value: tuple[int, bytes]) -> None:
    kind, encoded = value

    for length in range(len(encoded)):
        with pytest.raises((ValueError, IndexError)):
            Skipper(REGISTRY).end(kind, encoded[:length], 0)


@given(st.integers(0, 2**530))
def test_a_compact_number_is_read_back(value: int) -> None:
    encoded = compacted(value)

    assert compact(encoded + b"x", 0) == (value, len(encoded))


def test_a_variant_that_there_is_not_is_no_value() -> None:
    with pytest.raises(ValueError, match="no variant"):
        Skipper(REGISTRY).end(7, b"\1", 0)


@pytest.fixture
def market() -> Iterator[Market]:
    with DevChain() as chain, Node(chain.url) as node:
        yield Market(node, Keypair.create_from_uri("//Alice", ss58_format=42))


def raw_events(market: Market) -> bytes:
    """Those of a block with several transfers in one extrinsic."""
    accounts = [Keypair.create_from_uri(f"//New//{n}", ss58_format=42) for n in range(3)]
    gifts = [calls.transfer(AccountId(a.ss58_address), Planck(10**12)) for a in accounts]
    receipt = market.call(calls.batch(gifts))
    key, _, _ = market.node.runtime().storage_key("System", "Events", [])
    raw = market.node.request("state_getStorage", key, receipt.block_hash)
    return bytes.fromhex(raw[2:])


def test_events_of_a_pallet_or_an_extrinsic_are_those_among_all(market: Market) -> None:
    runtime, data = market.node.runtime(), raw_events(market)
    everything = runtime.events(data)

    assert len(everything) > 10
    for pallet in {event.pallet for event in everything}:
        wanted = [event for event in everything if event.pallet == pallet]
        assert runtime.events(data, pallet=pallet) == wanted
    for extrinsic in (0, 1):
        wanted = [event for event in everything if event.extrinsic == extrinsic]
        assert wanted
        assert runtime.events(data, extrinsic=extrinsic) == wanted
    assert runtime.events(data, pallet="NoSuchPallet") == []
    assert runtime.events(data, extrinsic=256) == []


def test_events_that_are_cut_short_or_go_on_are_refused(market: Market) -> None:
    runtime, data = market.node.runtime(), raw_events(market)

    for wrong in (data[:-1], data[: len(data) // 2], data + b"\0", b""):
        with pytest.raises(MalformedChainData):
            runtime.events(wrong, pallet="NoSuchPallet")
