"""The loop that makes blocks when it is time."""

from __future__ import annotations

import asyncio
import logging

from pallets_mock.clock import BlockTime, Every, Instant
from pallets_mock.errors import PalletsMockError
from pallets_mock.node.assembly import BlockWishes
from pallets_mock.node.node import Node

INSTANT_BLOCK_SECONDS = 0.5
"""How long transactions go into one instant block before it is sealed."""

log = logging.getLogger("pallets_mock.sealer")


class Sealer:
    """Seals blocks by the node's block time until it is stopped."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the running loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """End; a block that is being built is given up, its transactions stay in the pool."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def set_block_time(self, block_time: BlockTime) -> None:
        """Make blocks by another rule from now on."""
        self._node.block_time = block_time
        self._node.work_arrived.set()  # transactions may wait that an instant block takes
        self._changed.set()

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            block_time = self._node.block_time
            if isinstance(block_time, Instant):
                await self._first_of(self._changed, self._node.work_arrived)
                self._node.work_arrived.clear()
                await self._seal_what_is_ready()
            elif isinstance(block_time, Every):
                await self._first_of(self._changed, seconds=block_time.seconds)
                if not self._changed.is_set():
                    await self._seal(block_time.seconds)
            else:
                await self._changed.wait()

    async def _first_of(self, *events: asyncio.Event, seconds: float | None = None) -> None:
        waits = [asyncio.ensure_future(event.wait()) for event in events]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _seal_what_is_ready(self) -> None:
        while self._node.pool.ready_count and isinstance(self._node.block_time, Instant):
            await self._gather_burst()
            if not await self._seal(INSTANT_BLOCK_SECONDS):
                return

    async def _gather_burst(self) -> None:
        """Let what is in the sockets already come in: a block costs more than a transaction."""
        seen = -1
        while seen < self._node.pool.ready_count < 256:
            seen = self._node.pool.ready_count
            for _ in range(2):  # one turn reads a socket, the next handles what was read
                await asyncio.sleep(0)

    async def _seal(self, seconds: float) -> bool:
        """Build one block in steps; False if it failed, which is logged."""
        async with self._node.writer:
            try:
                for _ in self._node.sealing(BlockWishes(seconds=seconds)):
                    await asyncio.sleep(0)
            except PalletsMockError as error:
                log.error("no block: %s", error)
                return False
            except Exception:  # the next transaction may fare better; without a sealer none does
                log.exception("no block")
                return False
        return True
