"""`author_*`: sees the pool."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from pallets_mock.errors import MalformedExtrinsic, PoolError, RuntimePanic
from pallets_mock.node import Node
from pallets_mock.pool.status import (
    LAST,
    Dropped,
    Finalized,
    Future,
    InBlock,
    Invalid,
    Ready,
    Retracted,
    Status,
    Usurped,
)
from pallets_mock.pool.validity import check_framing, extrinsic_hash
from pallets_mock.rpc.dispatch import Handler, Subscription
from pallets_mock.rpc.errors import AUTHOR_OTHER, RpcError, pool_error
from pallets_mock.rpc.hexadecimal import to_hex
from pallets_mock.rpc.params import Bytes, Json, to_bytes, to_hash
from pallets_mock.rpc.subscriptions import Sink

FINALIZED_SECONDS = 0.1
"""How much later than "in block" a client that watches is told "finalized".

Both are true at once here. Clients that look the block up when they hear of the first, as the
JavaScript API does, never get to tell their users of it if the second arrives meanwhile; no
network is fast enough for that, so programs rely on it.
"""


@dataclass
class AuthorRpc:
    """Takes transactions and tells how they fare."""

    node: Node

    def methods(self) -> dict[str, Handler | Subscription]:
        """Handlers by wire name."""
        return {
            "author_submitExtrinsic": self.submit,
            "author_submitAndWatchExtrinsic": Subscription(
                self.submit_and_watch, "author_extrinsicUpdate", ("author_unwatchExtrinsic",)
            ),
            "author_pendingExtrinsics": self.pending,
            "author_removeExtrinsic": self.remove,
        }

    def submit(self, extrinsic: Bytes) -> str:
        """Hash of the transaction, which is in the pool now. Errors 1010 to 1019: it is not."""
        try:
            return to_hex(self.node.submit(extrinsic))
        except MalformedExtrinsic as error:
            raise RpcError(AUTHOR_OTHER, f"Client error: {error}") from error
        except (PoolError, RuntimePanic) as error:
            raise pool_error(error) from error

    def submit_and_watch(self, sink: Sink, bytes_: Bytes) -> None:
        """As `submit`, and what happens to the transaction until nothing can any more."""
        try:
            hash_ = extrinsic_hash(check_framing(bytes_))
            self.node.pool.check_new(hash_)
        except PoolError as error:
            raise pool_error(error) from error

        def on_status(status: Status) -> None:
            if isinstance(status, Finalized):
                asyncio.get_running_loop().call_later(FINALIZED_SECONDS, end, status)
            else:
                end(status)

        def end(status: Status) -> None:
            sink.send(status_json(status))
            if isinstance(status, LAST):
                sink.close()

        self.node.announcer.watchers.add(hash_, on_status)
        sink.on_close(lambda: self.node.announcer.watchers.remove(hash_, on_status))
        try:
            self.node.submit(bytes_)
        except (PoolError, RuntimePanic) as error:
            raise pool_error(error) from error

    def pending(self) -> list[str]:
        """Transactions that the next blocks will hold, in that order."""
        return [to_hex(one.encoded) for one in self.node.pool.ready()]

    def remove(self, bytes_or_hash: list[Json]) -> list[str]:
        """Take transactions out of the pool and ban them; returns the hashes of those removed."""
        hashes = [self._hash_of(one) for one in bytes_or_hash]
        return [to_hex(hash_) for hash_ in self.node.pool.remove(hashes)]

    def _hash_of(self, given: Any) -> bytes:
        if isinstance(given, dict) and "hash" in given:
            return to_hash(given["hash"])
        extrinsic = given.get("extrinsic") if isinstance(given, dict) else given
        try:
            return extrinsic_hash(check_framing(to_bytes(extrinsic)))
        except MalformedExtrinsic as error:
            raise pool_error(error) from error


def status_json(status: Status) -> Any:  # noqa: PLR0911 - a table
    """A transaction's status in the node's words."""
    match status:
        case Ready():
            return "ready"
        case Future():
            return "future"
        case InBlock():
            return {"inBlock": to_hex(status.block)}
        case Retracted():
            return {"retracted": to_hex(status.block)}
        case Finalized():
            return {"finalized": to_hex(status.block)}
        case Usurped():
            return {"usurped": to_hex(status.by)}
        case Dropped():
            return "dropped"
        case Invalid():
            return "invalid"
