"""`substrate-interface`, unmodified, finds here what it finds at a node."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from substrateinterface import ExtrinsicReceipt, Keypair, SubstrateInterface
from substrateinterface.exceptions import SubstrateRequestException

from pallets_mock.testing import DevChain

UNIT = 10**12
ALICE = Keypair.create_from_uri("//Alice")
BOB = Keypair.create_from_uri("//Bob")


@pytest.fixture(scope="module")
def chain() -> Iterator[DevChain]:
    with DevChain() as chain:
        yield chain


@pytest.fixture(scope="module")
def connected(chain: DevChain) -> Iterator[SubstrateInterface]:
    with SubstrateInterface(url=chain.url) as client:
        yield client


@pytest.fixture
def client(chain: DevChain, connected: SubstrateInterface) -> Iterator[SubstrateInterface]:
    before = chain.snapshot()
    yield connected
    chain.revert(before)


def transfer(client: SubstrateInterface, amount: int, **how: object) -> ExtrinsicReceipt:
    call = client.compose_call(
        "Balances", "transfer_keep_alive", {"dest": BOB.ss58_address, "value": amount}
    )
    extrinsic = client.create_signed_extrinsic(call, ALICE, **how)
    return client.submit_extrinsic(extrinsic, wait_for_inclusion=True)


def free(client: SubstrateInterface, who: Keypair, block: str | None = None) -> int:
    account = client.query("System", "Account", [who.ss58_address], block_hash=block)
    return int(account.value["data"]["free"])


def test_it_connects_and_reads_who_is_there(client: SubstrateInterface):
    assert client.chain == "DecentralML Development"
    assert client.token_symbol == "DML"
    assert client.token_decimals == 12
    assert client.ss58_format == 42
    assert client.get_metadata_module("DecentralML") is not None


def test_a_transfer_moves_money_and_leaves_its_events(client: SubstrateInterface):
    before = free(client, BOB)

    receipt = transfer(client, 3 * UNIT)

    assert receipt.is_success
    assert free(client, BOB) == before + 3 * UNIT
    names = [event.value["event_id"] for event in receipt.triggered_events]
    assert "Transfer" in names
    assert names[-1] == "ExtrinsicSuccess"


def test_the_fee_asked_for_is_the_fee_paid(client: SubstrateInterface):
    call = client.compose_call(
        "Balances", "transfer_keep_alive", {"dest": BOB.ss58_address, "value": UNIT}
    )
    expected = client.get_payment_info(call, ALICE)["partialFee"]
    extrinsic = client.create_signed_extrinsic(call, ALICE)

    receipt = client.submit_extrinsic(extrinsic, wait_for_inclusion=True)

    # The estimate is of the weight before the dispatch, which may turn out to be less.
    assert 0 < receipt.total_fee_amount <= expected


def test_a_failing_call_is_in_the_block_with_the_pallets_own_error(client: SubstrateInterface):
    call = client.compose_call("DecentralML", "accept_task", {"task": 999})
    extrinsic = client.create_signed_extrinsic(call, ALICE)

    receipt = client.submit_extrinsic(extrinsic, wait_for_inclusion=True)

    assert not receipt.is_success
    assert receipt.error_message["name"] == "UnknownTask"
    assert receipt.total_fee_amount > 0


@pytest.mark.parametrize("period", [4, 64, 1024])
def test_a_mortal_transaction_is_taken_within_its_era(client: SubstrateInterface, period: int):
    assert transfer(client, UNIT, era={"period": period}).is_success


def test_a_transaction_past_its_era_is_refused(client: SubstrateInterface, chain: DevChain):
    call = client.compose_call("System", "remark", {"remark": "0x00"})
    extrinsic = client.create_signed_extrinsic(call, ALICE, era={"period": 4})
    chain.new_block(12)
    with pytest.raises(SubstrateRequestException, match=r"ancient birth block|bad signature"):
        client.submit_extrinsic(extrinsic)


def test_old_blocks_answer_with_old_values(client: SubstrateInterface):
    amounts = [free(client, BOB)]
    blocks = [client.get_chain_head()]
    for _ in range(5):
        receipt = transfer(client, UNIT)
        blocks.append(receipt.block_hash)
        amounts.append(amounts[-1] + UNIT)

    assert [free(client, BOB, block) for block in blocks] == amounts


def test_a_receipt_is_found_again_in_its_block(client: SubstrateInterface):
    receipt = transfer(client, UNIT)
    number = client.get_block_number(receipt.block_hash)
    again = ExtrinsicReceipt.create_from_extrinsic_identifier(
        client, f"{number}-{receipt.extrinsic_idx}"
    )
    assert again.total_fee_amount == receipt.total_fee_amount > 0


def test_finalised_is_waited_for_through_the_finality_lag(
    start_chain: Callable[..., DevChain],
):
    chain = start_chain(finality_lag=2)
    with SubstrateInterface(url=chain.url) as client:
        call = client.compose_call("System", "remark", {"remark": "0x00"})
        seen = []

        def handle(message: dict, _number: int, _subscription: str) -> dict | None:
            status = message["params"]["result"]
            seen.append(next(iter(status)) if isinstance(status, dict) else status)
            if seen[-1] == "inBlock":
                chain.new_block(2)
            return status if seen[-1] == "finalized" else None

        extrinsic = client.create_signed_extrinsic(call, ALICE)
        client.rpc_request("author_submitAndWatchExtrinsic", [str(extrinsic.data)], handle)

    assert seen == ["ready", "inBlock", "finalized"]


def test_a_head_subscription_sees_every_block(client: SubstrateInterface, chain: DevChain):
    seen = []

    def handle(header: dict, _number: int, _subscription: str) -> str | None:
        seen.append(header["header"]["number"])
        if len(seen) == 1:
            chain.new_block(3)
        return "enough" if len(seen) == 4 else None

    client.subscribe_block_headers(handle)

    assert seen == list(range(seen[0], seen[0] + 4))


def test_a_storage_subscription_tells_the_new_value(client: SubstrateInterface, chain: DevChain):
    seen = []

    def handle(value: object, _number: int, _subscription: str) -> str | None:
        seen.append(value.value["nonce"])
        if len(seen) == 1:
            with SubstrateInterface(url=chain.url) as other:
                transfer(other, UNIT)
        return "enough" if len(seen) == 2 else None

    client.query("System", "Account", [ALICE.ss58_address], subscription_handler=handle)

    assert seen[1] == seen[0] + 1


def test_a_map_is_read_page_by_page(client: SubstrateInterface):
    accounts = client.query_map("System", "Account", page_size=2)
    names = {account.value for account, _ in accounts}
    assert {ALICE.ss58_address, BOB.ss58_address} <= names


def test_constants_and_runtime_calls_answer(client: SubstrateInterface):
    deposit = client.get_constant("Balances", "ExistentialDeposit").value
    assert deposit > 0
    nonce = client.runtime_call("AccountNonceApi", "account_nonce", [ALICE.ss58_address])
    assert nonce.value == client.get_account_nonce(ALICE.ss58_address)


def test_blocks_are_decoded_with_author_and_time(client: SubstrateInterface):
    receipt = transfer(client, UNIT)
    block = client.get_block(receipt.block_hash)
    calls = [extrinsic.value["call"]["call_function"] for extrinsic in block["extrinsics"]]
    assert calls == ["set", "transfer_keep_alive"]
