"""Thousands of transactions at once, in any order: none is lost."""

from __future__ import annotations

import json
import random

import pytest
from websockets.sync.client import connect

from pallets_mock.testing import DevChain
from tests.pallets_mock.offline import OfflineChain, well_known
from tests.pallets_mock.wire import Wire

COUNT = 3_000


@pytest.fixture(scope="module")
def remarks() -> list[bytes]:
    """Signed remarks of three accounts, each with all nonces from 0 on."""
    client = OfflineChain().client
    signers = [well_known(name) for name in ("Alice", "Bob", "Charlie")]
    return [
        client.sign(signer, "System", "remark", nonce, remark=f"0x{nonce:08x}")
        for nonce in range(COUNT // len(signers))
        for signer in signers
    ]


def test_what_a_block_has_no_weight_left_for_comes_into_the_next_ones(dev_chain: DevChain):
    alice, client = well_known("Alice"), OfflineChain().client
    remark = client.compose_call("System", "remark", {"remark": "0x00"})
    share = {"ref_time": 140_000_000_000, "proof_size": 0}  # picoseconds, of 0.75 s
    heavy = [
        client.sign(alice, "Sudo", "sudo_unchecked_weight", nonce, call=remark, weight=share)
        for nonce in range(12)
    ]
    with Wire(dev_chain.url) as wire:
        wire.call("dev_setBlockTime", "manual")
        for transaction in heavy:
            wire.call("author_submitExtrinsic", "0x" + transaction.hex())
        blocks = [wire.call("chain_getBlock", wire.call("dev_newBlock")) for _ in range(3)]
        counts = [len(block["block"]["extrinsics"]) - 1 for block in blocks]

    assert counts == [5, 5, 2]


@pytest.mark.slow
def test_a_burst_out_of_nonce_order_is_included_whole(dev_chain: DevChain, remarks: list[bytes]):
    shuffled = random.Random(7).sample(remarks, len(remarks))
    with connect(dev_chain.url, compression=None) as socket:
        for number, remark in enumerate(shuffled):
            request = {"jsonrpc": "2.0", "id": number, "method": "author_submitExtrinsic"}
            socket.send(json.dumps({**request, "params": ["0x" + remark.hex()]}))
        answers = [json.loads(socket.recv(60)) for _ in shuffled]

    assert [answer for answer in answers if "error" in answer] == []
    with Wire(dev_chain.url) as wire:
        heads = wire.call("chain_subscribeNewHeads")
        included: set[str] = set()
        number = 1
        while len(included) < COUNT:
            best = int(wire.next(heads)["number"], 16)
            for height in range(number, best + 1):
                block = wire.call("chain_getBlock", wire.call("chain_getBlockHash", height))
                included |= set(block["block"]["extrinsics"][1:])
            number = best + 1
        assert included == {"0x" + remark.hex() for remark in remarks}
        assert wire.call("author_pendingExtrinsics") == []
