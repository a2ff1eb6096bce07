"""`chainHead_v1_*`: following the head, and asking about the blocks that one was told of.

Source: the JSON-RPC interface specification of Polkadot, group chainHead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pallets_mock.node import Node
from pallets_mock.rpc.dispatch import Handler, SessionMethod, Subscription
from pallets_mock.rpc.errors import RpcError
from pallets_mock.rpc.follow import ITEMS_PER_EVENT, Follow
from pallets_mock.rpc.hexadecimal import maybe_hex, to_hex
from pallets_mock.rpc.params import Bytes, Hash, Json
from pallets_mock.rpc.storage_items import parse_queries, storage_items
from pallets_mock.rpc.subscriptions import Session, Sink

MOST_FOLLOWS = 4
TOO_MANY_FOLLOWS = -32800
NOT_PINNED = -32801
NOTHING_TO_CONTINUE = -32802
UNPINNED_TWICE = -32804
LIMIT_REACHED = {"result": "limitReached"}


@dataclass
class ChainHeadRpc:
    """Blocks that are pinned for a client answer it; others do not exist for it."""

    node: Node

    def methods(self) -> dict[str, Handler | Subscription | SessionMethod]:
        """Handlers by wire name."""
        return {
            "chainHead_v1_follow": Subscription(
                self.follow, "chainHead_v1_followEvent", ("chainHead_v1_unfollow",)
            ),
            "chainHead_v1_header": SessionMethod(self.header),
            "chainHead_v1_body": SessionMethod(self.body),
            "chainHead_v1_call": SessionMethod(self.call),
            "chainHead_v1_storage": SessionMethod(self.storage),
            "chainHead_v1_unpin": SessionMethod(self.unpin),
            "chainHead_v1_continue": SessionMethod(self.resume),
            "chainHead_v1_stopOperation": SessionMethod(self.stop_operation),
        }

    def follow(self, sink: Sink, with_runtime: bool) -> None:
        """Tell the client of the final and the best block now, and of all that change it."""
        follows = _follows(sink.session)
        if len(follows) >= MOST_FOLLOWS:
            raise RpcError(TOO_MANY_FOLLOWS, "Maximum number of chainHead_follow has been reached")
        follows[sink.id] = Follow(self.node, sink, with_runtime=with_runtime)
        sink.on_close(lambda: follows.pop(sink.id, None))

    def header(self, session: Session, follow_subscription: str, hash_: Hash) -> str | None:
        """SCALE header of a block."""
        follow = _follows(session).get(follow_subscription)
        if follow is None or follow.stopped:
            return None
        _check_pinned(follow, hash_)
        return maybe_hex(self.node.chain.store.header(hash_))

    def body(self, session: Session, follow_subscription: str, hash_: Hash) -> dict[str, Any]:
        """Begin to read the extrinsics of a block."""

        def operation(_: str) -> Iterator[dict[str, Any]]:
            extrinsics = self.node.chain.block(hash_).extrinsics
            yield {"event": "operationBodyDone", "value": [to_hex(one) for one in extrinsics]}

        return _started(session, follow_subscription, hash_, operation)

    def call(
        self,
        session: Session,
        follow_subscription: str,
        hash_: Hash,
        function: str,
        call_parameters: Bytes,
    ) -> dict[str, Any]:
        """Begin to call a runtime function on a block's state."""

        def operation(_: str) -> Iterator[dict[str, Any]]:
            output = self.node.chain.call(function, call_parameters, hash_).output
            yield {"event": "operationCallDone", "output": to_hex(output)}

        return _started(session, follow_subscription, hash_, operation)

    def storage(
        self,
        session: Session,
        follow_subscription: str,
        hash_: Hash,
        items: list[Json],
        child_trie: Bytes | None = None,
    ) -> dict[str, Any]:
        """Begin to read values of a block's state; of a child trie there are none."""
        queries = parse_queries(items)

        def operation(_: str) -> Iterator[dict[str, Any]]:
            chain = self.node.chain
            found = list(
                storage_items(chain.view(hash_), chain.trie(hash_), queries)
                if child_trie is None
                else ()
            )
            for start in range(0, len(found), ITEMS_PER_EVENT):
                page = found[start : start + ITEMS_PER_EVENT]
                yield {"event": "operationStorageItems", "items": page}
            yield {"event": "operationStorageDone"}

        started = _started(session, follow_subscription, hash_, operation)
        return started if started is LIMIT_REACHED else {**started, "discardedItems": 0}

    def unpin(
        self, session: Session, follow_subscription: str, hash_or_hashes: Hash | list[Hash]
    ) -> None:
        """The client will not ask about these blocks any more."""
        follow = _follows(session).get(follow_subscription)
        if follow is None or follow.stopped:
            return
        hashes = hash_or_hashes if isinstance(hash_or_hashes, list) else [hash_or_hashes]
        if len(set(hashes)) != len(hashes):
            raise RpcError(UNPINNED_TWICE, "Received duplicate hashes for `chainHead_unpin`")
        for hash_ in hashes:
            _check_pinned(follow, hash_)
        follow.pinned.difference_update(hashes)

    def resume(self, session: Session, follow_subscription: str, operation_id: str) -> None:
        """No operation here ever waits to be resumed."""
        if follow_subscription in _follows(session):
            raise RpcError(NOTHING_TO_CONTINUE, "No operation waits to be continued")

    def stop_operation(self, session: Session, follow_subscription: str, operation_id: str) -> None:
        """End an operation, if it has not ended."""
        follow = _follows(session).get(follow_subscription)
        if follow is not None:
            follow.cancel(operation_id)


def _follows(session: Session) -> dict[str, Follow]:
    follows: dict[str, Follow] = session.attached.setdefault("chainHead", {})
    return follows


def _check_pinned(follow: Follow, hash_: bytes) -> None:
    if hash_ not in follow.pinned:
        raise RpcError(NOT_PINNED, "Invalid block hash: it is not pinned")


def _started(
    session: Session, follow_subscription: str, hash_: bytes, operation: Any
) -> dict[str, Any]:
    follow = _follows(session).get(follow_subscription)
    if follow is None or follow.stopped:
        return LIMIT_REACHED
    _check_pinned(follow, hash_)
    id_ = follow.start(operation)
    return LIMIT_REACHED if id_ is None else {"result": "started", "operationId": id_}
