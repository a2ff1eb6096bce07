"""Who waits for finality hears of it: when it has stopped, now and then, and when it goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from decentralml.chain import calls
from decentralml.chain.blocks import BlockRef
from decentralml.chain.finality import LOOK_EVERY, SAY_AFTER, SAY_AGAIN, FinalityNews, FinalityWatch
from decentralml.chain.keys import well_known
from decentralml.chain.market import Market
from decentralml.chain.node import Node
from decentralml.types import BlockNumber, Planck
from pallets_mock.testing import DevChain
from tests.chains import address_of, uri_of

TOKEN = 10**12
FINALISED = "chain_getFinalizedHead"


class Chain:
    """What a watch asks a node, with a clock to turn."""

    wait = "finality"

    def __init__(self) -> None:
        self.now, self.asked = 0.0, 0
        self.final, self.head = 10, 12
        self.sought: list[BlockNumber] = []
        self.another_is_further = False
        self.heard: list[FinalityNews] = []
        self.on_waiting: Callable[[FinalityNews], None] | None = self.heard.append
        self.watch = FinalityWatch(self, lambda: self.now)  # type: ignore[arg-type]

    def finalised(self) -> BlockRef:
        self.asked += 1
        return BlockRef(BlockNumber(self.final), "0x")

    def seek_beyond(self, final: BlockNumber) -> bool:
        self.sought.append(final)
        return self.another_is_further

    def best(self) -> BlockRef:
        return BlockRef(BlockNumber(self.head), "0x")

    def passes(self, seconds: float) -> list[FinalityNews]:
        """Somebody waits for so long; what they heard meanwhile."""
        before, end = len(self.heard), self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + 1.0)
            self.watch.look()
        return self.heard[before:]


@pytest.fixture
def chain() -> Chain:
    chain = Chain()
    chain.passes(LOOK_EVERY)  # the first look
    return chain


def test_nothing_is_said_while_blocks_become_final(chain: Chain) -> None:
    for _ in range(10):
        chain.final += 1
        assert chain.passes(SAY_AFTER - 1) == []


def test_a_pause_is_said_once_it_has_lasted(chain: Chain) -> None:
    assert chain.passes(SAY_AFTER - 1) == []
    chain.head = 25
    [news] = chain.passes(LOOK_EVERY)
    assert (news.finalised, news.best, news.goes_on) == (10, 25, False)
    assert str(news) == (
        "waiting for finality: block 10 is the last final one since 20 s, the best is 25"
    )


def test_a_long_pause_is_said_again_now_and_then_and_not_more_often(chain: Chain) -> None:
    assert len(chain.passes(SAY_AFTER + 3 * SAY_AGAIN)) == 4


def test_another_node_is_looked_for_before_a_pause_is_said(chain: Chain) -> None:
    chain.another_is_further = True
    assert chain.passes(SAY_AFTER - 1) == []
    assert chain.sought == []
    assert chain.passes(LOOK_EVERY) == []
    assert chain.sought == [10]

    chain.another_is_further = False
    [news] = chain.passes(LOOK_EVERY)
    assert not news.goes_on


def test_that_it_goes_on_is_said_once(chain: Chain) -> None:
    chain.passes(SAY_AFTER)
    chain.final, chain.head = 30, 31
    [news] = chain.passes(SAY_AFTER - 1)
    assert (news.finalised, news.goes_on) == (30, True)
    assert "finality goes on" in str(news)


def test_the_node_is_asked_no_more_often_than_needed(chain: Chain) -> None:
    before = chain.asked
    chain.passes(10 * LOOK_EVERY)
    assert chain.asked - before == 10


def test_where_inclusion_counts_nobody_is_told_and_nothing_asked(chain: Chain) -> None:
    chain.wait, before = "inclusion", chain.asked
    assert chain.passes(10 * SAY_AFTER) == []
    assert chain.asked == before


def test_that_it_has_stopped_is_known_without_anybody_who_is_told(chain: Chain) -> None:
    chain.on_waiting = None
    chain.passes(SAY_AFTER - 1)
    assert not chain.watch.has_stopped
    chain.passes(LOOK_EVERY)
    assert chain.watch.has_stopped
    chain.final += 1
    chain.passes(LOOK_EVERY)
    assert not chain.watch.has_stopped


@pytest.mark.development_only("holds finality back by a proxy that answers for the node")
def test_a_call_in_a_block_is_waited_for_beyond_the_time_limit_until_it_is_final(
    proxy: Any, dev_chain: DevChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("decentralml.chain.finality.SAY_AFTER", 0.2)
    monkeypatch.setattr("decentralml.chain.finality.LOOK_EVERY", 0.1)
    heard: list[FinalityNews] = []
    told = threading.Event()

    def hear(news: FinalityNews) -> None:
        heard.append(news)
        told.set()

    with Node(proxy.url, timeout=1.0, wait="finality") as node:
        node.on_waiting = hear
        alice = Market(node, well_known(uri_of("Alice"), node))
        signed = alice.sign(calls.transfer(address_of("Bob"), Planck(TOKEN)))
        proxy.refuse["author_submitAndWatchExtrinsic"] = {"code": 1013, "message": "known"}
        genesis = node.genesis
        proxy.tamper[FINALISED] = lambda _: genesis
        dev_chain.call("author_submitExtrinsic", signed.extrinsic)
        receipts: list[int] = []
        waiting = threading.Thread(
            target=lambda: receipts.append(alice.submit(signed).block_number), daemon=True
        )
        waiting.start()
        assert told.wait(20)
        waiting.join(2 * node.timeout)
        assert waiting.is_alive()  # the time limit is over, and nothing was given up
        assert heard[0].finalised == 0 and heard[0].best == 1
        proxy.tamper.clear()
        waiting.join(20)
        assert receipts == [1]


@pytest.mark.development_only("makes no blocks")
def test_a_call_that_no_block_takes_is_not_late_while_finality_has_stopped(
    start_chain: Callable[..., DevChain], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("decentralml.chain.finality.SAY_AFTER", 0.2)
    monkeypatch.setattr("decentralml.chain.finality.LOOK_EVERY", 0.1)
    monkeypatch.setattr("decentralml.chain.submission.WATCH_SECONDS", 0.1)
    chain, told = start_chain(block_time="manual"), threading.Event()
    with Node(chain.url, timeout=3.0, wait="finality") as node:
        alice = Market(node, well_known(uri_of("Alice"), node))
        node.on_waiting = lambda _: told.set()
        signed = alice.sign(calls.transfer(address_of("Bob"), Planck(TOKEN)))
        receipts: list[int] = []
        waiting = threading.Thread(
            target=lambda: receipts.append(alice.submit(signed).block_number), daemon=True
        )
        waiting.start()
        assert told.wait(20)
        waiting.join(1.5 * node.timeout)
        assert waiting.is_alive()
        chain.new_block()
        waiting.join(20)
        assert receipts == [1]
