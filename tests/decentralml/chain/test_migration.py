"""A chain with tasks in it takes the present runtime over from the one before, and goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from decentralml.chain.market import Market
from decentralml.chain.node import Node
from decentralml.chain.records import Accept, Terms
from decentralml.chain.upgrading import Step, Upgrade
from decentralml.types import Cid, Planck, TaskId
from pallets_mock.genesis import from_preset
from pallets_mock.runtime import compressed_blob, manifest
from pallets_mock.testing import DevChain
from tests.decentralml.chain.conftest import TOKEN, People

pytestmark = pytest.mark.development_only("starts a chain of its own from an older runtime")

OLDER = Path(__file__).parents[2] / "network/data/decentralml_runtime.spec2.compact.compressed.wasm"
RESULT = Cid("bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy")
OLD_DEPOSITS = {"TaskDeposit": TOKEN // 10, "AssignmentDeposit": TOKEN // 100}
BYTE = 10 * TOKEN // 10**6


@pytest.fixture
def old_chain() -> Iterator[DevChain]:
    """A development chain that runs spec version 2."""
    with DevChain(genesis=from_preset(OLDER.read_bytes())) as chain:
        yield chain


@pytest.fixture
def council(old_chain: DevChain) -> Iterator[list[Market]]:
    people = People(old_chain.url)
    yield [people.market(name) for name in ("Alice", "Bob", "Charlie")]
    people.close()


def upgrade(council: list[Market]) -> None:
    """Each member does what it can in turn, until the present runtime runs."""
    for _ in range(10):
        steps = [Upgrade(member, compressed_blob()).advance()[0] for member in council]
        if steps[-1] is Step.DONE:
            council[0].node.request("dev_newBlock", 1)  # the first one of the new runtime
            return
    raise AssertionError(f"still {steps}")


def held(market: Market, reason: str) -> int:
    """What is on hold from an account for one of the pallet's reasons."""
    holds = market.node.storage("Balances", "Holds", market.account)
    for hold in holds or []:
        if hold["id"] == {"DecentralML": reason}:
            return int(hold["amount"])
    return 0


def one_of_each(creator: Market, worker: Market, terms: Terms) -> TaskId:
    """A task with an assignment and a result in it."""
    task, _ = creator.create_task(terms)
    worker.accept_task(task)
    worker.send_task_result(task, 1, RESULT)
    return task


def test_the_council_brings_the_present_runtime_and_its_migration_runs(
    council: list[Market], terms: Callable[..., Terms]
) -> None:
    alice, bob, _ = council
    assert alice.node.runtime().version.spec_version == 2
    one_of_each(alice, bob, terms())

    upgrade(council)

    assert alice.node.runtime().version.spec_version == manifest()["spec_version"]
    assert alice.node.storage("DecentralML", "BytePrice") == BYTE


def test_a_client_that_only_looks_notices_at_its_first_look(
    council: list[Market], old_chain: DevChain
) -> None:
    with Node(old_chain.url) as onlooker:
        assert onlooker.runtime().version.spec_version == 2
        upgrade(council)
        onlooker.best()  # what the chain announced before this answer has arrived
        assert onlooker.runtime().version.spec_version == manifest()["spec_version"]


def test_items_keep_their_deposits_and_new_ones_pay_for_their_bytes(
    council: list[Market], terms: Callable[..., Terms]
) -> None:
    alice, bob, _ = council
    one_of_each(alice, bob, terms())
    upgrade(council)

    assert held(alice, "TaskDeposit") == OLD_DEPOSITS["TaskDeposit"]
    assert held(bob, "AssignmentDeposit") == OLD_DEPOSITS["AssignmentDeposit"]
    alice.create_task(terms())
    alice.create_task(terms(title="Digits!"))
    newer = alice.node.storage("DecentralML", "Tasks", 1)["deposit"]
    assert alice.node.storage("DecentralML", "Tasks", 2)["deposit"] == newer + BYTE
    assert held(alice, "TaskDeposit") == OLD_DEPOSITS["TaskDeposit"] + 2 * newer + BYTE


def test_what_was_begun_before_is_paid_and_cleared_after(
    council: list[Market], terms: Callable[..., Terms]
) -> None:
    alice, bob, _ = council
    task = one_of_each(alice, bob, terms(slots=1))
    before = bob.balance()
    upgrade(council)

    alice.validate_task_result(task, 1, bob.account, Accept())

    assert bob.balance().free > before.free
    alice.prune_task(task)
    for market, reason in ((alice, "TaskDeposit"), (bob, "AssignmentDeposit")):
        assert held(market, reason) == Planck(0)
    assert held(alice, "Reward") == held(bob, "ResultDeposit") == 0
