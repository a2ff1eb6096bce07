"""`dev_*`: what no real chain lets anybody do. Only offered on this machine's own address."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pallets_mock.clock import parse_block_time, parse_time
from pallets_mock.errors import PoolError, RuntimePanic
from pallets_mock.node import History, Node, Sealer
from pallets_mock.node.assembly import BlockWishes
from pallets_mock.rpc.dispatch import Handler
from pallets_mock.rpc.errors import DEV_REFUSED, RpcError, invalid_params, pool_error
from pallets_mock.rpc.faults import Delay, Faults
from pallets_mock.rpc.hexadecimal import to_hex
from pallets_mock.rpc.params import U32, Bytes, Hash

MOST_BLOCKS = 10_000
LONGEST_DELAY_MS = 600_000
ONE = U32(1)


@dataclass
class DevRpc:
    """Blocks, time, state and faults on demand.

    Args:
        drop_connections: cuts every connection; returns how many.
    """

    node: Node
    sealer: Sealer
    faults: Faults
    drop_connections: Callable[[], int]

    def __post_init__(self) -> None:
        self.history = History(self.node)

    def methods(self) -> dict[str, Handler]:
        """Handlers by wire name."""
        return {
            "dev_newBlock": self.new_block,
            "dev_setBlockTime": self.set_block_time,
            "dev_setTime": self.set_time,
            "dev_timeTravel": self.time_travel,
            "dev_setStorage": self.set_storage,
            "dev_snapshot": self.snapshot,
            "dev_revert": self.revert,
            "dev_reorganise": self.reorganise,
            "dev_setHead": self.set_head,
            "dev_dropConnections": self.drop,
            "dev_delayAnswers": self.delay_answers,
            "engine_createBlock": self.create_block,
            "engine_finalizeBlock": self.finalise_block,
        }

    async def new_block(
        self, count: U32 = ONE, transactions: list[Bytes] | None = None, time: int | str = 0
    ) -> str:
        """Seal blocks now.

        Args:
            count: how many, at most 10,000.
            transactions: extrinsics for the first of them, before the pool's. If one is
                refused there is no block.
            time: earliest time of the first, in ms since 1970 or as a date.
        Returns: hash of the last one.
        """
        if not 1 <= count <= MOST_BLOCKS:
            raise invalid_params(f"`count`: 1 to {MOST_BLOCKS} blocks")
        wishes = BlockWishes(
            transactions=transactions or (), not_before_ms=_milliseconds(time) if time else 0
        )
        async with self.node.writer:
            for _ in range(count):
                try:
                    sealed = self.node.seal(wishes)
                except (PoolError, RuntimePanic) as error:
                    raise pool_error(error) from error
                wishes = BlockWishes()
                await asyncio.sleep(0)
        return to_hex(sealed.hash)

    def set_block_time(self, block_time: str | float) -> None:
        """Blocks `"instant"`, `"manual"`, or every so many seconds, from now on."""
        self.sealer.set_block_time(parse_block_time(block_time))

    async def set_time(self, time: int | str) -> int:
        """Make it that time now; the next block is of it.

        Args:
            time: milliseconds since 1970, or a date such as `2027-01-31T12:00:00Z`.
        Returns: that time in milliseconds.
        """
        wanted = _milliseconds(time)
        async with self.node.writer:
            self.node.clock.set_time(wanted, self.node.last_block_ms)
        return wanted

    async def time_travel(self, milliseconds: int) -> int:
        """Let so much time pass; returns the time then, in milliseconds since 1970."""
        async with self.node.writer:
            clock = self.node.clock
            now = max(clock.now_ms(), self.node.last_block_ms)
            clock.set_time(now + milliseconds, self.node.last_block_ms)
            return now + milliseconds

    async def set_storage(self, pairs: list[tuple[Bytes, Bytes | None]]) -> str:
        """Give keys other values (null removes) in a block of its own; returns its hash."""
        async with self.node.writer:
            return to_hex(self.history.set_storage({bytes(key): value for key, value in pairs}))

    async def snapshot(self) -> int:
        """Remember chain, pool and clock; returns the number that `dev_revert` takes."""
        async with self.node.writer:
            return self.history.snapshot()

    async def revert(self, snapshot: U32) -> str:
        """Make all as it was at a snapshot; returns the hash of the best block."""
        async with self.node.writer:
            self.history.revert(snapshot)
        return to_hex(self.node.chain.head.best)

    async def set_head(self, hash_: Hash) -> str:
        """Make any known block the best one; its ancestors are the chain."""
        async with self.node.writer:
            self.history.set_head(hash_)
        return to_hex(hash_)

    async def reorganise(
        self, depth: U32, blocks: U32 | None = None, keep_transactions: bool = True
    ) -> str:
        """Replace the newest blocks by a branch, by default one longer.

        Args:
            depth: how many blocks leave the chain, also final ones.
            keep_transactions: whether theirs go into the branch again.
        Returns: hash of the best block.
        """
        if depth + (blocks or 0) > MOST_BLOCKS:
            raise invalid_params(f"`depth`: at most {MOST_BLOCKS} blocks")
        async with self.node.writer:
            return to_hex(self.history.reorganise(depth, blocks, keep=keep_transactions))

    def drop(self, method: str | None = None, when: str = "after", times: U32 = ONE) -> None:
        """Cut connections.

        Args:
            method: not now, but when this method is called next, the connection it came
                through.
            when: `before` it is carried out, or `after`, so that only its answer is lost.
            times: for how many calls.
        """
        if method is None:
            asyncio.get_running_loop().call_later(0.05, self.drop_connections)
            return
        plans = {"before": self.faults.drop_before, "after": self.faults.drop_after}
        if when not in plans:
            raise invalid_params("`when`: `before` or `after`")
        plans[when][method] = times

    def delay_answers(
        self, least_ms: float, most_ms: float | None = None, prefix: str = ""
    ) -> None:
        """Let answers come late: 0 ends it.

        Args:
            most_ms: a random time between the two for each.
            prefix: only of methods that begin so.
        """
        most = least_ms if most_ms is None else most_ms
        if not 0 <= least_ms <= most <= LONGEST_DELAY_MS:
            raise invalid_params(f"`least_ms`: 0 to `most_ms`, at most {LONGEST_DELAY_MS}")
        self.faults.delay = Delay(prefix, least_ms, most) if most > 0 else None

    # The names that a node has for some of this when it seals by hand

    async def create_block(
        self, create_empty: bool, finalize: bool = True, parent_hash: Hash | None = None
    ) -> dict[str, Any]:
        """Seal a block; refused if there is nothing for it and it may not be empty."""
        async with self.node.writer:
            if not create_empty and not self.node.pool.ready_count:
                raise RpcError(20000, "block was requested, but there are no transactions for it")
            if parent_hash is not None and parent_hash != self.node.chain.head.best:
                self.history.set_head(parent_hash)
            sealed = self.node.seal()
            if finalize:
                self.node.finalise(sealed.hash)
        aux = {
            "header_only": False,
            "clear_justification_requests": False,
            "needs_justification": False,
            "bad_justification": False,
            "is_new_best": True,
        }
        return {"hash": to_hex(sealed.hash), "aux": aux, "proof_size": 0}

    async def finalise_block(
        self,
        hash_: Hash,
        justification: Bytes | None = None,
    ) -> bool:
        """Make a block of the chain, and all before it, final."""
        async with self.node.writer:
            self.node.finalise(hash_)
        return True


def _milliseconds(time: int | str) -> int:
    try:
        found = parse_time(time)
    except ValueError as error:
        raise invalid_params(f"`time`: {error}") from error
    if not 0 < found < 1 << 53:
        raise RpcError(DEV_REFUSED, "a time is between 1970 and the year 285,000")
    return found
