from __future__ import annotations

from hashlib import blake2b

import pytest

from pallets_mock.testing import DevChain
from tests.oracles.slow_trie import slow_root
from tests.pallets_mock.offline import OfflineClient, well_known
from tests.pallets_mock.wire import Refused, Wire

NOWHERE = "0x" + "11" * 32
CODE = "0x" + b":code".hex()
ALICE, BOB = well_known("Alice"), well_known("Bob")


@pytest.fixture
def events(signer: OfflineClient) -> str:
    return str(signer.create_storage_key("System", "Events").to_hex())


@pytest.fixture
def account(signer: OfflineClient) -> str:
    key = signer.create_storage_key("System", "Account", [BOB.ss58_address])
    return str(key.to_hex())


def pay(wire: Wire, signer: OfflineClient, nonce: int) -> str:
    """A transfer to Bob; returns the hash of its block."""
    transfer = signer.transfer(ALICE, BOB, 7, nonce)
    return wire.call("dev_newBlock", 1, ["0x" + transfer.hex()])


def test_a_value_its_size_and_its_hash_agree(wire: Wire):
    code = bytes.fromhex(wire.call("state_getStorage", CODE)[2:])
    assert wire.call("state_getStorageSize", CODE) == len(code)
    assert len(wire.call("state_getStorageHash", CODE)) == 66
    for method in ("state_getStorage", "state_getStorageHash", "state_getStorageSize"):
        assert wire.call(method, "0x00") is None
        assert wire.call(method + "At", "0x00") is None


def test_the_size_of_a_prefix_is_that_of_all_below(wire: Wire):
    pairs = wire.call("state_getPairs", "0x26aa")
    assert wire.call("state_getStorageSize", "0x26aa") == sum(
        len(value) // 2 - 1 for _, value in pairs
    )


def test_keys_come_in_order_page_by_page_until_there_are_none(wire: Wire):
    everything = wire.call("state_getKeys", "0x")
    assert everything == sorted(everything)
    pages, last = [], None
    while page := wire.call("state_getKeysPaged", "0x", 7, last):
        pages += page
        last = page[-1]
    assert pages == everything


def test_a_page_ends_where_its_prefix_does(wire: Wire):
    keys = wire.call("state_getKeysPaged", "0x26aa", 1000)
    assert keys
    assert all(key.startswith("0x26aa") for key in keys)
    assert wire.call("state_getKeysPaged", None, 1000) == wire.call("state_getKeys", "0x")


def test_a_page_of_a_thousand_is_the_largest(wire: Wire):
    assert wire.call("state_getKeysPaged", "0x", 1000)
    with pytest.raises(Refused) as refused:
        wire.call("state_getKeysPaged", "0x", 1001)
    assert refused.value.code == 4002


def test_the_state_root_is_that_of_all_pairs_at_every_block(
    wire: Wire, signer: OfflineClient, dev_chain: DevChain
):
    blocks = [dev_chain.genesis_hash, *(pay(wire, signer, nonce) for nonce in range(3))]
    for block in blocks:
        pairs = {
            bytes.fromhex(key[2:]): bytes.fromhex(value[2:])
            for key, value in wire.call("state_getPairs", "0x", block)
        }
        root = wire.call("chain_getHeader", block)["stateRoot"]
        assert root == "0x" + slow_root(pairs, 1).hex()


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("state_getStorage", [CODE]),
        ("state_getStorageSize", [CODE]),
        ("state_getKeys", ["0x"]),
        ("state_getKeysPaged", ["0x", 1, None]),
        ("state_getMetadata", []),
        ("state_getRuntimeVersion", []),
        ("state_call", ["Core_version", "0x"]),
        ("state_getReadProof", [[CODE]]),
        ("state_traceBlock", []),
        ("childstate_getStorage", ["0x" + b":child_storage:default:x".hex(), "0x"]),
    ],
)
def test_an_unknown_block_is_an_error_of_a_node(wire: Wire, method: str, params: list[object]):
    with pytest.raises(Refused) as refused:
        wire.call(method, *params, NOWHERE)
    assert refused.value.code == 4003
    assert "UnknownBlock" in refused.value.message


def test_a_runtime_call_answers_for_the_block_asked_about(wire: Wire, signer: OfflineClient):
    nonce = "AccountNonceApi_account_nonce", "0x" + ALICE.public_key.hex()
    first, second = pay(wire, signer, 0), pay(wire, signer, 1)
    assert wire.call("state_call", *nonce, first) == "0x01000000"
    assert wire.call("state_call", *nonce, second) == wire.call("state_call", *nonce)
    assert wire.call("state_call", *nonce) == "0x02000000"


