"""Tells listeners of blocks, and watchers how their transactions fare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pallets_mock.node.events import FinalityChanged, Listener, NodeEvent
from pallets_mock.pool.status import Finalized, InBlock, Retracted, Watchers


class Announcer:
    """Knows which transactions the blocks that are not final yet hold, and where."""

    def __init__(self) -> None:
        self.listeners: set[Listener] = set()
        self.watchers = Watchers()
        self._places: dict[bytes, dict[bytes, int]] = {}

    def remember(self, block: bytes, places: Mapping[bytes, int]) -> None:
        """A block holds these transactions (hash → place among its extrinsics)."""
        self._places[block] = dict(places)

    def tell(self, event: NodeEvent) -> None:
        """Something happened to the chain."""
        for listener in list(self.listeners):
            listener(event)

    def on_chain(self, blocks: Iterable[bytes]) -> None:
        """Blocks are on the best chain."""
        for block in blocks:
            for hash_, place in self._places.get(block, {}).items():
                self.watchers.tell(hash_, InBlock(block, place))

    def off_chain(self, blocks: Iterable[bytes]) -> None:
        """Blocks are not on the best chain any more."""
        for block in blocks:
            for hash_ in self._places.pop(block, {}):
                self.watchers.tell(hash_, Retracted(block))

    def final(self, blocks: tuple[bytes, ...]) -> None:
        """Blocks became final, lowest first."""
        if not blocks:
            return
        self.tell(FinalityChanged(blocks))
        for block in blocks:
            for hash_, place in self._places.pop(block, {}).items():
                self.watchers.tell(hash_, Finalized(block, place))
