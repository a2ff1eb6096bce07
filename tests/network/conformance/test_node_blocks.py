"""Blocks that real validators made, executed again by the development chain's executor."""

from __future__ import annotations

from dataclasses import replace

import pytest

from decentralml.chain.node import Node
from decentralml.localnet import LocalNetwork
from pallets_mock.errors import RuntimePanic
from pallets_mock.genesis import from_file
from pallets_mock.testing import DevChain
from tests.chains import SharedChain
from tests.network.market_story import MarketStory
from tests.network.replay import Block, Embedded, blocks_of


def test_every_block_with_all_calls_of_the_market_leads_to_the_same_state(
    network: LocalNetwork,
) -> None:
    with Node(network.validators[0].url) as node:
        MarketStory(node, SharedChain(node).new_block).tell()
        last = node.finalised().number
        embedded = Embedded(from_file(network.spec))
        calls = 0
        for block in blocks_of(node.request, last):
            assert embedded.execute(block) == block.header.state_root
            calls += len(block.extrinsics) - 1  # the first one is the time
        assert calls >= 20
        assert "0x" + embedded.header.hash().hex() == node.block_hash(last)


def test_a_block_that_claims_another_state_is_refused() -> None:
    with DevChain() as chain:
        chain.new_block()
        [block] = blocks_of(chain.call, 1)
        genesis = chain.run(lambda node: node.chain.genesis)
    embedded = Embedded(genesis)
    lying = Block(replace(block.header, state_root=bytes(32)), block.extrinsics)
    with pytest.raises(RuntimePanic, match=r"[Ss]torage root"):
        embedded.execute(lying)
    assert embedded.execute(block) == block.header.state_root
