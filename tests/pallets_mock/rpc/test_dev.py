from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from websockets.exceptions import ConnectionClosed

from pallets_mock.testing import DevChain
from tests.pallets_mock.offline import OfflineClient, well_known
from tests.pallets_mock.wire import Refused, Wire

ALICE, BOB = well_known("Alice"), well_known("Bob")
HOUR_MS = 3_600_000


def transfer(signer: OfflineClient, nonce: int) -> str:
    return "0x" + signer.transfer(ALICE, BOB, 5, nonce).hex()


def nonce(wire: Wire) -> int:
    return int(wire.call("system_accountNextIndex", ALICE.ss58_address))


def time_of(wire: Wire, signer: OfflineClient) -> int:
    """The chain's time in ms, as the runtime has it after the newest block."""
    key = signer.create_storage_key("Timestamp", "Now").to_hex()
    return int.from_bytes(bytes.fromhex(wire.call("state_getStorage", key)[2:]), "little")


def refused_code(wire: Wire, *call: object) -> int:
    with pytest.raises(Refused) as refused:
        wire.call(*call)
    return int(refused.value.code)


# Blocks


def test_blocks_are_sealed_at_once_as_many_as_asked_for(wire: Wire):
    last = wire.call("dev_newBlock", 5)
    assert wire.call("chain_getHeader")["number"] == "0x5"
    assert wire.call("chain_getBlockHash") == last


@pytest.mark.parametrize("count", [0, 10_001])
def test_no_blocks_or_too_many_are_refused(wire: Wire, count: int):
    assert refused_code(wire, "dev_newBlock", count) == -32602


def test_given_transactions_are_in_the_block_in_their_order(wire: Wire, signer: OfflineClient):
    given = [transfer(signer, n) for n in range(3)]
    wire.call("dev_newBlock", 1, given)
    assert wire.call("chain_getBlock")["block"]["extrinsics"][1:] == given


def test_one_refused_transaction_and_there_is_no_block(wire: Wire, signer: OfflineClient):
    given = [transfer(signer, 0), transfer(signer, 7)]
    assert refused_code(wire, "dev_newBlock", 1, given) == 1010
    assert refused_code(wire, "dev_newBlock", 1, ["0x0401"]) == 1002
    assert wire.call("chain_getHeader")["number"] == "0x0"
    assert nonce(wire) == 0


def test_block_time_is_changed_while_it_runs(wire: Wire, signer: OfflineClient):
    heads = wire.call("chain_subscribeNewHeads")
    wire.call("dev_setBlockTime", "manual")
    wire.call("author_submitExtrinsic", transfer(signer, 0))
    assert [header["number"] for header in wire.received(heads)] == ["0x0"]
    wire.call("dev_setBlockTime", "instant")  # what waits is sealed without another one
    assert wire.next(heads)["number"] == "0x1"
    wire.call("dev_setBlockTime", 0.02)
    assert [wire.next(heads)["number"] for _ in range(3)] == ["0x2", "0x3", "0x4"]


@pytest.mark.parametrize("wrong", ["soon", 0, -1, 0.001, 10**9, None, True])
def test_what_is_no_block_time_is_refused(wire: Wire, wrong: object):
    assert refused_code(wire, "dev_setBlockTime", wrong) in (6100, -32602)


# Time


def test_the_next_block_is_of_the_time_that_was_set(wire: Wire, signer: OfflineClient):
    assert wire.call("dev_setTime", "2100-01-01T00:00:00Z") == 4_102_444_800_000
    wire.call("dev_newBlock")
    assert 0 <= time_of(wire, signer) - 4_102_444_800_000 < HOUR_MS


def test_time_passes_for_whoever_travels(wire: Wire, signer: OfflineClient):
    wire.call("dev_newBlock")
    before = time_of(wire, signer)
    wire.call("dev_timeTravel", HOUR_MS)
    wire.call("dev_newBlock")
    assert HOUR_MS <= time_of(wire, signer) - before < 2 * HOUR_MS


def test_a_block_may_be_given_its_earliest_time(wire: Wire, signer: OfflineClient):
    wire.call("dev_newBlock", 2, None, 4_102_444_800_000)
    slot = int.from_bytes(
        bytes.fromhex(wire.call("state_call", "AuraApi_slot_duration", "0x")[2:]), "little"
    )
    assert time_of(wire, signer) == 4_102_444_800_000 + slot


def test_time_never_goes_back(wire: Wire):
    wire.call("dev_newBlock")
    assert refused_code(wire, "dev_setTime", "2001-01-01") == 6100
    assert refused_code(wire, "dev_timeTravel", -HOUR_MS) == 6100
    assert refused_code(wire, "dev_setTime", "yesterday") == -32602


