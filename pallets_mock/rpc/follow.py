"""One client's following of the chain's head: what it was told, and what it may ask about."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

from pallets_mock.errors import PalletsMockError
from pallets_mock.executor.version import RuntimeVersion
from pallets_mock.node import Node
from pallets_mock.node.chain import CODE
from pallets_mock.node.events import BestChanged, BlockImported, FinalityChanged, NodeEvent
from pallets_mock.rpc.chain import listen
from pallets_mock.rpc.hexadecimal import to_hex
from pallets_mock.rpc.subscriptions import Sink

FINAL_AT_START = 16
"""So many of the last final blocks are told, and pinned, at the start."""
MOST_PINNED = 4096
MOST_OPERATIONS = 16
ITEMS_PER_EVENT = 200


class Follow:
    """Tells a client of blocks, best first to final, until the chain does what it could not
    follow (a revert, a branch from below a final block) or the client pins too much.

    A block that was told is pinned: it can be asked about until the client unpins it.
    """

    def __init__(self, node: Node, sink: Sink, *, with_runtime: bool) -> None:
        self._node, self._sink, self._with_runtime = node, sink, with_runtime
        self.pinned: set[bytes] = set()
        self._parents: dict[bytes, bytes] = {}  # of blocks that were told and are not final
        self._final = node.chain.head.finalised
        self._numbers = count()
        self._operations: dict[str, asyncio.Handle] = {}
        self.stopped = False
        self._begin()
        listen(node, sink, self._on_event)

    def _begin(self) -> None:
        head = self._node.chain.head
        lowest = max(0, head.finalised_number - FINAL_AT_START + 1)
        finals = self._node.chain.ancestry(head.finalised, lowest)[::-1]
        self.pinned.update(finals)
        first: dict[str, Any] = {"finalizedBlockHashes": [to_hex(hash_) for hash_ in finals]}
        if self._with_runtime:
            first["finalizedBlockRuntime"] = self._runtime_of(head.finalised)
        self._tell("initialized", **first)
        _, above = self._node.chain.route(head.finalised, head.best)
        for hash_ in above:
            parent = self._node.chain.header_of(hash_).parent_hash
            self._tell_block(hash_, parent, upgrade=self._code(hash_) != self._code(parent))
        self._tell("bestBlockChanged", bestBlockHash=to_hex(head.best))

    # What is told

    def _tell(self, event: str, **members: Any) -> None:
        self._sink.send({"event": event, **members})

    def stop(self) -> None:
        """Tell the client to begin anew."""
        if not self.stopped:
            self.stopped = True
            self._tell("stop")
            self._cancel_all()
            self.pinned.clear()
            self._sink.close()

    def _on_event(self, event: NodeEvent) -> None:
        match event:
            case BlockImported():
                parent = event.header.parent_hash
                if parent != self._final and parent not in self._parents:
                    self.stop()
                else:
                    self._tell_block(event.hash, parent, upgrade=CODE in event.diff)
            case BestChanged():
                if event.hash != self._final and event.hash not in self._parents:
                    self.stop()
                else:
                    self._tell("bestBlockChanged", bestBlockHash=to_hex(event.hash))
            case FinalityChanged():
                self._on_final(event.hashes)

    def _tell_block(self, hash_: bytes, parent: bytes, *, upgrade: bool) -> None:
        if len(self.pinned) >= MOST_PINNED:
            self.stop()
            return
        self.pinned.add(hash_)
        self._parents[hash_] = parent
        members: dict[str, Any] = {
            "blockHash": to_hex(hash_),
            "parentBlockHash": to_hex(parent),
            "newRuntime": None,
        }
        if self._with_runtime and upgrade:
            members["newRuntime"] = self._runtime_of(hash_)
        self._tell("newBlock", **members)

    def _on_final(self, hashes: tuple[bytes, ...]) -> None:
        if self._parents.get(hashes[0]) != self._final:
            self.stop()
            return
        self._final = hashes[-1]
        for hash_ in hashes:
            del self._parents[hash_]
        alive = {self._final}
        for hash_, parent in self._parents.items():  # parents were told first
            if parent in alive:
                alive.add(hash_)
        pruned = [hash_ for hash_ in self._parents if hash_ not in alive]
        for hash_ in pruned:
            del self._parents[hash_]
        self._tell(
            "finalized",
            finalizedBlockHashes=[to_hex(hash_) for hash_ in hashes],
            prunedBlockHashes=[to_hex(hash_) for hash_ in pruned],
        )

    def _code(self, block: bytes) -> bytes:
        return self._node.chain.runtime_at(block).code_hash

    def _runtime_of(self, block: bytes) -> dict[str, Any]:
        try:
            version = self._node.chain.runtime_at(block).version
        except PalletsMockError as error:
            return {"type": "invalid", "error": str(error)}
        return {"type": "valid", "spec": spec_json(version)}

    # What is asked

    def start(self, operation: Callable[[str], Iterable[dict[str, Any]]]) -> str | None:
        """Begin an operation after the answer that names it; its events follow.

        Args:
            operation: from its id to its events.
        Returns: its id, None if the client has too many.
        """
        if len(self._operations) >= MOST_OPERATIONS:
            return None
        id_ = str(next(self._numbers))
        loop = asyncio.get_running_loop()
        self._operations[id_] = loop.call_soon(self._run, id_, operation)
        return id_

    def _run(self, id_: str, operation: Callable[[str], Iterable[dict[str, Any]]]) -> None:
        self._operations.pop(id_, None)
        try:
            for event in operation(id_):
                self._sink.send({**event, "operationId": id_})
        except PalletsMockError as error:
            self._tell("operationError", operationId=id_, error=str(error))

    def cancel(self, id_: str) -> None:
        """End an operation; one that ended already is no mistake."""
        handle = self._operations.pop(id_, None)
        if handle is not None:
            handle.cancel()

    def _cancel_all(self) -> None:
        for id_ in list(self._operations):
            self.cancel(id_)


def spec_json(version: RuntimeVersion) -> dict[str, Any]:
    """A runtime's version in the newer interface's words."""
    return {
        "specName": version.spec_name,
        "implName": version.impl_name,
        "specVersion": version.spec_version,
        "implVersion": version.impl_version,
        "transactionVersion": version.transaction_version,
        "apis": {to_hex(name): number for name, number in version.apis},
    }
