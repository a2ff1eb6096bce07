"""`chainHead_v1`, `transaction_v1`, `archive_v1`, `chainSpec_v1`: the newer interface."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pallets_mock.rpc.chain_head import MOST_FOLLOWS
from pallets_mock.rpc.follow import FINAL_AT_START, MOST_OPERATIONS
from pallets_mock.testing import DevChain
from tests.pallets_mock.offline import OfflineClient, well_known
from tests.pallets_mock.wire import Refused, Wire

ALICE, BOB = well_known("Alice"), well_known("Bob")
NOWHERE = "0x" + "11" * 32


@pytest.fixture
def lagging(start_chain: Callable[..., DevChain], connect: Callable[[DevChain], Wire]) -> Wire:
    """A chain whose blocks are final two blocks later."""
    return connect(start_chain(finality_lag=2))


def code_of(wire: Wire, *call: object) -> int:
    with pytest.raises(Refused) as refused:
        wire.call(*call)
    return int(refused.value.code)


def follow(wire: Wire, *, with_runtime: bool = False) -> tuple[str, dict[str, Any]]:
    """Follow from block 0 on; returns the subscription and its first event."""
    subscription = wire.call("chainHead_v1_follow", with_runtime)
    first = wire.next(subscription)
    assert first["event"] == "initialized"
    return subscription, first


def events(wire: Wire, subscription: str, count: int) -> list[dict[str, Any]]:
    return [wire.next(subscription) for _ in range(count)]


def names(wire: Wire, subscription: str, count: int) -> list[str]:
    return [event["event"] for event in events(wire, subscription, count)]


def test_following_begins_with_final_blocks_then_those_above_then_the_best(lagging: Wire):
    lagging.call("dev_newBlock", 4)
    hashes = lagging.call("chain_getBlockHash", [0, 1, 2, 3, 4])
    subscription, first = follow(lagging)
    assert first["finalizedBlockHashes"] == hashes[:3]
    three, four, best = events(lagging, subscription, 3)
    assert (three["blockHash"], three["parentBlockHash"]) == (hashes[3], hashes[2])
    assert (four["blockHash"], four["parentBlockHash"]) == (hashes[4], hashes[3])
    assert best == {"event": "bestBlockChanged", "bestBlockHash": hashes[4]}


def test_only_the_last_final_blocks_are_told(wire: Wire):
    wire.call("dev_newBlock", FINAL_AT_START + 3)
    _, first = follow(wire)
    assert len(first["finalizedBlockHashes"]) == FINAL_AT_START
    assert first["finalizedBlockHashes"][-1] == wire.call("chain_getBlockHash")


def test_the_runtime_is_told_if_asked_for(wire: Wire):
    _, first = follow(wire, with_runtime=True)
    spec = first["finalizedBlockRuntime"]["spec"]
    version = wire.call("state_getRuntimeVersion")
    assert spec["specVersion"] == version["specVersion"]
    assert spec["apis"] == dict(version["apis"])
    _, without = follow(wire)
    assert "finalizedBlockRuntime" not in without


def test_a_block_is_told_then_best_then_final(lagging: Wire):
    subscription, _ = follow(lagging)
    wire, genesis = lagging, lagging.call("chain_getBlockHash", 0)
    assert names(wire, subscription, 1) == ["bestBlockChanged"]
    wire.call("dev_newBlock", 3)
    told = events(wire, subscription, 7)
    assert [event["event"] for event in told] == [
        *("newBlock", "bestBlockChanged") * 3,
        "finalized",
    ]
    assert told[0]["parentBlockHash"] == genesis
    assert told[-1]["finalizedBlockHashes"] == [wire.call("chain_getBlockHash", 1)]
    assert told[-1]["prunedBlockHashes"] == []


def test_a_branch_is_told_and_the_old_one_pruned_when_the_new_one_is_final(lagging: Wire):
    lagging.call("dev_newBlock", 2)
    subscription, _ = follow(lagging)
    events(lagging, subscription, 3)
    old = lagging.call("chain_getBlockHash", 2)
    best = lagging.call("dev_reorganise", 1)
    told = events(lagging, subscription, 4)
    assert [event["event"] for event in told] == [
        *("newBlock", "newBlock", "bestBlockChanged", "finalized"),
    ]
    assert told[2]["bestBlockHash"] == best
    lagging.call("dev_newBlock")
    final = events(lagging, subscription, 3)[-1]
    assert final["finalizedBlockHashes"] == [lagging.call("chain_getBlockHash", 2)]
    assert final["prunedBlockHashes"] == [old]


@pytest.mark.parametrize("undo", [("dev_revert", 1), ("dev_reorganise", 2)])
def test_what_undoes_final_blocks_stops_the_following(wire: Wire, undo: tuple[str, int]):
    wire.call("dev_snapshot")
    wire.call("dev_newBlock", 3)
    subscription, _ = follow(wire)
    events(wire, subscription, 1)
    wire.call(*undo)
    told = [event["event"] for event in wire.received(subscription)]
    assert told[-1] == "stop"
    best = wire.call("chain_getBlockHash")
    assert wire.call("chainHead_v1_header", subscription, best) is None
    assert wire.call("chainHead_v1_body", subscription, best) == {"result": "limitReached"}
    follow(wire)


def test_a_pinned_block_answers_what_it_is_asked(wire: Wire, signer: OfflineClient):
    transfer = "0x" + signer.transfer(ALICE, BOB, 5, 0).hex()
    block = wire.call("dev_newBlock", 1, [transfer])
    subscription, _ = follow(wire)
    events(wire, subscription, 1)

    header = wire.call("chainHead_v1_header", subscription, block)
    assert header.startswith(wire.call("chain_getHeader", block)["parentHash"])

    started = wire.call("chainHead_v1_body", subscription, block)
    assert started["result"] == "started"
    done = wire.next(subscription)
    assert (done["event"], done["operationId"]) == ("operationBodyDone", started["operationId"])
    assert done["value"][1:] == [transfer]

    wire.call(
        *("chainHead_v1_call", subscription, block, "AccountNonceApi_account_nonce"),
        "0x" + ALICE.public_key.hex(),
    )
    assert wire.next(subscription)["output"] == "0x01000000"

    wire.call("chainHead_v1_call", subscription, block, "No_such", "0x")
    assert wire.next(subscription)["event"] == "operationError"


def test_storage_is_read_by_value_by_hash_and_below_a_key(wire: Wire):
    subscription, first = follow(wire)
    events(wire, subscription, 1)
    block = first["finalizedBlockHashes"][0]
    code, prefix = "0x" + b":code".hex(), "0x26aa"
    wire.call(
        *("chainHead_v1_storage", subscription, block),
        [
            {"key": code, "type": "hash"},
            {"key": "0x00", "type": "value"},
            {"key": prefix, "type": "descendantsValues"},
            {"key": prefix, "type": "closestDescendantMerkleValue"},
        ],
        None,
    )
    items, done = events(wire, subscription, 2)
    assert done["event"] == "operationStorageDone"
    assert items["items"][0] == {"key": code, "hash": wire.call("state_getStorageHash", code)}
    below = [(item["key"], item["value"]) for item in items["items"][1:-1]]
    assert below == [(key, value) for key, value in wire.call("state_getPairs", prefix)]
    assert items["items"][-1]["key"] == prefix
    assert len(items["items"][-1]["closestDescendantMerkleValue"]) == 66


def test_the_merkle_value_of_a_prefix_changes_with_what_is_below(wire: Wire, signer: OfflineClient):
    def merkle_value(block: str, prefix: str) -> str:
        wire.call(
            *("chainHead_v1_storage", subscription, block),
            [{"key": prefix, "type": "closestDescendantMerkleValue"}],
        )
        items = wire.next(subscription)["items"]
        assert wire.next(subscription)["event"] == "operationStorageDone"
        return str(items[0]["closestDescendantMerkleValue"])

    first = wire.call("dev_newBlock")
    second = wire.call("dev_newBlock", 1, ["0x" + signer.transfer(ALICE, BOB, 5, 0).hex()])
    subscription, _ = follow(wire)
    events(wire, subscription, 1)
    account = signer.create_storage_key("System", "Account", [BOB.ss58_address]).to_hex()
    for changed in (account, account[:66], "0x26aa", "0x"):
        assert merkle_value(first, changed) != merkle_value(second, changed)
    code = "0x" + b":code".hex()
    assert merkle_value(first, code) == merkle_value(second, code)
    assert merkle_value(first, "0x") == wire.call("chain_getHeader", first)["stateRoot"]


def test_an_unpinned_block_does_not_answer_any_more(wire: Wire):
    block = wire.call("dev_newBlock")
    subscription, _ = follow(wire)
    assert wire.call("chainHead_v1_unpin", subscription, [block]) is None
    assert code_of(wire, "chainHead_v1_header", subscription, block) == -32801
    assert code_of(wire, "chainHead_v1_unpin", subscription, block) == -32801
    assert code_of(wire, "chainHead_v1_body", subscription, NOWHERE) == -32801
    zero = wire.call("chain_getBlockHash", 0)
    assert code_of(wire, "chainHead_v1_unpin", subscription, [zero, zero]) == -32804


def test_a_client_follows_so_often_and_no_more(wire: Wire):
    first, *_ = [follow(wire)[0] for _ in range(MOST_FOLLOWS)]
    assert code_of(wire, "chainHead_v1_follow", False) == -32800
    assert wire.call("chainHead_v1_unfollow", first) is True
    follow(wire)


def test_operations_at_once_are_counted(wire: Wire):
    subscription, first = follow(wire)
    events(wire, subscription, 1)
    block = first["finalizedBlockHashes"][0]
    request = {"jsonrpc": "2.0", "method": "chainHead_v1_body", "params": [subscription, block]}
    batch = [{**request, "id": number} for number in range(MOST_OPERATIONS + 1)]
    wire.socket.send(json.dumps(batch))
    answers = json.loads(wire.socket.recv(20))
    results = [answer["result"]["result"] for answer in answers]
    assert results == ["started"] * MOST_OPERATIONS + ["limitReached"]
    assert len(events(wire, subscription, MOST_OPERATIONS)) == MOST_OPERATIONS


def test_a_subscription_of_somebody_else_is_unknown(wire: Wire, dev_chain: DevChain):
    subscription, first = follow(wire)
    block = first["finalizedBlockHashes"][0]
    with Wire(dev_chain.url) as other:
        assert other.call("chainHead_v1_header", subscription, block) is None
        assert other.call("chainHead_v1_body", subscription, block) == {"result": "limitReached"}


def test_nothing_ever_waits_to_be_continued(wire: Wire):
    subscription, first = follow(wire)
    assert code_of(wire, "chainHead_v1_continue", subscription, "0") == -32802
    assert wire.call("chainHead_v1_stopOperation", subscription, "0") is None
    assert wire.call("chainHead_v1_continue", "nobody", "0") is None
    assert wire.call("chainHead_v1_unpin", "nobody", first["finalizedBlockHashes"]) is None


def test_a_stopped_operation_says_no_more(wire: Wire):
    subscription, first = follow(wire)
    events(wire, subscription, 1)
    request = {"jsonrpc": "2.0", "id": 1, "method": "chainHead_v1_body"}
    stop = {"jsonrpc": "2.0", "id": 2, "method": "chainHead_v1_stopOperation"}
    block = first["finalizedBlockHashes"][0]
    params = {"params": [subscription, block]}, {"params": [subscription, "0"]}
    wire.socket.send(json.dumps([{**request, **params[0]}, {**stop, **params[1]}]))
    answers = json.loads(wire.socket.recv(20))
    assert answers[0]["result"]["operationId"] == "0"
    wire.call("system_chain")
    assert wire.received(subscription) == []


# transaction_v1, transactionWatch_v1


def test_a_broadcast_transaction_comes_back_after_a_branch_lost_it(
    wire: Wire, signer: OfflineClient
):
    wire.call("dev_setBlockTime", "manual")
    transfer = "0x" + signer.transfer(ALICE, BOB, 5, 0).hex()
    operation = wire.call("transaction_v1_broadcast", transfer)
    wire.call("dev_newBlock")
    wire.call("dev_reorganise", 1, 1, False)
    assert wire.call("author_pendingExtrinsics") == [transfer]
    assert wire.call("transaction_v1_stop", operation) is None
    assert code_of(wire, "transaction_v1_stop", operation) == -32602


def test_broadcasts_end_with_their_connection(dev_chain: DevChain, signer: OfflineClient):
    with Wire(dev_chain.url) as wire:
        for _ in range(16):
            assert wire.call("transaction_v1_broadcast", "0x00") is not None
        assert wire.call("transaction_v1_broadcast", "0x00") is None
    with Wire(dev_chain.url) as other:
        other.call("system_chain")
    assert dev_chain.run(lambda node: len(node.announcer.listeners)) == 0


def test_a_transaction_is_watched_to_its_end(wire: Wire, signer: OfflineClient):
    wire.call("dev_setBlockTime", "manual")
    transfer = "0x" + signer.transfer(ALICE, BOB, 5, 0).hex()
    watching = wire.call("transactionWatch_v1_submitAndWatch", transfer)
    block = wire.call("dev_newBlock")
    place = {"hash": block, "index": 1}
    assert events(wire, watching, 3) == [
        {"event": "validated"},
        {"event": "bestChainBlockIncluded", "block": place},
        {"event": "finalized", "block": place},
    ]


@pytest.mark.parametrize("transaction", ["0x", "0xff", "0x0401"])
def test_what_cannot_be_sent_is_watched_to_be_invalid(wire: Wire, transaction: str):
    watching = wire.call("transactionWatch_v1_submitAndWatch", transaction)
    assert wire.next(watching)["event"] == "invalid"


# chainSpec_v1, archive_v1


def test_the_chain_spec_is_that_of_the_chain(wire: Wire, dev_chain: DevChain):
    assert wire.call("chainSpec_v1_chainName") == wire.call("system_chain")
    assert wire.call("chainSpec_v1_genesisHash") == dev_chain.genesis_hash
    assert wire.call("chainSpec_v1_properties") == wire.call("system_properties")


def test_the_archive_has_every_block(lagging: Wire):
    lagging.call("dev_newBlock", 3)
    assert lagging.call("archive_v1_finalizedHeight") == 1
    zero = lagging.call("chain_getBlockHash", 0)
    assert lagging.call("archive_v1_genesisHash") == zero
    assert lagging.call("archive_v1_hashByHeight", 0) == [zero]
    old = lagging.call("chain_getBlockHash", 3)
    lagging.call("dev_reorganise", 1, 1)
    new = lagging.call("chain_getBlockHash", 3)
    assert lagging.call("archive_v1_hashByHeight", 3) == [new, old]
    assert lagging.call("archive_v1_hashByHeight", 9) == []
    assert lagging.call("archive_v1_header", old).startswith("0x")
    assert len(lagging.call("archive_v1_body", old)) == 1
    assert lagging.call("archive_v1_header", NOWHERE) is None
    assert lagging.call("archive_v1_body", NOWHERE) is None


def test_the_archive_calls_and_reads_at_any_block(wire: Wire):
    block = wire.call("dev_newBlock")
    wire.call("dev_newBlock")
    called = wire.call("archive_v1_call", block, "Core_version", "0x")
    assert called == {"success": True, "value": wire.call("state_call", "Core_version", "0x")}
    assert wire.call("archive_v1_call", block, "No_such", "0x")["success"] is False
    assert wire.call("archive_v1_call", NOWHERE, "Core_version", "0x") is None

    code = "0x" + b":code".hex()
    reading = wire.call("archive_v1_storage", block, [{"key": code, "type": "hash"}], None)
    item, done = events(wire, reading, 2)
    assert item["hash"] == wire.call("state_getStorageHash", code)
    assert done == {"event": "storageDone"}
    lost = wire.call("archive_v1_storage", NOWHERE, [], None)
    assert wire.next(lost)["event"] == "storageError"
    assert code_of(wire, "archive_v1_storage", block, [{"key": "0x"}]) == -32602
