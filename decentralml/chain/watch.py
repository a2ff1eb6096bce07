"""The market's events, block by block: none left out, none twice, across lost connections.

Follows the blocks that count (see `Node.wait`): finalised ones never change; on a development
chain, which counts a block at once, a reorganisation makes the replaced blocks come again.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from decentralml.chain.blocks import number_of
from decentralml.chain.calls import PALLET
from decentralml.chain.connection import AnswerError, ConnectionLost, Subscription
from decentralml.chain.records import Event
from decentralml.chain.scale import event_of
from decentralml.errors import RequestRefused
from decentralml.types import BlockNumber

if TYPE_CHECKING:
    from decentralml.chain.blocks import Block
    from decentralml.chain.node import Node

BlockEvents = tuple[BlockNumber, tuple[Event, ...]]

REMEMBERED = 256  # blocks back that a reorganisation is recognised
ASK_AGAIN = 1.0  # seconds after which `stop` is asked
LOOK_AGAIN = 30.0  # seconds after which the head is read even if the node announced none


class Heads:
    """Wakes whoever waits for a block; begins anew on a new connection.

    Attributes:
        announced: header of the newest block that counts, as the last `wait` heard of it; None
            when it heard of none.
    """

    announced: Any = None

    def __init__(self, node: Node) -> None:
        self._node = node
        kind = "NewHeads" if node.wait == "inclusion" else "FinalizedHeads"
        self._methods = (f"chain_subscribe{kind}", f"chain_unsubscribe{kind}")
        self._feed: Subscription | None = None
        self._changes = 0  # of nodes, when the feed began

    def wait(self, timeout: float) -> bool:
        """Whether there may be a new head: one was announced, or the connection is a new one.

        Raises:
            NodeUnreachable: no node answers within its time limit.
        """
        self.announced = None
        try:
            if self._feed is None:
                begin, end = self._methods
                self._changes = self._node.changes
                self._feed = self._node.connected().subscribe(begin, [], end)
                # A node tells a new subscriber at once where the chain is.
                self._hear(timeout)
                return True
            self._hear(timeout)
            return self.announced is not None
        except ConnectionLost:
            self.close()
            self._feed, self.announced = None, None
            self._node.connected()
            return True
        except AnswerError:
            self._node.pause(min(timeout, 0.5))
            return True

    def _hear(self, timeout: float) -> None:
        feed = self._feed
        if feed is not None:
            said = feed.next(timeout)
            while said is not None:  # only the last one counts
                self.announced, said = said, feed.next(0)
            if self.announced is None:
                self._node.finality.look()
            elif not self._node.counted(number_of(self.announced), None, self._changes):
                raise ConnectionLost("another node was turned to, which may not be as far")

    def close(self) -> None:
        """End the subscription."""
        if self._feed is not None:
            self._feed.close()


def follow(
    node: Node, from_block: BlockNumber | None, stop: Callable[[], bool] | None
) -> Iterator[BlockEvents]:
    """Every block from `from_block` on, with the market's events in it (often none).

    Waits for blocks that do not exist yet; ends when `stop`, asked at least once a second, says
    so, or when the iterator is closed.

    Args:
        from_block: the first block wanted; without one, the next after the head.
    Raises:
        NodeUnreachable: no node answers within its time limit.
        WrongRuntime: the chain was upgraded to something that this package does not fit.
    """
    heads = Heads(node)
    following = node.settled().number + 1 if from_block is None else int(from_block)
    seen: OrderedDict[int, str] = OrderedDict()
    looked = 0.0
    try:
        while stop is None or not stop():
            if not heads.wait(ASK_AGAIN) and time.monotonic() - looked < LOOK_AGAIN:
                continue
            looked = time.monotonic()
            if heads.announced is None:
                top = node.height()
                following = _fork(node, seen, following, top)
            else:
                top = number_of(heads.announced)
                # A fork below a higher head shows in the parent of the next block.
                following = _fork(node, seen, following, top) if top < following else following
            while following <= top and (stop is None or not stop()):
                block = _block_at(node, following)
                if block is None:
                    break  # undone meanwhile; the next head tells
                if block.parent != seen.get(following - 1, block.parent):
                    following = _fork(node, seen, following, top)
                    continue
                changes = node.changes
                try:
                    happened = node.events(block, node.runtime_of(block), pallet=PALLET)
                except RequestRefused:
                    if changes == node.changes:
                        raise
                    break  # another node answered, which does not have the block
                yield block.number, tuple(event_of(e.name, e.fields or {}) for e in happened)
                seen[following] = block.hash
                while len(seen) > REMEMBERED:
                    seen.popitem(last=False)
                following += 1
    finally:
        heads.close()


def _block_at(node: Node, number: int) -> Block | None:
    block_hash = node.block_hash(number)
    return None if block_hash is None else node.block(block_hash)


def _fork(node: Node, seen: OrderedDict[int, str], following: int, top: int) -> int:
    """The first block to read: `following`, or the first of those seen that was replaced.

    Blocks above the head `top` are not replaced yet: a node that lags does not have them either.
    """
    if seen and next(reversed(seen)) > top:
        known = seen.get(top)
        if known is None or node.block_hash(top) == known:
            return following
    while seen:
        last = next(reversed(seen))
        if node.block_hash(last) == seen[last]:
            break
        seen.popitem()
        following = last
    return following
