"""`chain_*`: headers, blocks, hashes, and subscriptions to heads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pallets_mock.block.header import Header
from pallets_mock.node import Node
from pallets_mock.node.events import BestChanged, BlockImported, FinalityChanged, NodeEvent
from pallets_mock.rpc.dispatch import Handler, Subscription
from pallets_mock.rpc.hexadecimal import maybe_hex, to_hex
from pallets_mock.rpc.params import Hash, Number
from pallets_mock.rpc.subscriptions import Sink


@dataclass
class ChainRpc:
    """Reads blocks; of what is not there it says null, as a node does."""

    node: Node

    def methods(self) -> dict[str, Handler | Subscription]:
        """Handlers by wire name."""
        new_heads = Subscription(
            self.subscribe_new_heads,
            "chain_newHead",
            ("chain_unsubscribeNewHeads", "chain_unsubscribeNewHead", "unsubscribe_newHead"),
        )
        finalised = Subscription(
            self.subscribe_finalised_heads,
            "chain_finalizedHead",
            ("chain_unsubscribeFinalizedHeads", "chain_unsubscribeFinalisedHeads"),
        )
        return {
            "chain_getHeader": self.header,
            "chain_getBlock": self.block,
            "chain_getBlockHash": self.block_hash,
            "chain_getHead": self.block_hash,
            "chain_getFinalizedHead": self.finalised_head,
            "chain_getFinalisedHead": self.finalised_head,
            "chain_subscribeAllHeads": Subscription(
                self.subscribe_all_heads, "chain_allHead", ("chain_unsubscribeAllHeads",)
            ),
            "chain_subscribeNewHeads": new_heads,
            "chain_subscribeNewHead": new_heads,
            "subscribe_newHead": new_heads,
            "chain_subscribeFinalizedHeads": finalised,
            "chain_subscribeFinalisedHeads": finalised,
        }

    def header(self, hash_: Hash | None = None) -> dict[str, Any] | None:
        """Header of a block, the best one by default."""
        encoded = self.node.chain.store.header(hash_ or self.node.chain.head.best)
        return None if encoded is None else Header.decode(encoded).to_json()

    def block(self, hash_: Hash | None = None) -> dict[str, Any] | None:
        """A block with its extrinsics, the best one by default."""
        found = self.node.chain.store.block(hash_ or self.node.chain.head.best)
        if found is None:
            return None
        block = {
            "header": Header.decode(found.header).to_json(),
            "extrinsics": [to_hex(extrinsic) for extrinsic in found.extrinsics],
        }
        return {"block": block, "justifications": None}

    def block_hash(
        self, hash_: Number | list[Number] | None = None
    ) -> str | list[str | None] | None:
        """Hash of the chain's block of a number (or of each of a list), the best by default."""
        if hash_ is None:
            return to_hex(self.node.chain.head.best)
        if isinstance(hash_, list):
            return [maybe_hex(self.node.chain.store.hash_at(number)) for number in hash_]
        return maybe_hex(self.node.chain.store.hash_at(hash_))

    def finalised_head(self) -> str:
        """Hash of the newest block that cannot be undone."""
        return to_hex(self.node.chain.head.finalised)

    def subscribe_all_heads(self, sink: Sink) -> None:
        """The best header now, then that of every block that is imported."""
        sink.send(self.node.chain.header.to_json())

        def on_event(event: NodeEvent) -> None:
            if isinstance(event, BlockImported):
                sink.send(event.header.to_json())

        listen(self.node, sink, on_event)

    def subscribe_new_heads(self, sink: Sink) -> None:
        """The best header now, then whenever another one is the best."""
        sink.send(self.node.chain.header.to_json())

        def on_event(event: NodeEvent) -> None:
            if isinstance(event, BestChanged):
                sink.send(event.header.to_json())

        listen(self.node, sink, on_event)

    def subscribe_finalised_heads(self, sink: Sink) -> None:
        """The last final header now, then each that becomes final."""
        sink.send(self.node.chain.header_of(self.node.chain.head.finalised).to_json())

        def on_event(event: NodeEvent) -> None:
            if isinstance(event, FinalityChanged):
                for hash_ in event.hashes:
                    sink.send(self.node.chain.header_of(hash_).to_json())

        listen(self.node, sink, on_event)


def listen(node: Node, sink: Sink, on_event: Callable[[NodeEvent], None]) -> None:
    """Hear the node's events until the subscription ends."""
    node.announcer.listeners.add(on_event)
    sink.on_close(lambda: node.announcer.listeners.discard(on_event))
