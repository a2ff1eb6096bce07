"""A signed call comes into the chain once: whatever breaks, whoever else signs."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path
from typing import Any

import pytest

from decentralml.chain import call_errors, calls, submission
from decentralml.chain.calls import Call
from decentralml.chain.connection import ConnectionLost
from decentralml.chain.keys import Keypair, well_known
from decentralml.chain.market import Market
from decentralml.chain.node import Node
from decentralml.chain.runtime import extrinsic_hash
from decentralml.chain.signed import SignedCall
from decentralml.errors import (
    ChainError,
    InsufficientFunds,
    NodeUnreachable,
    RequestRefused,
    TransactionPending,
    TransactionRefused,
)
from decentralml.types import Planck, TaskId
from pallets_mock.testing import DevChain
from tests.chains import address_of, as_many, keypair_of, uri_of

SUBMIT = "author_submitAndWatchExtrinsic"
LATEST = object()  # what the chain itself says


def gift(amount: int = 1) -> Call:
    return calls.transfer(address_of("Ferdie"), Planck(amount))


def nonce(market: Market) -> int:
    return int(market.node.storage("System", "Account", market.account)["nonce"])


def nonce_at_best(chain: DevChain) -> int:
    with Node(chain.url, timeout=60) as node:
        return nonce(Market(node, well_known(uri_of("Alice"), node)))


def times_in_chain(market: Market, signed: SignedCall) -> int:
    """Counts by reading every block, as nothing in the client does."""
    node, found = market.node, 0
    for number in range(node.best().number + 1):
        block = node.block(str(node.block_hash(number)))
        assert block is not None
        found += sum(extrinsic_hash(extrinsic) == signed.hash for extrinsic in block.extrinsics)
    return found


@pytest.fixture
def before(alice: Market) -> Planck:
    return alice.balance(address_of("Ferdie")).free


# -- what breaks


@pytest.mark.development_only("cuts connections at a chosen request")
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("times", [1, 3])
def test_a_connection_lost_while_sending_costs_nothing(
    dev_chain: DevChain, alice: Market, before: Planck, when: str, times: int
) -> None:
    signed = alice.sign(gift())
    dev_chain.call("dev_dropConnections", SUBMIT, when, times)

    receipt = alice.submit(signed)

    assert receipt.extrinsic_hash == signed.hash
    assert times_in_chain(alice, signed) == 1
    assert (nonce(alice), alice.balance(address_of("Ferdie")).free - before) == (1, 1)


@pytest.mark.development_only("cuts connections at a chosen request")
@pytest.mark.parametrize("method", ["chain_getHeader", "chain_getBlock", "state_getStorage"])
def test_a_connection_lost_while_looking_costs_nothing(
    dev_chain: DevChain, alice: Market, method: str
) -> None:
    signed = alice.sign(gift())
    dev_chain.call("dev_dropConnections", method, "after", 2)
    alice.submit(signed)
    assert (nonce(alice), times_in_chain(alice, signed)) == (1, 1)


@pytest.mark.development_only("cuts connections at a chosen request")
@pytest.mark.parametrize("seed", range(3))
def test_whatever_connections_break_each_call_comes_in_once(
    dev_chain: DevChain, alice: Market, before: Planck, seed: int
) -> None:
    chance = random.Random(seed)
    methods = [
        SUBMIT, "chain_getBlockHash", "chain_getBlock", "chain_getFinalizedHead",
        "system_accountNextIndex", "state_getRuntimeVersion", "state_getStorage",
    ]  # fmt: skip
    for amount in range(1, 11):
        for method in chance.sample(methods, 2):
            when = chance.choice(["before", "after"])
            dev_chain.call("dev_dropConnections", method, when, chance.randint(1, 2))
        alice.call(gift(amount))
    assert nonce(alice) == 10
    assert alice.balance(address_of("Ferdie")).free - before == sum(range(1, 11))


@pytest.mark.development_only("delays answers")
def test_slow_answers_are_waited_for(dev_chain: DevChain, alice: Market) -> None:
    dev_chain.call("dev_delayAnswers", 150, 250)
    alice.call(gift())
    assert nonce(alice) == 1


@pytest.mark.development_only("delays answers")
def test_a_node_that_falls_silent_is_given_up_in_time_and_nothing_is_lost(
    dev_chain: DevChain, people: Any
) -> None:
    impatient = people.market("Alice", timeout=1.0)
    signed = impatient.sign(gift())
    dev_chain.call("dev_delayAnswers", 4_000)
    began = time.monotonic()
    with pytest.raises((NodeUnreachable, TransactionPending)):
        impatient.submit(signed)
    assert time.monotonic() - began < 3.9  # before the first answer

    dev_chain.call("dev_delayAnswers", 0)
    impatient.submit(signed)
    assert (nonce(impatient), times_in_chain(impatient, signed)) == (1, 1)


def test_a_chain_that_is_restarted_is_found_again(
    start_chain: Callable[..., DevChain], tmp_path: Path
) -> None:
    chain = start_chain(tmp_path / "chain")
    port = int(chain.url.rsplit(":", 1)[1])
    with Node(chain.url, timeout=60) as node:
        alice = Market(node, well_known(uri_of("Alice"), node))
        alice.call(gift())
        signed = alice.sign(gift(2))
        chain.stop()
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(alice.submit, signed)
            start_chain(tmp_path / "chain", port=port)
            assert waiting.result(20).extrinsic_hash == signed.hash
        assert nonce(alice) == 2


# -- the same again


def test_submitting_twice_gives_the_receipt_twice_and_pays_once(alice: Market) -> None:
    signed = alice.sign(gift())
    assert alice.submit(signed) == alice.submit(signed)
    assert nonce(alice) == 1


def test_another_process_finds_what_the_first_one_sent(alice: Market, people: Any) -> None:
    kept = alice.sign(gift()).to_json()
    receipt = alice.submit(SignedCall.from_json(kept))
    again = people.market("Alice").submit(SignedCall.from_json(kept))
    assert again == receipt


def test_what_was_signed_and_never_sent_is_sent_by_the_next_process(
    alice: Market, people: Any
) -> None:
    kept = alice.sign(gift()).to_json()
    people.market("Alice").submit(SignedCall.from_json(kept))
    assert times_in_chain(alice, SignedCall.from_json(kept)) == 1


def test_a_call_that_failed_fails_again_without_another_fee(alice: Market) -> None:
    signed = alice.sign(calls.withdraw_task(TaskId(2**40)))
    for _ in range(2):
        with pytest.raises(call_errors.UnknownTask):
            alice.submit(signed)
    assert nonce(alice) == 1


@pytest.mark.development_only("waits a hundred blocks and more")
def test_what_is_in_an_old_block_is_found_after_its_era(
    dev_chain: DevChain, alice: Market, people: Any
) -> None:
    signed = alice.sign(gift())
    receipt = alice.submit(signed)
    dev_chain.new_block(signed.era_blocks + 5)
    assert people.market("Alice").submit(signed) == receipt


# -- signing anew


def resigned_with(market: Market, signed: SignedCall) -> list[SignedCall]:
    """Submit, and return what was signed instead; each was known before it was in the chain."""
    told: list[SignedCall] = []

    def on_resign(anew: SignedCall) -> None:
        assert times_in_chain(market, anew) == 0
        told.append(anew)

    receipt = market.submit(signed, on_resign)
    assert receipt.extrinsic_hash == (told[-1] if told else signed).hash
    return told


@pytest.mark.parametrize("known_to_be_unsent", [True, False])
def test_a_nonce_that_another_process_used_is_replaced(
    alice: Market, people: Any, known_to_be_unsent: bool
) -> None:
    other = people.market("Alice")
    signed = alice.sign(gift(5))
    other.call(gift(3))
    submitting = alice if known_to_be_unsent else people.market("Alice")

    (anew,) = resigned_with(submitting, signed)

    assert (anew.call, anew.nonce) == (signed.call, 1)
    assert (times_in_chain(alice, signed), times_in_chain(alice, anew)) == (0, 1)
    assert nonce(alice) == 2


@pytest.mark.development_only("waits a hundred blocks and more")
@pytest.mark.parametrize("known_to_be_unsent", [True, False])
def test_a_call_whose_era_is_over_is_signed_anew(
    dev_chain: DevChain, alice: Market, people: Any, known_to_be_unsent: bool
) -> None:
    signed = alice.sign(gift())
    dev_chain.new_block(signed.era_blocks - 1)  # its last block
    submitting = alice if known_to_be_unsent else people.market("Alice")
    (anew,) = resigned_with(submitting, signed)
    assert anew.signed_at_block == signed.last_block
    assert times_in_chain(alice, signed) == 0


@pytest.mark.development_only("waits a hundred blocks and more")
@pytest.mark.parametrize("later", [0, 1, 2, 70])
def test_a_call_of_an_era_long_gone_is_signed_anew(
    dev_chain: DevChain, alice: Market, later: int
) -> None:
    # Its mortality then points to another block, so that the runtime calls its signature bad.
    signed = alice.sign(gift())
    dev_chain.new_block(signed.era_blocks + later)
    (anew,) = resigned_with(alice, signed)
    assert (nonce(alice), times_in_chain(alice, anew)) == (1, 1)


def test_a_call_whose_era_is_over_only_in_blocks_not_final_yet_waits_to_be_signed_anew(
    start_chain: Callable[..., DevChain],
) -> None:
    chain = start_chain(finality_lag=3)
    with Node(chain.url, timeout=20, wait="finality") as node, ThreadPoolExecutor(1) as pool:
        alice = Market(node, well_known(uri_of("Alice"), node))
        signed = alice.sign(gift())
        chain.new_block(signed.era_blocks + 1)  # of which the last block of its era is not final
        assert node.finalised().number < signed.last_block
        waiting = pool.submit(resigned_with, alice, signed)
        with pytest.raises(FutureTimeout):
            waiting.result(0.5)
        assert nonce_at_best(chain) == 0
        chain.new_block(2)
        wait_until(lambda: nonce_at_best(chain) == 1)
        chain.new_block(3)
        (anew,) = waiting.result(20)
        assert (times_in_chain(alice, signed), times_in_chain(alice, anew)) == (0, 1)


def test_an_account_that_cannot_pay_the_fee_is_told_so(dev_chain: DevChain) -> None:
    with Node(dev_chain.url, timeout=60) as node:
        poor = Market(node, Keypair.create_from_uri("//Poor", ss58_format=42))
        with pytest.raises(InsufficientFunds, match="fee"):
            poor.call(gift())
        assert nonce(poor) == 0


def test_a_pool_that_does_not_know_yet_of_an_accounts_money_is_asked_again(
    proxy: Any, dev_chain: DevChain
) -> None:
    proxy.refuse[SUBMIT] = {
        "code": 1010,
        "message": "Invalid",
        "data": "Inability to pay some fees",
    }
    with Node(proxy.url, timeout=1.0) as node:
        alice = Market(node, well_known(uri_of("Alice"), node))
        signed = alice.sign(gift())
        with pytest.raises(TransactionPending):
            alice.submit(signed)
        proxy.refuse.clear()
        node.timeout = 60
        alice.submit(signed)
        assert nonce(alice) == 1


def test_a_call_whose_watch_ends_with_the_connection_is_looked_for(alice: Market) -> None:
    class Lost:
        def next(self, timeout: float) -> str:
            raise ConnectionLost("gone")

    signed = alice.sign(gift())
    waiting = submission.Submission(alice.node, signed, lambda _: signed, fresh=True)
    assert waiting._watch(Lost()) is None
    assert waiting.run().block.number > signed.signed_at_block


@pytest.mark.development_only("waits a hundred blocks and more")
def test_a_call_goes_into_the_last_block_of_its_era(
    dev_chain: DevChain, alice: Market, people: Any
) -> None:
    signed = alice.sign(gift())
    dev_chain.new_block(signed.era_blocks - 2)
    assert resigned_with(people.market("Alice"), signed) == []
    assert dev_chain.best == signed.last_block


def test_a_signature_for_another_runtime_version_is_replaced(
    proxy: Any, dev_chain: DevChain
) -> None:
    with Node(proxy.url, timeout=60) as node:
        alice = Market(node, well_known(uri_of("Alice"), node))
        # As when the runtime is upgraded between signing and sending.
        proxy.tamper["state_getRuntimeVersion"] = lambda said: {**said, "specVersion": 1}
        signed = alice.sign(gift())
        assert signed.spec_version == 1
        del proxy.tamper["state_getRuntimeVersion"]

        (anew,) = resigned_with(alice, signed)

        assert anew.spec_version == node.runtime().version.spec_version > 1
        assert nonce(alice) == 1


def test_a_signature_for_a_runtime_that_this_node_has_yet_to_learn_of_is_kept(proxy: Any) -> None:
    with Node(proxy.url, timeout=60) as node:
        alice = Market(node, well_known(uri_of("Alice"), node))
        proxy.tamper["state_getRuntimeVersion"] = lambda said: {**said, "specVersion": 99}
        signed = alice.sign(gift())
        del proxy.tamper["state_getRuntimeVersion"]

        node.timeout, anew = 2.0, list[SignedCall]()
        with pytest.raises(TransactionPending):
            alice.submit(signed, anew.append)
        # Elsewhere it may be on its way into a block behind the upgrade: two would be too many.
        assert (anew, nonce(alice)) == ([], 0)


def test_a_signature_that_never_fits_is_refused_rather_than_tried_for_ever(
    alice: Market,
) -> None:
    signed = alice.sign(gift())
    broken = SignedCall(
        **{
            **{name: getattr(signed, name) for name in SignedCall.__dataclass_fields__},
            "extrinsic": signed.extrinsic[:-1] + ("0" if signed.extrinsic[-1] != "0" else "1"),
        }
    )
    with pytest.raises(TransactionRefused):
        alice.submit(broken)
    assert nonce(alice) == 0


# -- what a pool gave up


def twin_of(market: Market, signed: SignedCall) -> SignedCall:
    return market.node.sign(signed.call, keypair_of("Alice"), twin=signed)


def test_what_a_pool_threw_out_is_signed_anew_with_the_same_nonce(
    start_chain: Callable[..., DevChain],
) -> None:
    chain = start_chain(block_time="manual")
    with Node(chain.url, timeout=60) as node, ThreadPoolExecutor(1) as pool:
        alice = Market(node, well_known(uri_of("Alice"), node))
        signed = alice.sign(gift())
        chain.call("author_submitExtrinsic", signed.extrinsic)
        chain.call("author_removeExtrinsic", [{"extrinsic": signed.extrinsic}])
        told: list[SignedCall] = []
        waiting = pool.submit(Market(node, alice._signer).submit, signed, told.append)
        wait_until(lambda: len(chain.call("author_pendingExtrinsics")) == 1)
        chain.new_block()
        receipt = waiting.result(20)
        (anew,) = told
        assert (anew.nonce, anew.twins) == (signed.nonce, (signed.hash,))
        assert receipt.extrinsic_hash == anew.hash
        assert (nonce(alice), times_in_chain(alice, signed)) == (1, 0)


def test_a_call_that_waits_in_the_pool_gets_no_twin(start_chain: Callable[..., DevChain]) -> None:
    chain = start_chain(block_time="manual")
    with Node(chain.url, timeout=1.0) as node:
        alice = Market(node, well_known(uri_of("Alice"), node))
        signed = alice.sign(gift())
        chain.call("author_submitExtrinsic", signed.extrinsic)
        told: list[SignedCall] = []
        with pytest.raises(TransactionPending):
            Market(node, alice._signer).submit(signed, told.append)
        assert told == []


@pytest.mark.parametrize("in_between", [0, 3])
def test_a_twin_is_not_sent_when_the_first_came_in_after_all(
    alice: Market, people: Any, before: Planck, dev_chain: DevChain, in_between: int
) -> None:
    signed = alice.sign(gift())
    early = twin_of(alice, signed)  # signed while the first was on its way
    receipt = alice.submit(signed)
    if in_between:
        dev_chain.new_block(in_between)
    late = twin_of(alice, early)  # signed by one who did not look again
    for twin in (early, late):
        assert people.market("Alice").submit(SignedCall.from_json(twin.to_json())) == receipt
    assert (nonce(alice), alice.balance(address_of("Ferdie")).free - before) == (1, 1)


def test_of_twins_sent_together_one_comes_in(alice: Market, people: Any, before: Planck) -> None:
    signed = alice.sign(gift())
    twin = twin_of(alice, signed)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(people.market("Alice").submit, twin)
        alice.node.request("author_submitExtrinsic", signed.extrinsic)
        receipt = first.result(60)
    assert receipt.extrinsic_hash in (signed.hash, twin.hash)
    assert (nonce(alice), alice.balance(address_of("Ferdie")).free - before) == (1, 1)


# -- a node that says something else


@pytest.mark.parametrize(
    "said",
    ["invalid", "dropped", {"usurped": "0x00"}, {"finalityTimeout": "0x00"}, {"finalized": "0x00"}],
    ids=str,
)
def test_a_call_that_is_in_though_the_node_says_otherwise_is_found(
    proxy: Any, dev_chain: DevChain, said: Any
) -> None:
    proxy.tamper["author_extrinsicUpdate"] = lambda _: said
    with Node(proxy.url, timeout=60) as node:
        alice = Market(node, well_known(uri_of("Alice"), node))
        if said == {"finalized": "0x00"}:
            # No hash of a block at all: the node refuses to look for it.
            with pytest.raises(RequestRefused):
                alice.call(gift())
        else:
            alice.call(gift())
        wait_until(lambda: nonce(alice) == 1)


def test_a_block_that_does_not_hold_the_call_is_not_believed(
    proxy: Any, dev_chain: DevChain
) -> None:
    proxy.tamper["author_extrinsicUpdate"] = lambda _: {"inBlock": dev_chain.genesis_hash}
    with Node(proxy.url, timeout=60) as node:
        alice = Market(node, well_known(uri_of("Alice"), node))
        assert alice.call(gift()).block_number > 0


def test_a_node_that_chatters_without_end_does_not_stop_the_clock(alice: Market) -> None:
    class Chatter:
        def next(self, timeout: float) -> str:
            return "broadcast"

    signed = alice.sign(gift())
    waiting = submission.Submission(alice.node, signed, lambda _: signed, fresh=True)
    waiting._end = time.monotonic() + 0.05
    assert waiting._watch(Chatter()) is None


@pytest.mark.parametrize("said", ["ready", {"inBlock": 7}, {"retracted": "0x00"}], ids=str)
def test_a_node_that_never_tells_is_asked(
    proxy: Any, dev_chain: DevChain, monkeypatch: pytest.MonkeyPatch, said: Any
) -> None:
    monkeypatch.setattr(submission, "WATCH_SECONDS", 0.2)
    proxy.tamper["author_extrinsicUpdate"] = lambda _: said
    with Node(proxy.url, timeout=60) as node:
        alice = Market(node, well_known(uri_of("Alice"), node))
        assert alice.call(gift()).block_number > 0
        assert nonce(alice) == 1


@pytest.mark.parametrize(
    ("method", "answers"),
    [
        ("chain_getBlock", [None] * 3),
        ("chain_getBlockHash", [LATEST, None, LATEST, None]),
    ],
)
def test_a_block_that_the_node_does_not_show_is_no_reason_to_sign_again(
    proxy: Any, dev_chain: DevChain, method: str, answers: list[Any]
) -> None:
    with Node(proxy.url, timeout=60) as node:
        alice = Market(node, well_known(uri_of("Alice"), node))
        receipt = alice.submit(signed := alice.sign(gift()))
        left = list(answers)

        def hide(shown: Any) -> Any:
            said = left.pop(0) if left else shown
            return shown if said is LATEST else said

        proxy.tamper[method] = hide
        assert alice.submit(signed) == receipt
        assert left == []
        assert nonce(alice) == 1


@pytest.mark.parametrize(("code", "kind"), [(-32601, RequestRefused), (1010, TransactionRefused)])
def test_a_refusal_for_ever_is_an_error_with_the_nodes_words(
    proxy: Any, dev_chain: DevChain, code: int, kind: type[ChainError]
) -> None:
    proxy.refuse[SUBMIT] = {"code": code, "message": "said", "data": "so"}
    with Node(proxy.url, timeout=60) as node:
        alice = Market(node, well_known(uri_of("Alice"), node))
        with pytest.raises(kind, match=r"said.*so"):
            alice.call(gift())


def test_a_refusal_for_now_is_tried_again_until_the_time_limit(
    proxy: Any, dev_chain: DevChain
) -> None:
    proxy.refuse[SUBMIT] = {"code": 1016, "message": "Immediately Dropped"}
    with Node(proxy.url, timeout=1.0) as node:
        alice = Market(node, well_known(uri_of("Alice"), node))
        signed = alice.sign(gift())
        with pytest.raises(TransactionPending):
            alice.submit(signed)
        assert proxy.asked.count(SUBMIT) > 1
        proxy.refuse.clear()
        node.timeout = 20
        alice.submit(signed)
        assert nonce(alice) == 1


# -- another node meanwhile


UNKNOWN_BLOCK = RequestRefused("state_getStorage", -32000, "Unknown block", None)


@pytest.mark.parametrize("question", ["events", "block"])
def test_a_block_that_only_the_former_node_has_is_asked_about_again(
    alice: Market, people: Any, monkeypatch: pytest.MonkeyPatch, question: str
) -> None:
    receipt = alice.submit(signed := alice.sign(gift()))
    again = people.market("Alice")
    ask, asked = getattr(again.node, question), list[object]()

    def changed_once(*what: Any, **how: Any) -> Any:
        asked.append(what)
        if len(asked) == 1:
            monkeypatch.setattr(again.node, "changes", again.node.changes + 1)
            raise UNKNOWN_BLOCK
        return ask(*what, **how)

    monkeypatch.setattr(again.node, question, changed_once)
    assert again.submit(signed) == receipt
    assert nonce(alice) == 1


@pytest.mark.parametrize("question", ["events", "block"])
def test_a_block_that_this_very_node_denies_is_an_error(
    alice: Market, people: Any, monkeypatch: pytest.MonkeyPatch, question: str
) -> None:
    alice.submit(signed := alice.sign(gift()))
    again = people.market("Alice")

    def denied(*_: Any, **__: Any) -> Any:
        raise UNKNOWN_BLOCK

    monkeypatch.setattr(again.node, question, denied)
    with pytest.raises(RequestRefused, match="Unknown block"):
        again.submit(signed)


def test_a_block_that_came_from_a_node_left_meanwhile_is_looked_for_at_the_next(
    alice: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, counted = list[object](), alice.node.counted

    def left_meanwhile(*what: Any) -> bool:
        told.append(what)
        return len(told) > 1 and bool(counted(*what))

    monkeypatch.setattr(alice.node, "counted", left_meanwhile)
    receipt = alice.call(gift())
    assert alice.node.block_hash(receipt.block_number) == receipt.block_hash
    assert nonce(alice) == 1


# -- waiting


def test_a_call_that_no_block_takes_stays_pending_and_can_be_waited_for_again(
    start_chain: Callable[..., DevChain],
) -> None:
    chain = start_chain(block_time="manual")
    with Node(chain.url, timeout=1.0) as node:
        alice = Market(node, well_known(uri_of("Alice"), node))
        signed = alice.sign(gift())
        with pytest.raises(TransactionPending, match="never pays twice") as pending:
            alice.submit(signed)
        assert pending.value.last_block == signed.last_block
        chain.new_block()
        assert alice.submit(signed).block_number == 1


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        threading.Event().wait(0.01)


def test_away_from_a_development_chain_a_call_counts_when_it_is_final(
    start_chain: Callable[..., DevChain],
) -> None:
    chain = start_chain(finality_lag=3)
    with Node(chain.url, timeout=20, wait="finality") as node, ThreadPoolExecutor(1) as pool:
        alice = Market(node, well_known(uri_of("Alice"), node))
        waiting = pool.submit(alice.call, gift())
        wait_until(lambda: chain.best == 1)
        chain.new_block(2)
        assert node.finalised().number == 0
        assert not waiting.done()
        chain.new_block()
        assert waiting.result(20).block_number == 1
        assert alice.head() == 1


def test_what_another_process_sent_counts_when_it_is_final(
    start_chain: Callable[..., DevChain],
) -> None:
    chain = start_chain(finality_lag=2)
    with (
        Node(chain.url, timeout=60) as fast,
        Node(chain.url, timeout=20, wait="finality") as slow,
        ThreadPoolExecutor(1) as pool,
    ):
        alice = Market(fast, well_known(uri_of("Alice"), fast))
        receipt = alice.submit(signed := alice.sign(gift()))
        waiting = pool.submit(Market(slow, well_known(uri_of("Alice"), slow)).submit, signed)
        chain.new_block()
        with pytest.raises(FutureTimeout):
            waiting.result(0.3)
        chain.new_block()
        assert waiting.result(20) == receipt


def test_a_reorganisation_moves_the_call_and_its_receipt_names_where_it_stayed(
    start_chain: Callable[..., DevChain],
) -> None:
    chain = start_chain(finality_lag=3)
    with Node(chain.url, timeout=20, wait="finality") as node, ThreadPoolExecutor(1) as pool:
        alice = Market(node, well_known(uri_of("Alice"), node))
        signed = alice.sign(gift())
        waiting = pool.submit(alice.submit, signed)
        wait_until(lambda: chain.best == 1)
        undone = node.best().hash
        chain.reorganise(1)
        chain.new_block(4)
        receipt = waiting.result(20)
    assert receipt.block_hash != undone
    with Node(chain.url, timeout=60) as node:
        assert node.block_hash(receipt.block_number) == receipt.block_hash
        assert times_in_chain(Market(node), signed) == 1


# -- two at once

SIGNER = """
import sys
from decentralml.chain import calls
from decentralml.chain.market import Market
from decentralml.chain.node import Node
from tests.chains import keypair_of

