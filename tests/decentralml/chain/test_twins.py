"""Of a call and its twins one comes in, and none is signed where the first may still be the one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from decentralml.chain import calls
from decentralml.chain.calls import Call
from decentralml.chain.keys import Keypair, well_known
from decentralml.chain.market import Market
from decentralml.chain.node import Node
from decentralml.chain.signed import SignedCall
from decentralml.chain.submission import MOST_TWINS, Submission
from decentralml.errors import InsufficientFunds, TransactionPending
from decentralml.types import Planck
from pallets_mock.testing import DevChain
from tests.chains import address_of, keypair_of, uri_of

SUBMIT = "author_submitAndWatchExtrinsic"
KNOWN = {"code": 1013, "message": "Transaction Already Imported"}


class Once(dict[str, Any]):
    """Answers that are given a single time."""

    def get(self, key: str, default: Any = None) -> Any:
        return self.pop(key, default)


def gift() -> Call:
    return calls.transfer(address_of("Ferdie"), Planck(1))


def nonce(market: Market) -> int:
    return int(market.node.storage("System", "Account", market.account)["nonce"])


def test_a_twin_whose_first_came_in_before_it_was_sent_is_that_call_and_nothing_is_signed(
    alice: Market,
) -> None:
    signed = alice.sign(gift())
    twin = alice.node.sign(signed.call, keypair_of("Alice"), twin=signed)
    alice.submit(signed)

    def resign(_: SignedCall | None) -> SignedCall:
        raise AssertionError("the call would be paid twice")

    assert Submission(alice.node, twin, resign, fresh=True).run().hash == signed.hash
    assert nonce(alice) == 1


def test_what_was_never_sent_and_a_pool_says_it_knows_is_sent_again_before_it_gets_a_twin(
    proxy: Any, dev_chain: DevChain
) -> None:
    told: list[SignedCall] = []
    with Node(proxy.url, timeout=60) as node:
        alice = Market(node, well_known(uri_of("Alice"), node))
        signed = alice.sign(gift())
        proxy.refuse = Once({SUBMIT: KNOWN})

        receipt = alice.submit(signed, told.append)

        assert (told, receipt.extrinsic_hash) == ([], signed.hash)


def test_of_what_a_pool_keeps_from_every_block_for_want_of_money_that_is_said(
    proxy: Any, dev_chain: DevChain
) -> None:
    proxy.refuse[SUBMIT] = KNOWN
    with Node(proxy.url, timeout=60) as node:
        poor = Market(node, Keypair.create_from_uri("//Poor", ss58_format=42))
        with pytest.raises(InsufficientFunds, match="fee"):
            poor.call(gift())


def given_up(chain: DevChain, node: Node, twins: int) -> SignedCall:
    """A call that the pool threw out, and that has so many twins."""
    signed = Market(node, well_known(uri_of("Alice"), node)).sign(gift())
    chain.call("author_submitExtrinsic", signed.extrinsic)
    chain.call("author_removeExtrinsic", [{"extrinsic": signed.extrinsic}])
    return replace(signed, twins=tuple(f"0x{number:064x}" for number in range(twins)))


def test_a_pool_that_gave_up_as_many_twins_as_there_may_be_is_waited_on(
    start_chain: Callable[..., DevChain],
) -> None:
    chain, told = start_chain(block_time="manual"), list[SignedCall]()
    with Node(chain.url, timeout=5.0) as node:
        signed = given_up(chain, node, MOST_TWINS)
        with pytest.raises(TransactionPending):
            Market(node, keypair_of("Alice")).submit(signed, told.append)
    assert told == []


def test_one_fewer_gets_another_twin(start_chain: Callable[..., DevChain]) -> None:
    chain, told = start_chain(block_time="manual"), list[SignedCall]()
    with Node(chain.url, timeout=5.0) as node:
        signed = given_up(chain, node, MOST_TWINS - 1)
        with pytest.raises(TransactionPending):  # no block is made
            Market(node, keypair_of("Alice")).submit(signed, told.append)
    assert [len(twin.twins) for twin in told] == [MOST_TWINS]