# State


def test_a_value_set_is_in_a_block_whose_root_holds_it(wire: Wire):
    block = wire.call("dev_setStorage", [["0xabcd", "0x1234"], ["0xabce", "0x" + "ff" * 100]])
    assert wire.call("chain_getBlockHash") == block
    assert wire.call("state_getStorage", "0xabcd") == "0x1234"
    wire.call("dev_newBlock", 2)
    assert wire.call("state_getStorage", "0xabce") == "0x" + "ff" * 100
    wire.call("dev_setStorage", [["0xabcd", None]])
    assert wire.call("state_getStorage", "0xabcd") is None
    assert wire.call("state_getStorage", "0xabcd", block) == "0x1234"


def test_money_can_be_made_of_nothing(wire: Wire, signer: OfflineClient):
    key = signer.create_storage_key("System", "Account", [BOB.ss58_address]).to_hex()
    account = bytearray.fromhex(wire.call("state_getStorage", key)[2:])
    account[16:32] = (7 * 10**30).to_bytes(16, "little")
    wire.call("dev_setStorage", [[key, "0x" + account.hex()]])
    rich = signer.transfer(BOB, ALICE, 6 * 10**30, 0)
    wire.call("dev_newBlock", 1, ["0x" + rich.hex()])


@pytest.mark.parametrize("code", ["0x00", None, "0x52bc537646db8e05aabbcc"])
def test_code_that_is_no_runtime_is_refused(wire: Wire, code: str | None):
    assert refused_code(wire, "dev_setStorage", [["0x" + b":code".hex(), code]]) == 4003
    wire.call("dev_newBlock")


# Turning back


def test_a_revert_undoes_blocks_pool_and_clock(wire: Wire, signer: OfflineClient):
    wire.call("dev_setBlockTime", "manual")
    wire.call("dev_newBlock")
    wire.call("author_submitExtrinsic", transfer(signer, 0))
    best, snapshot = wire.call("chain_getBlockHash"), wire.call("dev_snapshot")
    wire.call("dev_newBlock", 2)
    wire.call("author_submitExtrinsic", transfer(signer, 1))
    wire.call("dev_timeTravel", 1000 * HOUR_MS)

    assert wire.call("dev_revert", snapshot) == best
    assert wire.call("chain_getFinalizedHead") == best
    assert len(wire.call("author_pendingExtrinsics")) == 1
    wire.call("dev_newBlock")
    assert nonce(wire) == 1
    assert time_of(wire, signer) < time.time_ns() // 10**6 + HOUR_MS


def test_a_snapshot_can_be_reverted_to_again_and_later_ones_are_gone(wire: Wire):
    first = wire.call("dev_snapshot")
    wire.call("dev_newBlock")
    second = wire.call("dev_snapshot")
    for _ in range(2):
        wire.call("dev_revert", first)
        assert wire.call("chain_getHeader")["number"] == "0x0"
        wire.call("dev_newBlock", 3)
    assert refused_code(wire, "dev_revert", second) == 6100
    assert refused_code(wire, "dev_revert", 99) == 6100


def test_subscribers_are_told_of_a_revert(wire: Wire):
    snapshot = wire.call("dev_snapshot")
    wire.call("dev_newBlock", 2)
    heads = wire.call("chain_subscribeNewHeads")
    wire.call("dev_revert", snapshot)
    assert [wire.next(heads)["number"] for _ in range(2)] == ["0x2", "0x0"]


@pytest.mark.parametrize(("keep", "expected"), [(True, 2), (False, 0)])
def test_a_reorganisation_keeps_transactions_or_loses_them(
    wire: Wire, signer: OfflineClient, keep: bool, expected: int
):
    for n in range(2):
        wire.call("dev_newBlock", 1, [transfer(signer, n)])
    wire.call("dev_reorganise", 2, None, keep)
    assert wire.call("chain_getHeader")["number"] == "0x3"
    assert nonce(wire) == expected


@pytest.mark.parametrize("depth", [0, 3, 2**31])
def test_only_blocks_that_exist_can_be_replaced(wire: Wire, depth: int):
    wire.call("dev_newBlock", 2)
    assert refused_code(wire, "dev_reorganise", depth) in (6100, -32602)


