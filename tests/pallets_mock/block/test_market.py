"""The market's pallet in blocks: what is paid is paid, and the runtime verifies every block."""

from __future__ import annotations

import pytest

from pallets_mock.block.builder import encode_block
from pallets_mock.state.trie import Trie
from tests.pallets_mock.offline import UNIT, OfflineChain, well_known

CREATOR, WORKER = well_known("Alice"), well_known("Bob")
CID = "0x" + b"bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy".hex()
TERMS = {
    "kind": "Contribution",
    "title": "0x" + b"digits".hex(),
    "bundle": CID,
    "model": None,
    "reward": 10 * UNIT,
    "slots": 2,
    "rounds": 1,
    "policy": "AutoAccept",
    "schedule": {"accept_before": 100, "round_time": 50, "validate_time": 50, "dispute_time": 50},
    "stake": 0,
    "arbiter": None,
    "sealing_key": None,
}


@pytest.fixture
def chain() -> OfflineChain:
    return OfflineChain()


def event_names(chain: OfflineChain) -> list[str]:
    events = chain.client.events()
    return [event["event_id"] for event in events if event["module_id"] == "DecentralML"]


def test_a_tasks_life_in_blocks_that_the_runtime_verifies(chain: OfflineChain) -> None:
    client, parents, seen = chain.client, [chain.header], []
    before = client.free_balance(WORKER)
    steps = [
        (CREATOR, 0, "create_task", {"terms": TERMS}),
        (WORKER, 0, "accept_task", {"task": 0}),
        (WORKER, 1, "send_task_result", {"task": 0, "round": 1, "result": CID}),
        (CREATOR, 1, "withdraw_task", {"task": 0}),
    ]
    for who, nonce, call, arguments in steps:
        chain.seal(client.sign(who, "DecentralML", call, nonce, **arguments))
        parents.append(chain.header)
        seen.append(event_names(chain))

    assert "TaskCreated" in seen[0]
    assert "TaskAccepted" in seen[1]
    assert "TaskResultAccepted" in seen[2]
    assert "TaskWithdrawn" in seen[3]
    assert 9 * UNIT < client.free_balance(WORKER) - before < 10 * UNIT  # the reward less fees
    for parent, block in zip(parents, chain.blocks, strict=False):
        encoded = encode_block(block.header.unsealed(), block.extrinsics)
        state = Trie(chain.nodes, parent.state_root)
        assert chain.executor.call("Core_execute_block", encoded, state).output == b""