@pytest.mark.parametrize(
    ("entry", "argument"), [("No_such", "0x"), ("Core_execute_block", "0x00"), ("memory", "0x")]
)
def test_a_runtime_call_that_cannot_be_done_is_an_error(wire: Wire, entry: str, argument: str):
    with pytest.raises(Refused) as refused:
        wire.call("state_call", entry, argument)
    assert refused.value.code == 4003
    assert "Execution failed" in refused.value.message


def test_metadata_begins_with_its_mark_and_version(wire: Wire):
    metadata = bytes.fromhex(wire.call("state_getMetadata")[2:])
    assert metadata[:5] == b"meta\x0e"


def test_the_runtime_version_is_told_once_and_then_only_when_it_changes(wire: Wire):
    subscription = wire.call("state_subscribeRuntimeVersion")
    version = wire.next(subscription)
    assert version == wire.call("state_getRuntimeVersion")
    assert version["specName"].startswith("decentralml")
    wire.call("dev_newBlock", 2)
    assert wire.received(subscription) == []


def test_a_storage_subscription_tells_now_and_what_changes(
    wire: Wire, signer: OfflineClient, account: str
):
    subscription = wire.call("state_subscribeStorage", [account, CODE])
    now = wire.next(subscription)
    assert [key for key, _ in now["changes"]] == [account, CODE]
    wire.call("dev_newBlock")
    block = pay(wire, signer, 0)
    assert wire.next(subscription) == {
        "block": block,
        "changes": [[account, wire.call("state_getStorage", account)]],
    }


def test_a_storage_subscription_sees_what_a_reorganisation_undid(
    wire: Wire, signer: OfflineClient, account: str
):
    pay(wire, signer, 0)
    subscription = wire.call("state_subscribeStorage", [account])
    wire.next(subscription)
    wire.call("dev_reorganise", 1, 2, False)
    undone = wire.next(subscription)["changes"]
    assert undone == [[account, wire.call("state_getStorage", account)]]


def test_query_storage_tells_first_values_and_then_changes(
    wire: Wire, signer: OfflineClient, account: str
):
    first = wire.call("dev_newBlock")
    paid = pay(wire, signer, 0)
    last = wire.call("dev_newBlock")
    found = wire.call("state_queryStorage", [account, "0x00"], first, last)
    assert [one["block"] for one in found] == [first, paid]
    assert found[0]["changes"][1] == ["0x00", None]
    assert found[1]["changes"] == [[account, wire.call("state_getStorage", account, paid)]]
    at = wire.call("state_queryStorageAt", [account], first)
    assert at == [{"block": first, "changes": [[account, found[0]["changes"][0][1]]]}]


def test_query_storage_refuses_a_range_that_is_none(wire: Wire):
    first, second = wire.call("dev_newBlock"), wire.call("dev_newBlock")
    for low, high in ((second, first), (NOWHERE, second), (first, NOWHERE)):
        with pytest.raises(Refused) as refused:
            wire.call("state_queryStorage", ["0x00"], low, high)
        assert refused.value.code == 4001


def test_a_read_proof_holds_the_root_and_the_value(wire: Wire, account: str):
    block = wire.call("dev_newBlock")
    proof = wire.call("state_getReadProof", [account], block)
    nodes = [bytes.fromhex(node[2:]) for node in proof["proof"]]
    hashes = {"0x" + blake2b(node, digest_size=32).hexdigest() for node in nodes}
    assert proof["at"] == block
    assert wire.call("chain_getHeader", block)["stateRoot"] in hashes
    value = bytes.fromhex(wire.call("state_getStorage", account)[2:])
    assert any(value in node for node in nodes)


def test_child_tries_are_all_empty(wire: Wire):
    child = "0x" + b":child_storage:default:x".hex()
    assert wire.call("childstate_getKeys", child, "0x") == []
    assert wire.call("childstate_getKeysPaged", child, None, 10) == []
    assert wire.call("childstate_getStorage", child, "0x00") is None
    assert wire.call("childstate_getStorageEntries", child, ["0x00", "0x01"]) == [None, None]
    with pytest.raises(Refused) as refused:
        wire.call("childstate_getKeys", "0x1234", "0x")
    assert refused.value.code == 4003


def test_tracing_is_refused_because_the_runtime_is_not_built_for_it(wire: Wire):
    with pytest.raises(Refused) as refused:
        wire.call("state_traceBlock", wire.call("chain_getBlockHash"))
    assert refused.value.code == 4003
    assert "with-tracing" in refused.value.message