url, to, count = sys.argv[1:]
with Node(url, timeout=60) as node:
    market = Market(node, keypair_of("Alice"))
    for _ in range(int(count)):
        market.call(calls.transfer(to, 1))
"""


def test_two_processes_sign_with_one_account_and_every_call_comes_in(
    dev_chain: DevChain, alice: Market, before: Planck
) -> None:
    count = as_many(dev_chain, development=25, network=4)
    to = address_of("Ferdie")
    command = [sys.executable, "-c", SIGNER, dev_chain.url, to, str(count)]
    processes = [subprocess.Popen(command) for _ in range(2)]
    try:
        assert [process.wait(300) for process in processes] == [0, 0]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert nonce(alice) == 2 * count
    assert alice.balance(to).free - before == 2 * count


def test_threads_of_one_market_may_call_at_once(alice: Market, before: Planck) -> None:
    with ThreadPoolExecutor(4) as pool:
        receipts = list(pool.map(lambda _: alice.call(gift()), range(12)))
    assert len({receipt.extrinsic_hash for receipt in receipts}) == 12
    assert alice.balance(address_of("Ferdie")).free - before == 12


def test_closing_the_node_ends_every_wait(start_chain: Callable[..., DevChain]) -> None:
    chain = start_chain(block_time="manual")
    node = Node(chain.url, timeout=60)
    alice = Market(node, well_known(uri_of("Alice"), node))
    signed = alice.sign(gift())
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(alice.submit, signed)
        wait_until(lambda: len(chain.call("author_pendingExtrinsics")) == 1)
        node.close()
        with pytest.raises(ChainError):
            waiting.result(10)
