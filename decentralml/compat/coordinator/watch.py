"""A thread that tells the event loop of each result that reaches the chain."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TypeAlias

from typing_extensions import Self

from decentralml.chain.market import Market
from decentralml.chain.node import Node
from decentralml.errors import ChainError
from decentralml.types import AccountId, BlockNumber, Cid, TaskId

OpenMarket: TypeAlias = Callable[[], AbstractContextManager[Market]]
Sent: TypeAlias = Callable[[int, AccountId, Cid], None]


class Watch:
    """Follows one task's results as a context; made in the event loop that is told.

    Args:
        open_market: connects, in the thread.
        task: whose results are told.
        head: the last block that was looked at already.
        sent: called in the event loop with round, worker and CID of each result.
        lost: called in the event loop when the chain cannot be followed any more.
    """

    def __init__(
        self,
        open_market: OpenMarket,
        task: TaskId,
        head: BlockNumber,
        sent: Sent,
        lost: Callable[[], None],
    ) -> None:
        self._open_market, self._task, self._head = open_market, task, head
        self._told, self._lost = sent, lost
        self._loop, self._over = asyncio.get_running_loop(), threading.Event()
        self._failure: ChainError | None = None
        self._node: Node | None = None
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Raises: ChainError: why the chain could not be followed to the end."""
        self._over.set()
        if self._node is not None:
            self._node.close()  # ends its wait for the next block
        self._thread.join(timeout=5)
        if self._failure is not None and error is None:
            raise self._failure

    def _run(self) -> None:
        try:
            self._follow()
        except ChainError as error:
            if not self._over.is_set():
                self._failure = error
                self._loop.call_soon_threadsafe(self._lost)

    def _follow(self) -> None:
        with self._open_market() as market:
            self._node = market.node
            for _, events in market.events(BlockNumber(self._head + 1), stop=self._over.is_set):
                for event in events:
                    said = event.fields
                    if event.name == "TaskResultSent" and said["task"] == self._task:
                        self._loop.call_soon_threadsafe(
                            self._told, said["round"], said["worker"], said["result"]
                        )
