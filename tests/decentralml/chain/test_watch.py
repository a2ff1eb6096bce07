"""Following the market: every block once, whatever breaks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import islice
from typing import Any

import pytest

from decentralml.chain import watch as watch_module
from decentralml.chain.keys import well_known
from decentralml.chain.market import Market
from decentralml.chain.node import Node
from decentralml.chain.records import Terms
from decentralml.chain.watch import BlockEvents
from decentralml.errors import NodeUnreachable
from decentralml.types import BlockNumber
from pallets_mock.testing import DevChain
from tests.chains import uri_of

MakeTerms = Callable[..., Terms]


def names(items: list[BlockEvents]) -> list[tuple[int, list[str]]]:
    return [(number, [event.name for event in happened]) for number, happened in items]


@contextmanager
def following(market: Market, count: int, **options: Any) -> Iterator[Future[list[BlockEvents]]]:
    """Collects `count` items in a thread, from the moment that the block begins."""
    begun = threading.Event()

    def collect() -> list[BlockEvents]:
        def asked() -> bool:
            begun.set()
            return False

        return list(islice(market.events(stop=asked, **options), count))

    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(collect)
        assert begun.wait(20)
        yield result


@pytest.mark.development_only("counts blocks that nobody else fills")
def test_every_block_comes_once_also_empty_ones(
    dev_chain: DevChain, alice: Market, people: Any, terms: MakeTerms
) -> None:
    with following(people.market("Bob"), 4, from_block=BlockNumber(1)) as items:
        alice.create_task(terms())
        dev_chain.new_block(2)
        alice.create_task(terms())
        assert names(items.result(20)) == [
            (1, ["TaskCreated"]), (2, []), (3, []), (4, ["TaskCreated"]),
        ]  # fmt: skip


@pytest.mark.development_only("counts blocks that nobody else fills")
def test_without_a_first_block_only_what_comes_is_told(
    alice: Market, people: Any, terms: MakeTerms
) -> None:
    alice.create_task(terms())
    with following(people.market("Bob"), 1) as items:
        task, _ = alice.create_task(terms())
        ((number, (event,)),) = items.result(20)
    assert (number, event.fields) == (2, {"task": task, "creator": alice.account})


def test_a_restart_goes_on_with_the_block_after_the_last_one_seen(
    dev_chain: DevChain, alice: Market, people: Any
) -> None:
    start = BlockNumber(dev_chain.best + 1)
    dev_chain.new_block(5)
    first = [number for number, _ in islice(alice.events(start), 3)]
    second = [
        number for number, _ in islice(people.market("Bob").events(BlockNumber(first[-1] + 1)), 2)
    ]
    assert first + second == [start + count for count in range(5)]


@pytest.mark.development_only("cuts connections at a chosen request")
@pytest.mark.parametrize("when", ["before", "after"])
def test_lost_connections_make_no_gap_and_nothing_comes_twice(
    dev_chain: DevChain, people: Any, when: str
) -> None:
    watcher = people.market("Bob")
    with following(watcher, 60, from_block=BlockNumber(1)) as items:
        for number in range(60):
            if number % 10 == 3:
                dev_chain.call("dev_dropConnections", "chain_getBlock", when, 2)
            if number % 10 == 7:
                dev_chain.call("dev_dropConnections", "chain_subscribeNewHeads", when, 1)
                dev_chain.call("dev_dropConnections")
            dev_chain.new_block()
        assert [number for number, _ in items.result(60)] == list(range(1, 61))


@pytest.mark.development_only("replaces blocks on demand")
def test_blocks_that_are_replaced_come_again_on_a_development_chain(
    dev_chain: DevChain, alice: Market, terms: MakeTerms
) -> None:
    dev_chain.new_block(2)
    alice.create_task(terms())
    watch = alice.events(BlockNumber(1))
    assert names([next(watch) for _ in range(3)]) == [(1, []), (2, []), (3, ["TaskCreated"])]

    dev_chain.reorganise(1)  # another block 3, and a 4; the task is posted anew in one of them

    again = [next(watch) for _ in range(2)]
    assert [number for number, _ in again] == [3, 4]
    assert sum(len(happened) for _, happened in again) == 1
    watch.close()


@pytest.mark.development_only("replaces blocks on demand")
def test_a_replacement_while_catching_up_is_noticed(dev_chain: DevChain, alice: Market) -> None:
    dev_chain.new_block(6)
    watch = alice.events(BlockNumber(1))
    assert [next(watch)[0] for _ in range(4)] == [1, 2, 3, 4]
    dev_chain.reorganise(4)  # blocks 3 to 6 are others now
    assert [next(watch)[0] for _ in range(5)] == [3, 4, 5, 6, 7]
    watch.close()


@pytest.mark.development_only("replaces blocks on demand")
def test_what_is_final_is_told_once_though_blocks_were_replaced(
    start_chain: Callable[..., DevChain], terms: MakeTerms
) -> None:
    chain = start_chain(finality_lag=2)
    with Node(chain.url, timeout=60) as fast, Node(chain.url, timeout=20, wait="finality") as slow:
        alice = Market(fast, well_known(uri_of("Alice"), fast))
        with following(Market(slow), 3, from_block=BlockNumber(1)) as items:
            alice.create_task(terms())
            chain.reorganise(1)
            chain.reorganise(1)
            chain.new_block(4)
            told = names(items.result(20))
    assert [number for number, _ in told] == [1, 2, 3]
    assert sum(happened.count("TaskCreated") for _, happened in told) == 1


def test_a_node_that_announces_nothing_is_asked(
    proxy: Any, dev_chain: DevChain, people: Any
) -> None:
    for subscribe in ("chain_subscribeNewHeads", "chain_subscribeFinalizedHeads"):
        proxy.refuse[subscribe] = {"code": -32601, "message": "no such method"}
    start = BlockNumber(dev_chain.best + 1)
    with (
        Node(proxy.url, timeout=60) as node,
        following(Market(node), 3, from_block=start) as items,
    ):
        dev_chain.new_block(3)
        assert [number for number, _ in items.result(20)] == [start, start + 1, start + 2]


def test_a_block_that_the_node_does_not_show_yet_is_waited_for(
    proxy: Any, dev_chain: DevChain
) -> None:
    answers = iter([None, None])
    proxy.tamper["chain_getBlock"] = lambda block: next(answers, block)
    start = BlockNumber(dev_chain.best + 1)
    dev_chain.new_block()
    with Node(proxy.url, timeout=60) as node:
        watch = Market(node).events(start)
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(next, watch)
            while not first.done():
                dev_chain.new_block()
                wait([first], timeout=0.05)
            assert first.result()[0] == start


@pytest.mark.development_only("replaces blocks on demand")
def test_only_so_many_blocks_are_remembered(
    dev_chain: DevChain, alice: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_module, "REMEMBERED", 3)
    dev_chain.new_block(8)
    watch = alice.events(BlockNumber(1))
    assert [next(watch)[0] for _ in range(8)] == [1, 2, 3, 4, 5, 6, 7, 8]
    dev_chain.reorganise(5)  # further back than is remembered: what is remembered comes again
    assert [next(watch)[0] for _ in range(4)] == [6, 7, 8, 9]
    watch.close()


@pytest.mark.development_only("counts blocks that nobody else fills")
def test_stop_ends_the_watch_without_a_block(dev_chain: DevChain, alice: Market) -> None:
    asked = iter([False, False, True])
    assert list(alice.events(stop=lambda: next(asked))) == []


def test_stop_is_asked_between_old_blocks_too(dev_chain: DevChain, alice: Market) -> None:
    start = BlockNumber(dev_chain.best + 1)
    dev_chain.new_block(20)
    seen: list[int] = []
    for number, _ in alice.events(start, stop=lambda: len(seen) == 5):
        seen.append(number)
    assert seen == [start + count for count in range(5)]


def test_closing_the_node_ends_the_watch(alice: Market) -> None:
    def wait() -> None:
        list(alice.events())

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait)
        threading.Timer(0.2, alice.node.close).start()
        with pytest.raises(NodeUnreachable):
            waiting.result(10)


def test_waiting_for_an_event_returns_it_with_its_block(
    alice: Market, bob: Market, terms: MakeTerms
) -> None:
    task, receipt = alice.create_task(terms())
    accepted = bob.accept_task(task)
    found = alice.wait_for(
        lambda event: event.name == "TaskAccepted" and event.fields["worker"] == bob.account,
        from_block=receipt.block_number,
    )
    assert found is not None
    assert (found[0], found[1].fields["task"]) == (accepted.block_number, task)


def test_waiting_ends_with_the_block_that_was_named(dev_chain: DevChain, alice: Market) -> None:
    start = dev_chain.best
    dev_chain.new_block(3)
    found = alice.wait_for(
        lambda event: event.fields.get("creator") == alice.account,
        BlockNumber(start + 3),
        from_block=BlockNumber(start + 1),
    )
    assert found is None


# -- what following costs


def through(proxy: Any, count: int) -> list[str]:
    """What is asked of the node for so many blocks from the first, once they are followed."""
    with Node(proxy.url, timeout=60) as node:
        node.runtime()
        before = len(proxy.asked)
        watch = Market(node).events(BlockNumber(1))
        assert [next(watch)[0] for _ in range(count)] == list(range(1, count + 1))
        asked = proxy.asked[before:]
        watch.close()
        return list(asked)


@pytest.mark.development_only("makes blocks on demand")
def test_a_block_that_follows_costs_three_requests(proxy: Any, dev_chain: DevChain) -> None:
    dev_chain.new_block(5)
    asked = through(proxy, 5)
    assert asked.count("chain_getBlockHash") == 5
    assert asked.count("chain_getBlock") == 5
    assert asked.count("state_getStorage") == 5
    # The first block's runtime, and the subscription, which tells the head.
    assert asked.count("state_getRuntimeVersion") == 1
    assert asked.count("chain_subscribeNewHeads") == 1
    assert len(asked) == 17


@pytest.mark.development_only("makes blocks on demand")
def test_after_a_block_that_changes_the_runtime_the_next_ones_is_asked_for(
    proxy: Any, dev_chain: DevChain
) -> None:
    def upgraded(answer: Any) -> Any:
        if int(answer["block"]["header"]["number"], 16) == 3:
            answer["block"]["header"]["digest"]["logs"].append("0x08")
        return answer

    dev_chain.new_block(6)
    proxy.tamper["chain_getBlock"] = upgraded
    # Of the first block, and of the one after the third.
    assert through(proxy, 6).count("state_getRuntimeVersion") == 2


@pytest.mark.development_only("makes blocks on demand")
def test_a_node_that_does_not_say_where_it_is_is_asked(proxy: Any, dev_chain: DevChain) -> None:
    dev_chain.new_block(2)
    proxy.refuse["chain_subscribeNewHeads"] = {"code": -32601, "message": "no such method"}
    assert through(proxy, 2).count("chain_getHeader") >= 1
