from __future__ import annotations

from collections.abc import Callable

import pytest

from pallets_mock.testing import DevChain
from tests.pallets_mock.wire import Refused, Wire

NOWHERE = "0x" + "11" * 32


def test_block_zero_has_no_parent_and_no_extrinsics(wire: Wire, dev_chain: DevChain):
    block = wire.call("chain_getBlock", dev_chain.genesis_hash)["block"]
    assert block["header"]["parentHash"] == "0x" + "00" * 32
    assert block["header"]["number"] == "0x0"
    assert block["header"]["digest"] == {"logs": []}
    assert block["extrinsics"] == []


def test_each_block_names_the_one_before(wire: Wire):
    wire.call("dev_newBlock", 3)
    hashes = wire.call("chain_getBlockHash", [0, 1, 2, 3])
    parents = [wire.call("chain_getHeader", hash_)["parentHash"] for hash_ in hashes[1:]]
    assert parents == hashes[:-1]


def test_a_hash_is_asked_for_by_number_by_hexadecimal_or_by_list(wire: Wire):
    wire.call("dev_newBlock", 2)
    one, two = wire.call("chain_getBlockHash", 1), wire.call("chain_getBlockHash")
    assert wire.call("chain_getBlockHash", "0x1") == one
    assert wire.call("chain_getBlockHash", [1, "0x2", 3]) == [one, two, None]
    assert wire.call("chain_getBlockHash", []) == []
    assert wire.call("chain_getHead") == two


@pytest.mark.parametrize("number", [3, 2**32 - 1])
def test_a_number_above_the_best_has_no_hash(wire: Wire, number: int):
    assert wire.call("chain_getBlockHash", number) is None


@pytest.mark.parametrize("number", [-1, 2**32, 1.5, "1", "0xg", "0x" + "f" * 17, {}])
def test_what_is_no_number_is_refused(wire: Wire, number: object):
    with pytest.raises(Refused) as refused:
        wire.call("chain_getBlockHash", number)
    assert refused.value.code == -32602


def test_an_unknown_block_is_null_as_at_a_node(wire: Wire):
    assert wire.call("chain_getHeader", NOWHERE) is None
    assert wire.call("chain_getBlock", NOWHERE) is None


def test_heads_are_told_from_the_best_one_on(wire: Wire):
    wire.call("dev_newBlock")
    subscription = wire.call("chain_subscribeNewHeads")
    wire.call("dev_newBlock", 2)
    numbers = [wire.next(subscription)["number"] for _ in range(3)]
    assert numbers == ["0x1", "0x2", "0x3"]


def test_nothing_is_told_after_unsubscribing(wire: Wire):
    subscription = wire.call("chain_subscribeNewHeads")
    assert wire.call("chain_unsubscribeNewHeads", subscription) is True
    wire.received(subscription)
    wire.call("dev_newBlock")
    assert wire.received(subscription) == []


def test_final_is_what_lies_the_lag_behind(
    start_chain: Callable[..., DevChain], connect: Callable[[DevChain], Wire]
):
    wire = connect(start_chain(finality_lag=3))
    subscription = wire.call("chain_subscribeFinalizedHeads")
    wire.call("dev_newBlock", 3)
    assert wire.call("chain_getFinalizedHead") == wire.call("chain_getBlockHash", 0)
    wire.call("dev_newBlock", 2)
    assert wire.call("chain_getFinalizedHead") == wire.call("chain_getBlockHash", 2)
    assert [wire.next(subscription)["number"] for _ in range(3)] == ["0x0", "0x1", "0x2"]


def test_a_branch_is_told_as_one_new_head_and_all_its_blocks(
    start_chain: Callable[..., DevChain], connect: Callable[[DevChain], Wire]
):
    wire = connect(start_chain(finality_lag=10))
    wire.call("dev_newBlock", 3)
    old = wire.call("chain_getBlockHash", [1, 2, 3])
    heads, everything = wire.call("chain_subscribeNewHeads"), wire.call("chain_subscribeAllHeads")
    wire.next(heads), wire.next(everything)

    best = wire.call("dev_reorganise", 2)

    new = wire.call("chain_getBlockHash", [1, 2, 3, 4])
    assert new[0] == old[0]
    assert new[3] == best
    assert not set(new[1:]) & set(old)
    assert [wire.next(everything)["number"] for _ in range(3)] == ["0x2", "0x3", "0x4"]
    assert [header["number"] for header in wire.received(heads)] == ["0x4"]
    assert wire.call("chain_getHeader", old[2])["number"] == "0x3"  # known, off the chain
