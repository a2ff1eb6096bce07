"""The node without its server: which transactions a block takes, and what becomes of the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from pallets_mock.block.seal import Authority, is_sealed_by
from pallets_mock.errors import InvalidTransaction, RuntimePanic, UnknownBlock
from pallets_mock.node import History, Node
from pallets_mock.node.assembly import BlockWishes
from pallets_mock.pool.status import InBlock, Invalid, Ready, Status
from pallets_mock.pool.validity import extrinsic_hash
from pallets_mock.store import ChainStore
from pallets_mock.testing import preset
from tests.pallets_mock.offline import UNIT, OfflineChain, OfflineClient, well_known

ALICE, BOB, CHARLIE = (well_known(name) for name in ("Alice", "Bob", "Charlie"))


@pytest.fixture
def node() -> Node:
    return Node(ChainStore(), preset())


@pytest.fixture(scope="module")
def signer() -> OfflineClient:
    return OfflineChain().client


def remark(signer: OfflineClient, nonce: int, size: int = 1) -> bytes:
    return signer.sign(ALICE, "System", "remark", nonce, remark="0x" + "00" * size)


def watch(node: Node, extrinsic: bytes) -> list[Status]:
    told: list[Status] = []
    node.announcer.watchers.add(extrinsic_hash(extrinsic), told.append)
    return told


def test_what_does_not_fit_any_more_is_in_the_next_block(node: Node, signer: OfflineClient):
    large = [remark(signer, nonce, size=900_000) for nonce in range(7)]
    for one in large:
        node.submit(one)

    first, second = node.seal(), node.seal()

    assert 2 <= len(first.extrinsics[1:]) < 7
    assert [*first.extrinsics[1:], *second.extrinsics[1:]] == large
    assert node.pool.ready_count == 0


def test_what_can_no_longer_be_paid_is_thrown_out_with_what_needs_it(
    node: Node, signer: OfflineClient
):
    everything = signer.sign(
        CHARLIE, "Balances", "transfer_all", 0, dest=BOB.ss58_address, keep_alive=False
    )
    poor = [signer.sign(CHARLIE, "System", "remark", nonce, remark="0x00") for nonce in (1, 2)]
    told = [watch(node, one) for one in poor]
    for one in (everything, *poor):
        node.submit(one)

    block = node.seal()

    assert block.extrinsics[1:] == (everything,)
    assert told == [[Ready(), Invalid()], [Ready(), Invalid()]]
    assert node.pool.ready_count == node.pool.future_count == 0


def test_a_transaction_that_arrives_while_a_block_is_built_is_in_it(
    node: Node, signer: OfflineClient
):
    late = remark(signer, 1)
    node.submit(remark(signer, 0))
    sealing = node.sealing(BlockWishes())
    next(sealing)
    node.submit(late)
    with pytest.raises(StopIteration) as end:
        while True:
            next(sealing)
    assert end.value.value.extrinsics[-1] == late


def test_a_block_that_is_given_up_leaves_no_trace(node: Node, signer: OfflineClient):
    node.submit(remark(signer, 0))
    sealing = node.sealing(BlockWishes())
    next(sealing)
    sealing.close()
    assert node.chain.head.best_number == 0
    assert node.pool.ready_count == 1
    assert len(node.seal().extrinsics) == 2


def test_a_block_without_time_takes_one_transaction(node: Node, signer: OfflineClient):
    for nonce in range(3):
        node.submit(remark(signer, nonce))
    assert len(node.seal(BlockWishes(seconds=0)).extrinsics) == 2
    assert node.pool.ready_count == 2


@pytest.mark.parametrize(("nonce", "error"), [(5, InvalidTransaction), (None, RuntimePanic)])
def test_a_wish_that_cannot_be_fulfilled_fails_the_block(
    node: Node, signer: OfflineClient, nonce: int | None, error: type[Exception]
):
    wish = b"\x04\x01" if nonce is None else remark(signer, nonce)
    with pytest.raises(error):
        node.seal(BlockWishes(transactions=[wish]))
    assert node.chain.head.best_number == 0


def test_four_authorities_take_turns(signer: OfflineClient):
    node = Node(ChainStore(), preset("local_testnet"))
    names = ["Alice", "Bob", "Charlie", "Dave"]
    authors = []
    for _ in range(8):
        header = node.seal().header
        authors += [n for n in names if is_sealed_by(header, Authority.development(n).public)]
    assert len(authors) == 8
    assert sorted(authors[:4]) == names
    assert authors[4:] == authors[:4]


def test_a_transaction_that_a_branch_makes_impossible_is_told_so(node: Node, signer: OfflineClient):
    gift = signer.transfer(ALICE, well_known("New"), 5 * UNIT, 0)
    node.submit(gift)
    node.seal()
    spent = signer.transfer(well_known("New"), BOB, UNIT, 0)
    told = watch(node, spent)
    node.submit(spent)
    assert told == [Ready()]

    History(node).reorganise(1, keep=False)

    assert told == [Ready(), Invalid()]


def test_what_is_reorganised_is_included_again_in_its_order(node: Node, signer: OfflineClient):
    remarks = [remark(signer, nonce) for nonce in range(3)]
    told = watch(node, remarks[2])
    for one in remarks:
        node.submit(one)
        node.seal()
    best = History(node).reorganise(3)
    first = node.chain.block(node.chain.hash_at(1))
    assert first.extrinsics[1:] == tuple(remarks)
    assert told[-1].__class__.__name__ in ("Finalized", "InBlock")
    assert node.chain.head.best == best


def test_a_node_on_the_same_store_goes_on(tmp_path: Path, signer: OfflineClient):
    store = ChainStore(tmp_path)
    node = Node(store, preset(), finality_lag=2)
    node.submit(remark(signer, 0))
    hashes = [node.seal().hash for _ in range(4)]
    store.close()

    again = Node(ChainStore(tmp_path), preset(), finality_lag=2)

    assert again.chain.head.best == hashes[-1]
    assert again.chain.head.finalised == hashes[1]
    with pytest.raises(InvalidTransaction, match="outdated"):
        again.submit(remark(signer, 0))
    assert again.seal().header.parent_hash == hashes[-1]
    again.chain.store.close()


def test_a_status_names_the_place_in_the_block(node: Node, signer: OfflineClient):
    first, second = remark(signer, 0), remark(signer, 1)
    told = watch(node, second)
    node.submit(first)
    node.submit(second)
    block = node.seal()
    assert told[1] == InBlock(block.hash, 2)


def test_the_way_between_two_blocks_leads_through_their_ancestor(node: Node):
    old = [node.seal().hash for _ in range(3)]
    History(node).reorganise(2)
    chain = node.chain
    new = [chain.hash_at(number) for number in (2, 3, 4)]
    assert chain.route(old[2], new[2]) == ((old[2], old[1]), tuple(new))
    assert chain.route(new[2], old[0]) == (tuple(new[::-1]), ())
    assert chain.route(old[0], old[0]) == ((), ())
    with pytest.raises(UnknownBlock):
        chain.route(old[0], bytes(32))
