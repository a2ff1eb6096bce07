"""`archive_v1_*`: any block since the first."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from pallets_mock.errors import PalletsMockError, UnknownBlock
from pallets_mock.node import Node
from pallets_mock.rpc.dispatch import Handler, Subscription
from pallets_mock.rpc.hexadecimal import maybe_hex, to_hex
from pallets_mock.rpc.params import U32, Bytes, Hash, Json
from pallets_mock.rpc.storage_items import Query, parse_queries, storage_items
from pallets_mock.rpc.subscriptions import Sink


@dataclass
class ArchiveRpc:
    """Answers null of blocks that do not exist."""

    node: Node

    def methods(self) -> dict[str, Handler | Subscription]:
        """Handlers by wire name."""
        return {
            "archive_v1_genesisHash": lambda: to_hex(self.node.chain.genesis.hash),
            "archive_v1_finalizedHeight": lambda: self.node.chain.head.finalised_number,
            "archive_v1_hashByHeight": self.hash_by_height,
            "archive_v1_header": self.header,
            "archive_v1_body": self.body,
            "archive_v1_call": self.call,
            "archive_v1_storage": Subscription(
                self.storage, "archive_v1_storageEvent", ("archive_v1_stopStorage",)
            ),
        }

    def hash_by_height(self, height: U32) -> list[str]:
        """Hash of the final block of a number, or of all blocks of it above the last final."""
        if height <= self.node.chain.head.finalised_number:
            return [to_hex(self.node.chain.hash_at(height))]
        return [to_hex(hash_) for hash_ in self.node.chain.store.hashes_at(height)]

    def header(self, hash_: Hash) -> str | None:
        """SCALE header of a block."""
        return maybe_hex(self.node.chain.store.header(hash_))

    def body(self, hash_: Hash) -> list[str] | None:
        """Extrinsics of a block."""
        found = self.node.chain.store.block(hash_)
        return None if found is None else [to_hex(one) for one in found.extrinsics]

    def call(self, hash_: Hash, function: str, call_parameters: Bytes) -> dict[str, Any] | None:
        """Output of a runtime function on a block's state."""
        try:
            output = self.node.chain.call(function, call_parameters, hash_).output
        except UnknownBlock:
            return None
        except PalletsMockError as error:
            return {"success": False, "error": str(error)}
        return {"success": True, "value": to_hex(output)}

    def storage(
        self, sink: Sink, hash_: Hash, items: list[Json], child_trie: Bytes | None = None
    ) -> None:
        """Values of a block's state, one event each; of a child trie there are none."""
        queries = [] if child_trie is not None else parse_queries(items)
        asyncio.get_running_loop().call_soon(self._send_items, sink, hash_, queries)

    def _send_items(self, sink: Sink, hash_: bytes, queries: list[Query]) -> None:
        chain = self.node.chain
        try:
            for item in storage_items(chain.view(hash_), chain.trie(hash_), queries):
                sink.send({"event": "storage", **item, "childTrieKey": None})
            sink.send({"event": "storageDone"})
        except PalletsMockError as error:
            sink.send({"event": "storageError", "error": str(error)})
        sink.close()