def test_the_head_can_be_set_to_any_known_block(wire: Wire):
    wire.call("dev_newBlock", 3)
    old = wire.call("chain_getBlockHash", [1, 2, 3])
    wire.call("dev_reorganise", 2)
    wire.call("dev_setHead", old[2])
    assert wire.call("chain_getBlockHash", [1, 2, 3, 4]) == [*old, None]
    wire.call("dev_setHead", old[0])
    assert wire.call("chain_getHeader")["number"] == "0x1"
    wire.call("dev_newBlock")
    assert refused_code(wire, "dev_setHead", "0x" + "11" * 32) == 4003


def test_a_nodes_own_words_for_sealing_work(
    start_chain: Callable[..., DevChain], connect: Callable[[DevChain], Wire]
):
    wire = connect(start_chain(block_time="manual", finality_lag=100))
    assert refused_code(wire, "engine_createBlock", False) == 20000
    made = wire.call("engine_createBlock", True, False)
    assert wire.call("chain_getFinalizedHead") != made["hash"]
    assert wire.call("engine_finalizeBlock", made["hash"]) is True
    assert wire.call("chain_getFinalizedHead") == made["hash"]


# Faults


def test_all_connections_can_be_cut(dev_chain: DevChain):
    wires = [Wire(dev_chain.url) for _ in range(3)]
    wires[0].call("dev_dropConnections")
    for wire in wires:
        with pytest.raises(ConnectionClosed):
            wire.socket.recv(20)
    with Wire(dev_chain.url) as again:
        assert again.call("system_chain")


@pytest.mark.parametrize(("when", "taken"), [("before", 0), ("after", 1)])
def test_a_connection_is_cut_before_or_after_a_method(
    dev_chain: DevChain, signer: OfflineClient, when: str, taken: int
):
    dev_chain.call("dev_setBlockTime", "manual")
    dev_chain.drop_connections("author_submitExtrinsic", when)
    with Wire(dev_chain.url) as wire:
        assert wire.call("system_chain")
        with pytest.raises(ConnectionClosed):
            wire.call("author_submitExtrinsic", transfer(signer, 0))
    assert len(dev_chain.call("author_pendingExtrinsics")) == taken
    with Wire(dev_chain.url) as again:
        again.call("author_submitExtrinsic", transfer(signer, taken))


def test_a_subscription_that_is_cut_off_leaves_nothing_behind(
    dev_chain: DevChain, signer: OfflineClient
):
    dev_chain.drop_connections("author_submitAndWatchExtrinsic")
    with Wire(dev_chain.url) as wire, pytest.raises(ConnectionClosed):
        wire.call("chain_subscribeNewHeads")
        wire.call("author_submitAndWatchExtrinsic", transfer(signer, 0))
    with Wire(dev_chain.url) as again:
        again.call("system_chain")  # after the other's end was noticed
    assert dev_chain.run(
        lambda node: (len(node.announcer.listeners), len(node.announcer.watchers))
    ) == (0, 0)


def test_answers_come_late_while_that_is_asked_for(wire: Wire):
    wire.call("dev_delayAnswers", 150, None, "system_")
    start = time.monotonic()
    wire.call("chain_getHeader")
    undelayed = time.monotonic() - start
    wire.call("system_chain")
    assert time.monotonic() - start - undelayed >= 0.15
    wire.call("dev_delayAnswers", 0)


def test_a_cut_is_before_or_after(wire: Wire):
    assert refused_code(wire, "dev_dropConnections", "system_name", "meanwhile") == -32602


def test_a_branch_has_a_longest_length(wire: Wire):
    wire.call("dev_newBlock")
    assert refused_code(wire, "dev_reorganise", 1, 10_000) == -32602


@pytest.mark.parametrize("time", [-5, 2**53])
def test_a_time_is_of_this_age(wire: Wire, time: int):
    assert refused_code(wire, "dev_setTime", time) == 6100


def test_a_block_of_a_nodes_own_words_may_have_any_parent(
    start_chain: Callable[..., DevChain], connect: Callable[[DevChain], Wire]
):
    wire = connect(start_chain(block_time="manual", finality_lag=100))
    wire.call("dev_newBlock", 3)
    parent = wire.call("chain_getBlockHash", 1)
    made = wire.call("engine_createBlock", True, False, parent)
    assert wire.call("chain_getHeader", made["hash"])["parentHash"] == parent
    assert refused_code(wire, "engine_finalizeBlock", "0x" + "11" * 32) == 4003


@pytest.mark.parametrize("delay", [[-1], [10, 5], [600_001], ["x"]])
def test_a_delay_that_is_none_is_refused(wire: Wire, delay: list[object]):
    assert refused_code(wire, "dev_delayAnswers", *delay) == -32602
