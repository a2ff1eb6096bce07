from __future__ import annotations

from collections.abc import Callable
from functools import cache
from hashlib import blake2b

import pytest
from substrateinterface import Keypair

from pallets_mock.pool.queue import PoolLimits
from pallets_mock.rpc.limits import RpcLimits
from pallets_mock.testing import DevChain
from tests.pallets_mock.offline import OfflineClient, well_known
from tests.pallets_mock.wire import Refused, Wire

ALICE, BOB = well_known("Alice"), well_known("Bob")
UNIT = 10**12

Remark = Callable[..., str]


@pytest.fixture
def remark(signer: OfflineClient) -> Remark:
    @cache  # a signature is another one each time
    def sign(nonce: int, text: str = "0x00", tip: int = 0) -> str:
        call = signer.compose_call("System", "remark", {"remark": text})
        extrinsic = signer.create_signed_extrinsic(call, ALICE, nonce=nonce, tip=tip)
        return str(extrinsic.data.to_hex())

    return sign


@pytest.fixture
def manual(start_chain: Callable[..., DevChain], connect: Callable[[DevChain], Wire]) -> Wire:
    """A chain that seals only when it is asked to."""
    return connect(start_chain(block_time="manual", finality_lag=1))


def refusal(wire: Wire, *call: object) -> Refused:
    with pytest.raises(Refused) as refused:
        wire.call(*call)
    return refused.value


def test_a_transaction_is_in_the_next_block(wire: Wire, remark: Remark):
    heads = wire.call("chain_subscribeNewHeads")
    wire.next(heads)
    wire.call("author_submitExtrinsic", remark(0))
    wire.next(heads)
    assert wire.call("chain_getBlock")["block"]["extrinsics"][1:] == [remark(0)]
    assert wire.call("author_pendingExtrinsics") == []


def test_the_hash_is_blake2b_of_the_bytes(wire: Wire, remark: Remark):
    hash_ = wire.call("author_submitExtrinsic", remark(0))
    assert hash_ == "0x" + blake2b(bytes.fromhex(remark(0)[2:]), digest_size=32).hexdigest()


def test_a_stale_nonce_is_outdated(manual: Wire, remark: Remark):
    manual.call("dev_newBlock", 1, [remark(0)])
    error = refusal(manual, "author_submitExtrinsic", remark(0, "0x01"))
    assert (error.code, error.message, error.data) == (
        1010,
        "Invalid Transaction",
        "Transaction is outdated",
    )


def test_a_bad_signature_is_said_so(manual: Wire, remark: Remark):
    signed = bytearray.fromhex(remark(0)[2:])
    signed[60] ^= 1
    error = refusal(manual, "author_submitExtrinsic", "0x" + signed.hex())
    assert (error.code, error.data) == (1010, "Transaction has a bad signature")


def test_who_cannot_pay_is_told_so(manual: Wire, signer: OfflineClient):
    poor = signer.sign(Keypair.create_from_uri("//Poor"), "System", "remark", 0, remark="0x00")
    error = refusal(manual, "author_submitExtrinsic", "0x" + poor.hex())
    assert error.code == 1010
    assert "Inability to pay" in error.data


@pytest.mark.parametrize(
    ("extrinsic", "code"), [("0x", 1040), ("0xff", 1040), ("0x1012345678", 1002), ("0x00", 1002)]
)
def test_what_is_no_extrinsic_is_refused(manual: Wire, extrinsic: str, code: int):
    assert refusal(manual, "author_submitExtrinsic", extrinsic).code == code


def test_the_same_again_is_imported_already(manual: Wire, remark: Remark):
    manual.call("author_submitExtrinsic", remark(0))
    assert refusal(manual, "author_submitExtrinsic", remark(0)).code == 1013


def test_the_same_nonce_again_has_too_low_a_priority(manual: Wire, remark: Remark):
    manual.call("author_submitExtrinsic", remark(0))
    error = refusal(manual, "author_submitExtrinsic", remark(0, "0x01"))
    assert error.code == 1014
    assert error.message.startswith("Priority is too low")


def test_what_was_in_a_block_is_banned_for_a_while(manual: Wire, remark: Remark):
    manual.call("author_submitExtrinsic", remark(0))
    manual.call("dev_newBlock")
    assert refusal(manual, "author_submitExtrinsic", remark(0)).code == 1012


def test_a_full_pool_refuses(
    start_chain: Callable[..., DevChain], connect: Callable[[DevChain], Wire], remark: Remark
):
    wire = connect(start_chain(block_time="manual", pool_limits=PoolLimits(transactions=2)))
    for nonce in (0, 1):
        wire.call("author_submitExtrinsic", remark(nonce))
    assert refusal(wire, "author_submitExtrinsic", remark(2)).code == 1016
    assert wire.call("author_pendingExtrinsics") == [remark(0), remark(1)]


def test_a_watched_transaction_is_told_of_to_its_end(manual: Wire, remark: Remark):
    watching = manual.call("author_submitAndWatchExtrinsic", remark(0))
    assert manual.next(watching) == "ready"
    block = manual.call("dev_newBlock")
    assert manual.next(watching) == {"inBlock": block}
    manual.call("dev_newBlock")
    assert manual.next(watching) == {"finalized": block}


