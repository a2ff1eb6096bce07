from __future__ import annotations

import logging

import pytest

from tests.pallets_mock.offline import OfflineClient, well_known
from tests.pallets_mock.wire import Refused, Wire

ALICE, BOB = well_known("Alice"), well_known("Bob")


def test_it_says_who_it_is(wire: Wire):
    assert wire.call("system_chain") == "DecentralML Development"
    assert wire.call("system_chainType") == "Development"
    assert wire.call("system_properties") == {
        "tokenSymbol": "DML",
        "tokenDecimals": 12,
        "ss58Format": 42,
    }
    assert wire.call("system_name")
    assert wire.call("system_version")[0].isdigit()
    assert wire.call("system_nodeRoles") == ["Authority"]


def test_it_needs_no_peers_to_be_healthy(wire: Wire):
    assert wire.call("system_health") == {
        "peers": 0,
        "isSyncing": False,
        "shouldHavePeers": False,
    }
    assert wire.call("system_peers") == []


def test_it_listens_where_it_says(wire: Wire):
    (address,) = wire.call("system_localListenAddresses")
    port = wire.socket.remote_address[1]
    assert address == f"/ip4/127.0.0.1/tcp/{port}/ws"


def test_it_is_always_in_step_with_itself(wire: Wire):
    wire.call("dev_newBlock", 4)
    assert wire.call("system_syncState") == {
        "startingBlock": 0,
        "currentBlock": 4,
        "highestBlock": 4,
    }


def test_every_method_that_is_listed_is_there(wire: Wire):
    for name in wire.call("rpc_methods")["methods"]:
        error = wire.raw({"method": name, "params": {"no": "such"}}).get("error", {})
        assert error.get("code") != -32601, name
        if name in ("dev_dropConnections", "dev_reorganise"):
            break


def test_the_next_nonce_counts_what_waits_without_a_gap(wire: Wire, signer: OfflineClient):
    wire.call("dev_setBlockTime", "manual")
    address = ALICE.ss58_address
    assert wire.call("system_accountNextIndex", address) == 0
    for nonce in (0, 1, 3):
        transfer = signer.transfer(ALICE, BOB, 1, nonce)
        wire.call("author_submitExtrinsic", "0x" + transfer.hex())
    assert wire.call("account_nextIndex", address) == 2
    wire.call("dev_newBlock")
    assert wire.call("system_accountNextIndex", address) == 2


def test_an_account_may_be_given_as_its_key(wire: Wire):
    assert wire.call("system_accountNextIndex", "0x" + ALICE.public_key.hex()) == 0


@pytest.mark.parametrize("address", ["", "5", ALICE.ss58_address[:-1] + "Z", "0x12", 7, "O0Il"])
def test_what_is_no_account_is_refused(wire: Wire, address: object):
    with pytest.raises(Refused) as refused:
        wire.call("system_accountNextIndex", address)
    assert refused.value.code == -32602


def test_a_dry_run_tells_success_failure_and_refusal(wire: Wire, signer: OfflineClient):
    def dry_run(extrinsic: bytes) -> str:
        return str(wire.call("system_dryRun", "0x" + extrinsic.hex()))

    root = wire.call("chain_getHeader")["stateRoot"]
    assert dry_run(signer.transfer(ALICE, BOB, 1, 0)) == "0x0000"
    assert dry_run(signer.transfer(ALICE, BOB, 10**30, 0)).startswith("0x0001")
    assert dry_run(signer.transfer(ALICE, BOB, 1, 9)) == "0x010002"  # Invalid(Future)
    assert wire.call("chain_getHeader")["stateRoot"] == root
    assert wire.call("author_pendingExtrinsics") == []


@pytest.mark.parametrize(("extrinsic", "code"), [("0xff", 2), ("0x0401", 1)])
def test_a_dry_run_of_no_extrinsic_is_refused(wire: Wire, extrinsic: str, code: int):
    with pytest.raises(Refused) as refused:
        wire.call("system_dryRun", extrinsic)
    assert refused.value.code == code


def test_log_levels_are_set_and_put_back(wire: Wire):
    logger = logging.getLogger("pallets_mock.somewhere")
    wire.call("system_addLogFilter", "somewhere=debug,elsewhere=off")
    assert logger.getEffectiveLevel() == logging.DEBUG
    wire.call("system_resetLogFilter")
    assert logger.level == logging.NOTSET
    with pytest.raises(Refused):
        wire.call("system_addLogFilter", "somewhere=loud")


def test_there_is_nobody_to_peer_with(wire: Wire):
    with pytest.raises(Refused) as refused:
        wire.call("system_addReservedPeer", "/ip4/127.0.0.1/tcp/30333/p2p/12D3")
    assert refused.value.code == 2002


# payment_*


def test_the_fee_is_the_sum_of_its_parts(wire: Wire, signer: OfflineClient):
    extrinsic = "0x" + signer.transfer(ALICE, BOB, 1, 0).hex()
    info = wire.call("payment_queryInfo", extrinsic)
    parts = wire.call("payment_queryFeeDetails", extrinsic)["inclusionFee"]
    assert info["class"] == "normal"
    assert info["weight"]["ref_time"] > 0
    assert int(info["partialFee"]) == sum(int(fee, 16) for fee in parts.values())


def test_an_inherent_has_no_fee(wire: Wire):
    wire.call("dev_newBlock")
    inherent = wire.call("chain_getBlock")["block"]["extrinsics"][0]
    assert wire.call("payment_queryFeeDetails", inherent) == {"inclusionFee": None}


@pytest.mark.parametrize("method", ["payment_queryInfo", "payment_queryFeeDetails"])
@pytest.mark.parametrize(("extrinsic", "code"), [("0xff", 2), ("0x0401", 1)])
def test_the_fee_of_no_extrinsic_is_refused(wire: Wire, method: str, extrinsic: str, code: int):
    with pytest.raises(Refused) as refused:
        wire.call(method, extrinsic)
    assert refused.value.code == code


# offchain_*


def test_offchain_values_are_set_read_and_cleared(wire: Wire):
    assert wire.call("offchain_localStorageGet", "PERSISTENT", "0x01") is None
    wire.call("offchain_localStorageSet", "PERSISTENT", "0x01", "0xabcd")
    assert wire.call("offchain_localStorageGet", "PERSISTENT", "0x01") == "0xabcd"
    wire.call("offchain_localStorageClear", "PERSISTENT", "0x01")
    assert wire.call("offchain_localStorageGet", "PERSISTENT", "0x01") is None


@pytest.mark.parametrize(("kind", "code"), [("LOCAL", 5001), ("OTHER", -32602)])
def test_only_persistent_offchain_values_exist(wire: Wire, kind: str, code: int):
    with pytest.raises(Refused) as refused:
        wire.call("offchain_localStorageGet", kind, "0x01")
    assert refused.value.code == code
