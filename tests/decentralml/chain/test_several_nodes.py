"""A client that knows several nodes of a chain: it changes over, and promises no less."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import pytest

from decentralml.chain import calls
from decentralml.chain.addresses import Addresses, NodeChanged, NodeLeftOut
from decentralml.chain.keys import well_known
from decentralml.chain.market import Market
from decentralml.chain.node import Node
from decentralml.errors import NodeUnreachable, WrongRuntime
from decentralml.types import BlockNumber, Planck
from pallets_mock.genesis import from_preset
from pallets_mock.runtime import compressed_blob
from pallets_mock.testing import DevChain
from tests.chains import SharedChain, address_of, uri_of
from tests.decentralml.chain.conftest import Proxy

SUBMIT = "author_submitAndWatchExtrinsic"
FINALISED, HEADER, HASH = "chain_getFinalizedHead", "chain_getHeader", "chain_getBlockHash"
NEXT = "system_accountNextIndex"
LAG = 2

MakeProxies = Callable[..., list[Proxy]]


@pytest.fixture
def proxies() -> Iterator[MakeProxies]:
    """`proxies(chain, 2)`: so many addresses of one chain, each of which a test can take away."""
    made: list[Proxy] = []

    def make(chain: DevChain | SharedChain, count: int = 2) -> list[Proxy]:
        fresh = [Proxy(chain.url) for _ in range(count)]
        made.extend(fresh)
        return fresh

    yield make
    for proxy in made:
        proxy.stop()


@pytest.fixture
def slow_chain(start_chain: Callable[..., DevChain]) -> DevChain:
    """Blocks are final when two others follow; there are ten."""
    chain = start_chain(finality_lag=LAG)
    chain.new_block(10)
    return chain


class Ears(list[NodeChanged | NodeLeftOut]):
    """What was said of nodes."""

    @property
    def changes(self) -> list[tuple[str, str]]:
        return [(news.before, news.now) for news in self if isinstance(news, NodeChanged)]

    @property
    def left_out(self) -> list[str]:
        return [news.url for news in self if isinstance(news, NodeLeftOut)]


def client(*nodes: Proxy | str, **options: Any) -> tuple[Node, Ears]:
    ears = Ears()
    urls = [node if isinstance(node, str) else node.url for node in nodes]
    return Node(urls, **{"timeout": 20.0, **options}, on_node=ears.append), ears


def alice_at(node: Node) -> Market:
    return Market(node, well_known(uri_of("Alice"), node))


def nonce(market: Market) -> int:
    return int(market.node.storage("System", "Account", market.account)["nonce"])


def header_at(number: int) -> Callable[[Any], Any]:
    return lambda header: {**header, "number": hex(number)}


# -- which one


def test_the_first_that_answers_is_taken_and_that_the_first_named_does_not_is_said(
    dev_chain: Any, proxies: MakeProxies
) -> None:
    gone, here, spare = proxies(dev_chain, 3)
    gone.stop()
    node, ears = client(gone, here, spare)
    with node:
        assert node.url == here.url
        assert ears.changes == [(gone.url, here.url)]
        assert "refused" in str(ears[0])
        assert spare.asked == []


def test_one_that_takes_connections_and_never_answers_is_passed_over_in_time(
    dev_chain: Any,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        began = time.monotonic()
        node, _ = client(f"ws://127.0.0.1:{mute.getsockname()[1]}", dev_chain.url, timeout=8.0)
        with node:
            assert node.url == dev_chain.url
        assert time.monotonic() - began < 8.0


def test_nobody_there_names_all_that_were_tried(dev_chain: Any, proxies: MakeProxies) -> None:
    one, other = proxies(dev_chain)
    one.stop()
    other.stop()
    with pytest.raises(NodeUnreachable) as nobody:
        client(one, other)
    assert one.url in str(nobody.value) and other.url in str(nobody.value)


def test_without_an_address_there_is_no_client() -> None:
    with pytest.raises(ValueError, match="address"):
        Addresses([], 1.0)


def test_an_address_named_twice_counts_once() -> None:
    assert Addresses(["ws://a", "ws://b", "ws://a"], 1.0).all == ("ws://a", "ws://b")


def test_one_that_still_synchronises_is_taken_only_when_there_is_no_other(
    dev_chain: Any, proxies: MakeProxies
) -> None:
    syncing, ready = proxies(dev_chain)
    syncing.tamper["system_health"] = lambda health: {**health, "isSyncing": True}
    node, _ = client(syncing, ready)
    with node:
        assert node.url == ready.url
        ready.stop()
        assert node.block_hash(0) == node.genesis
        assert node.url == syncing.url


def test_one_that_does_not_tell_its_health_is_taken(dev_chain: Any, proxies: MakeProxies) -> None:
    shy, other = proxies(dev_chain)
    shy.refuse["system_health"] = {"code": -32601, "message": "Method not found"}
    node, ears = client(shy, other)
    with node:
        assert (node.url, ears) == (shy.url, [])


# -- changing over


def test_a_lost_node_is_replaced_by_the_next_and_that_is_said_once(
    dev_chain: Any, proxies: MakeProxies
) -> None:
    one, other = proxies(dev_chain)
    node, ears = client(one, other)
    with node:
        market = alice_at(node)
        before = market.balance().free
        one.stop()
        assert [market.balance().free for _ in range(3)] == [before] * 3
        assert (node.url, ears.changes) == (other.url, [(one.url, other.url)])
        assert str(ears[0]).startswith(f"going on with the node at {other.url}: {one.url} is lost")


def test_a_dropped_connection_is_made_anew_to_the_same_node(
    dev_chain: Any, proxies: MakeProxies
) -> None:
    one, other = proxies(dev_chain)
    node, ears = client(one, other)
    with node:
        node.connected().close()
        assert node.block_hash(0) == node.genesis
        assert (node.url, ears, other.asked) == (one.url, [], [])


def test_a_node_that_falls_silent_is_replaced_within_the_time_limit(
    dev_chain: Any, proxies: MakeProxies
) -> None:
    one, other = proxies(dev_chain)
    node, _ = client(one, other, timeout=4.0)
    with node:
        one.silent.set()
        began = time.monotonic()
        assert node.block_hash(0) == node.genesis
        assert time.monotonic() - began < 4.0
        assert node.url == other.url


def test_a_read_costs_one_request_however_many_nodes_are_known(
    dev_chain: Any, proxies: MakeProxies
) -> None:
    one, other = proxies(dev_chain)
    node, _ = client(one, other)
    with node:
        market = alice_at(node)
        market.balance()
        before = len(one.asked)
        market.balance()
        assert one.asked[before:] == ["state_getStorage"]
        assert other.asked == []


def test_threads_that_lose_their_node_together_change_once(
    dev_chain: Any, proxies: MakeProxies
) -> None:
    one, other = proxies(dev_chain)
    node, ears = client(one, other)
    with node, ThreadPoolExecutor(8) as pool:
        one.stop()
        assert set(pool.map(lambda _: node.block_hash(0), range(16))) == {node.genesis}
        assert len(ears.changes) == 1


# -- who is not taken


@pytest.mark.development_only("starts another chain")
def test_a_node_of_another_chain_is_left_out_by_name_and_the_next_is_taken(
    dev_chain: DevChain, proxies: MakeProxies, start_chain: Callable[..., DevChain]
) -> None:
    foreign = start_chain(genesis=from_preset(compressed_blob(), "local_testnet"))
    one, other = proxies(dev_chain)
    node, ears = client(one, foreign.url, other)
    with node:
        one.stop()
        assert node.block_hash(0) == node.genesis
        assert (node.url, ears.left_out) == (other.url, [foreign.url])
        assert node.genesis in str(ears[0])

        other.stop()
        one.start_again()
        assert node.block_hash(0) == node.genesis
        assert ears.left_out == [foreign.url]  # said once, not at each change


def test_where_all_are_of_another_chain_now_the_client_ends_at_once(
    dev_chain: Any, proxies: MakeProxies
) -> None:
    one, other = proxies(dev_chain)
    node, _ = client(one, other)
    with node:
        for proxy in (one, other):
            proxy.tamper[HASH] = lambda _: "0x" + "ab" * 32
        node.connected().close()
        with pytest.raises(WrongRuntime, match="genesis"):
            node.best()


@pytest.mark.development_only("counts blocks that nobody else makes")
@pytest.mark.parametrize("behind", [0, 1])
def test_a_node_that_lags_behind_what_was_final_is_waited_for(
    slow_chain: DevChain, proxies: MakeProxies, behind: int
) -> None:
    one, other = proxies(slow_chain)
    node, _ = client(one, other, wait="finality", timeout=2.0)
    with node:
        seen = node.finalised().number
        lagging = node.block_hash(seen - behind)
        other.tamper[FINALISED] = lambda _: lagging
        one.stop()
        if behind:
            with pytest.raises(NodeUnreachable, match=f"counts is {seen - 1}, not yet {seen}"):
                node.finalised()
            other.tamper.clear()
        assert node.finalised().number >= seen
        assert node.url == other.url


@pytest.mark.development_only("counts blocks that nobody else makes")
def test_instead_of_one_that_lags_another_is_taken(
    slow_chain: DevChain, proxies: MakeProxies
) -> None:
    one, lagging, level = proxies(slow_chain, 3)
    node, _ = client(one, lagging, level, wait="finality")
    with node:
        seen, genesis = node.finalised(), node.genesis
        lagging.tamper[FINALISED] = lambda _: genesis
        one.stop()
        assert node.finalised() == seen
        assert node.url == level.url


@pytest.mark.development_only("counts blocks that nobody else makes")
def test_a_node_with_another_final_block_is_of_another_chain(
    slow_chain: DevChain, proxies: MakeProxies
) -> None:
    one, split, other = proxies(slow_chain, 3)
    node, ears = client(one, split, other, wait="finality")
    with node:
        seen, genesis = node.finalised(), node.genesis
        split.tamper[HASH] = lambda found: "0x" + "ab" * 32 if found == seen.hash else found
        one.stop()
        assert node.block_hash(0) == genesis
        assert (node.url, ears.left_out) == (other.url, [split.url])
        assert f"another block {seen.number}" in str(ears[0])


@pytest.mark.development_only("counts blocks that nobody else makes")
def test_where_inclusion_counts_a_node_that_lags_is_waited_for_too(
    dev_chain: DevChain, proxies: MakeProxies
) -> None:
    one, other = proxies(dev_chain)
    dev_chain.new_block(5)
    node, _ = client(one, other, timeout=2.0)
    with node:
        assert node.height() == 5
        other.tamper[HEADER] = header_at(4)
        one.stop()
        with pytest.raises(NodeUnreachable, match="counts is 4, not yet 5"):
            node.height()
        other.tamper.clear()
        assert node.height() == 5


@pytest.mark.development_only("holds finality back at one of two addresses")
def test_a_node_on_which_nothing_becomes_final_is_left_for_one_that_goes_on(
    slow_chain: DevChain, proxies: MakeProxies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("decentralml.chain.finality.SAY_AFTER", 0.2)
    monkeypatch.setattr("decentralml.chain.finality.LOOK_EVERY", 0.1)
    stuck, other = proxies(slow_chain)
    node, ears = client(stuck, other, wait="finality")
    with node:
        alice = alice_at(node)
        frozen = node.finalised()
        stuck.tamper[FINALISED] = lambda _: frozen.hash
        signed = alice.sign(calls.transfer(address_of("Bob"), Planck(1)))
        slow_chain.call("author_submitExtrinsic", signed.extrinsic)
        slow_chain.new_block(LAG + 1)
        stuck.refuse[SUBMIT] = {"code": 1013, "message": "known"}
        receipt = alice.submit(signed)
        assert receipt.block_number > frozen.number
        assert ears.changes == [(stuck.url, other.url)]
        assert f"no final block after {frozen.number}" in str(ears[0])


# -- nothing is promised less


@pytest.mark.development_only("counts blocks that nobody else makes")
@pytest.mark.parametrize("wait", ["inclusion", "finality"])
def test_changes_of_node_make_no_gap_and_nothing_comes_twice(
    slow_chain: DevChain, proxies: MakeProxies, wait: Any
) -> None:
    one, other = proxies(slow_chain)
    node, ears = client(one, other, wait=wait)
    seen: list[int] = []
    reached = threading.Condition()

    def follow() -> None:
        for number, _ in islice(Market(node).events(BlockNumber(1)), 50):
            with reached:
                seen.append(number)
                reached.notify_all()

    def until_all_that_counts_is_seen() -> None:
        counts = slow_chain.best - (LAG if wait == "finality" else 0)
        with reached:
            assert reached.wait_for(lambda: len(seen) >= counts, 20)

    with node, ThreadPoolExecutor(1) as pool:
        following = pool.submit(follow)
        here, away = one, other
        for _ in range(4):
            slow_chain.new_block(8)
            until_all_that_counts_is_seen()
            here.stop()
            slow_chain.new_block(1)
            until_all_that_counts_is_seen()
            here.start_again()
            here, away = away, here
        slow_chain.new_block(8)
        following.result(20)
    assert seen == list(range(1, 51))
    assert ears.changes == 2 * [(one.url, other.url), (other.url, one.url)]


@pytest.mark.development_only("holds one of two addresses back")
def test_a_follower_hears_no_block_again_from_a_node_that_lags(
    dev_chain: DevChain, proxies: MakeProxies
) -> None:
    from collections import OrderedDict

    from decentralml.chain.watch import _fork

    (one,) = proxies(dev_chain, 1)
    dev_chain.new_block(5)
    node, _ = client(one)
    with node:
        seen = OrderedDict((n, str(node.block_hash(n))) for n in range(2, 6))
        fifth = seen[5]
        one.tamper[HASH] = lambda found: None if found == fifth else found
        assert _fork(node, seen, 6, top=4) == 6  # it has 4, and the same: 5 will come
        assert _fork(node, seen, 6, top=1) == 6  # below all that were seen
        seen[4] = "0x" + "ab" * 32
        assert _fork(node, seen, 6, top=4) == 4  # there is another 4, so there will be another 5


@pytest.mark.development_only("takes a node away at a chosen request")
@pytest.mark.parametrize("wait", ["inclusion", "finality"])
@pytest.mark.parametrize("method", [SUBMIT, HASH, "chain_getBlock", HEADER, NEXT])
def test_a_node_that_dies_in_any_step_of_a_call_lets_it_come_in_once(
    start_chain: Callable[..., DevChain], proxies: MakeProxies, wait: Any, method: str
) -> None:
    chain = start_chain(block_time=0.2) if wait == "finality" else start_chain()
    one, other = proxies(chain)
    node, ears = client(one, other, wait=wait)
    dying = threading.Event()

    def die(result: Any) -> Any:
        if not dying.is_set():
            dying.set()
            threading.Thread(target=one.stop).start()
        return result

    with node:
        alice, bob = alice_at(node), address_of("Bob")
        before, first = alice.balance(bob).free, nonce(alice)
        one.tamper[method] = die
        for amount in (1, 2, 3):
            alice.transfer(bob, Planck(amount))
        if not dying.is_set():  # a step that this way of counting never takes
            one.stop()
            alice.transfer(bob, Planck(4))
            assert alice.balance(bob).free - before == 10
            assert nonce(alice) - first == 4
        else:
            assert alice.balance(bob).free - before == 6
            assert nonce(alice) - first == 3
        assert ears.changes == [(one.url, other.url)]


@pytest.mark.development_only("makes blocks by hand")
def test_two_calls_that_two_pools_gave_one_nonce_come_in_once_each(
    start_chain: Callable[..., DevChain], proxies: MakeProxies
) -> None:
    chain = start_chain(block_time="manual")
    one, other = proxies(chain)
    node, _ = client(one, other)
    with node, ThreadPoolExecutor(2) as pool:
        alice, bob = alice_at(node), address_of("Bob")
        before = alice.balance(bob).free
        first = alice.sign(calls.transfer(bob, Planck(1)))
        other.tamper[NEXT] = lambda _: first.nonce  # its pool never heard of the first call
        sending = pool.submit(alice.submit, first)
        _until(lambda: len(chain.call("author_pendingExtrinsics")) == 1)
        one.stop()
        second = alice.sign(calls.transfer(bob, Planck(10)))
        assert (node.url, second.nonce) == (other.url, first.nonce)

        anew: list[Any] = []
        again = pool.submit(alice.submit, second, anew.append)
        _until(lambda: anew)
        other.tamper.clear()
        while not (sending.done() and again.done()):
            chain.new_block()
        assert sending.result().extrinsic_hash == first.hash
        assert again.result().extrinsic_hash == anew[-1].hash
        assert alice.balance(bob).free - before == 11
        assert nonce(alice) == 2


def _until(met: Callable[[], Any], seconds: float = 20.0) -> None:
    end, pause = time.monotonic() + seconds, threading.Event()
    while not met():
        assert time.monotonic() < end
        pause.wait(0.02)