def test_a_future_transaction_waits_for_the_one_before(manual: Wire, remark: Remark):
    later = manual.call("author_submitAndWatchExtrinsic", remark(1))
    assert manual.next(later) == "future"
    assert manual.call("author_pendingExtrinsics") == []
    manual.call("author_submitExtrinsic", remark(0))
    assert manual.next(later) == "ready"
    assert manual.call("author_pendingExtrinsics") == [remark(0), remark(1)]


def test_a_higher_tip_takes_the_place_of_a_lower(manual: Wire, remark: Remark):
    watching = manual.call("author_submitAndWatchExtrinsic", remark(0))
    assert manual.next(watching) == "ready"
    better = manual.call("author_submitExtrinsic", remark(0, tip=UNIT))
    assert manual.next(watching) == {"usurped": better}
    manual.call("dev_newBlock")
    extrinsics = manual.call("chain_getBlock")["block"]["extrinsics"]
    assert extrinsics[1:] == [remark(0, tip=UNIT)]


def test_a_reorganisation_retracts_and_includes_again(manual: Wire, remark: Remark):
    watching = manual.call("author_submitAndWatchExtrinsic", remark(0))
    manual.next(watching)
    old = manual.call("dev_newBlock")
    assert manual.next(watching) == {"inBlock": old}
    manual.call("dev_reorganise", 1)
    new = manual.call("chain_getBlockHash", 1)
    assert [manual.next(watching) for _ in range(3)] == [
        {"retracted": old},
        "ready",
        {"inBlock": new},
    ]


def test_a_removed_transaction_is_invalid_and_banned(manual: Wire, remark: Remark):
    watching = manual.call("author_submitAndWatchExtrinsic", remark(0))
    manual.next(watching)
    hash_ = manual.call("author_submitExtrinsic", remark(1))
    removed = manual.call("author_removeExtrinsic", [remark(0), {"hash": hash_}])
    assert len(removed) == 2  # the second one needs the first, and went with it
    assert manual.next(watching) == "invalid"
    assert manual.call("author_pendingExtrinsics") == []
    assert refusal(manual, "author_submitExtrinsic", remark(0)).code == 1012


def test_a_refused_transaction_is_not_watched(manual: Wire, remark: Remark):
    manual.call("author_submitExtrinsic", remark(0))
    assert refusal(manual, "author_submitAndWatchExtrinsic", remark(0)).code == 1013
    assert refusal(manual, "author_submitAndWatchExtrinsic", "0xff").code == 1001


def test_whoever_unwatches_hears_no_more(manual: Wire, remark: Remark):
    watching = manual.call("author_submitAndWatchExtrinsic", remark(0))
    assert manual.next(watching) == "ready"
    assert manual.call("author_unwatchExtrinsic", watching) is True
    manual.call("dev_newBlock", 3)
    assert manual.received(watching) == []


def test_a_mortal_transaction_leaves_the_pool_with_its_era(manual: Wire, signer: OfflineClient):
    call = signer.compose_call("System", "remark", {"remark": "0x00"})
    era = {"period": 4, "current": 0}
    extrinsic = signer.create_signed_extrinsic(call, ALICE, nonce=3, era=era)
    watching = manual.call("author_submitAndWatchExtrinsic", extrinsic.data.to_hex())
    assert manual.next(watching) == "future"
    manual.call("dev_newBlock", 5)
    assert manual.next(watching) == "invalid"


# Keys

ALICE_SEED = "0xe5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a"


def test_a_key_that_was_inserted_is_there(wire: Wire):
    public = "0x" + ALICE.public_key.hex()
    assert wire.call("author_hasKey", "0x" + "22" * 32, "aura") is False
    for secret in (ALICE_SEED, "//Alice"):
        assert wire.call("author_insertKey", "dmlt", secret, public) is None
    assert wire.call("author_hasKey", public, "dmlt") is True


@pytest.mark.parametrize(
    ("kind", "secret"), [("dmlt", "0x12"), ("dmlt", "//Nobody"), ("long one", ALICE_SEED)]
)
def test_a_key_that_is_none_is_refused(wire: Wire, kind: str, secret: str):
    public = "0x" + ALICE.public_key.hex()
    assert refusal(wire, "author_insertKey", kind, secret, public).code == 1040


def test_a_key_of_another_secret_is_refused(wire: Wire):
    public = "0x" + BOB.public_key.hex()
    assert refusal(wire, "author_insertKey", "dmlt", ALICE_SEED, public).code == 1040


def test_rotated_keys_are_there(wire: Wire):
    keys = wire.call("author_rotateKeys")
    assert wire.call("author_hasSessionKeys", keys) is True
    assert wire.call("author_hasSessionKeys", "0x" + "33" * (len(keys) // 2 - 1)) is False
    owned = wire.call("author_rotateKeysWithOwner", "0x" + ALICE.public_key.hex())
    assert owned["keys"] != keys
    assert len(owned["proof"]) > 2
    assert refusal(wire, "author_hasSessionKeys", "0x01").code == 1040


def test_a_transaction_that_came_to_its_end_is_not_counted_as_a_subscription(
    start_chain: Callable[..., DevChain], connect: Callable[[DevChain], Wire], remark: Remark
):
    wire = connect(start_chain(rpc_limits=RpcLimits(subscriptions=1)))
    for nonce in range(3):
        watching = wire.call("author_submitAndWatchExtrinsic", remark(nonce))
        while "finalized" not in wire.next(watching):
            pass
        assert wire.call("author_unwatchExtrinsic", watching) is False
