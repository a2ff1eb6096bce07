"""A node that begins with nothing takes the state from others, proved by the validators' votes."""

from __future__ import annotations

import pytest

from decentralml.chain.node import Node
from decentralml.errors import StateDiscarded
from decentralml.localnet import LocalNetwork
from decentralml.localnet.rpc import ask
from tests.network.faults.recovery import Recovery, highest_final

BLOCKS = 20  # what there is to be warped over
TIMESTAMP = "0xf0c365c3cf59d671eb72da0e7a4113c49f1f0515f462cdcf84e0f1d6045dfcbb"  # Timestamp.Now

pytestmark = pytest.mark.timeout(900)


def test_an_empty_node_warps_to_the_head_and_follows(
    network: LocalNetwork, recovery: Recovery
) -> None:
    network.wait_until(lambda now: highest_final(now) >= BLOCKS, 240)

    newcomer = network.join("Newcomer", "--sync", "warp")
    newcomer.start()
    recovery.goes_on(network, "an empty node is level by warp sync")

    said = newcomer.log.read_text()
    assert newcomer.is_running, said[-2000:]
    assert "Warp sync is complete" in said, said[-2000:]
    with Node(newcomer.url) as node, Node(network.validators[0].url) as old:
        # It has taken over what is final, and has executed none of the blocks before: of them
        # it has the headers, and no state.
        first = old.block_hash(1)
        assert old.request("state_getStorage", TIMESTAMP, first) is not None
        with pytest.raises(StateDiscarded):
            node.request("state_getStorage", TIMESTAMP, first)
        final = node.finalised()
        assert node.request("state_getStorage", TIMESTAMP, final.hash) == old.request(
            "state_getStorage", TIMESTAMP, final.hash
        )
        assert old.block_hash(final.number) == final.hash
    [state] = ask(newcomer.place, [("system_syncState", [])])
    assert state["currentBlock"] >= BLOCKS
