"""`transaction_v1_*` and `transactionWatch_v1_*`: sending, the newer interface's way."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from itertools import count
from typing import Any

from pallets_mock.errors import PoolError, RuntimePanic
from pallets_mock.node import Node
from pallets_mock.node.events import BestChanged, NodeEvent
from pallets_mock.pool.status import (
    LAST,
    Dropped,
    Finalized,
    InBlock,
    Invalid,
    Retracted,
    Status,
    Usurped,
)
from pallets_mock.pool.validity import check_framing, extrinsic_hash
from pallets_mock.rpc.author import FINALIZED_SECONDS
from pallets_mock.rpc.dispatch import Handler, SessionMethod, Subscription
from pallets_mock.rpc.errors import RpcError
from pallets_mock.rpc.hexadecimal import to_hex
from pallets_mock.rpc.params import Bytes
from pallets_mock.rpc.subscriptions import Session, Sink

MOST_BROADCASTS = 16
UNKNOWN_OPERATION = -32602


@dataclass
class TransactionRpc:
    """Broadcasts a transaction until told not to, or watches one."""

    node: Node

    def __post_init__(self) -> None:
        self._numbers = count()

    def methods(self) -> dict[str, Handler | Subscription | SessionMethod]:
        """Handlers by wire name."""
        watch = Subscription(
            self.submit_and_watch,
            "transactionWatch_v1_watchEvent",
            ("transactionWatch_v1_unwatch",),
        )
        return {
            "transaction_v1_broadcast": SessionMethod(self.broadcast),
            "transaction_v1_stop": SessionMethod(self.stop),
            "transactionWatch_v1_submitAndWatch": watch,
        }

    def broadcast(self, session: Session, transaction: Bytes) -> str | None:
        """Offer a transaction to every block from now on; says nothing of what becomes of it.

        Returns: what `transaction_v1_stop` takes; None if the client has too many.
        """
        broadcasts: dict[str, Any] = session.attached.setdefault("broadcasts", {})
        if len(broadcasts) >= MOST_BROADCASTS:
            return None

        def offer() -> None:
            with contextlib.suppress(PoolError, RuntimePanic):
                self.node.submit(transaction)

        def on_event(event: NodeEvent) -> None:
            if isinstance(event, BestChanged):
                offer()

        id_ = str(next(self._numbers))
        broadcasts[id_] = on_event
        self.node.announcer.listeners.add(on_event)
        session.on_close(lambda: self.node.announcer.listeners.discard(on_event))
        offer()
        return id_

    def stop(self, session: Session, operation_id: str) -> None:
        """Offer it no more. It may be in the pool or in a block."""
        on_event = session.attached.get("broadcasts", {}).pop(operation_id, None)
        if on_event is None:
            raise RpcError(UNKNOWN_OPERATION, "Invalid operation id")
        self.node.announcer.listeners.discard(on_event)

    def submit_and_watch(self, sink: Sink, transaction: Bytes) -> None:
        """Offer a transaction and tell what becomes of it."""

        def tell(event: dict[str, Any], *, last: bool) -> None:
            sink.send(event)
            if last:
                sink.close()

        try:
            hash_ = extrinsic_hash(check_framing(transaction))
            self.node.pool.check_new(hash_)
        except PoolError as error:
            tell({"event": "invalid", "error": str(error)}, last=True)
            return
        validated = False

        def on_status(status: Status) -> None:
            nonlocal validated
            event = watch_event(status)
            if event == VALIDATED:
                if validated:
                    return
                validated = True
            if isinstance(status, Finalized):
                loop = asyncio.get_running_loop()
                loop.call_later(FINALIZED_SECONDS, lambda: tell(event, last=True))
            else:
                tell(event, last=isinstance(status, LAST))

        watchers = self.node.announcer.watchers
        watchers.add(hash_, on_status)
        sink.on_close(lambda: watchers.remove(hash_, on_status))
        try:
            self.node.submit(transaction)
        except (PoolError, RuntimePanic) as error:
            tell({"event": "invalid", "error": str(error)}, last=True)


VALIDATED = {"event": "validated"}


def watch_event(status: Status) -> dict[str, Any]:
    """A transaction's status in the newer interface's words."""
    match status:
        case InBlock() | Finalized():
            name = "finalized" if isinstance(status, Finalized) else "bestChainBlockIncluded"
            return {"event": name, "block": {"hash": to_hex(status.block), "index": status.index}}
        case Retracted():
            return {"event": "bestChainBlockIncluded", "block": None}
        case Usurped() | Dropped():
            return {"event": "dropped", "error": "another one took its place, or the pool is full"}
        case Invalid():
            return {"event": "invalid", "error": "it cannot be included any more"}
        case _:
            return VALIDATED
