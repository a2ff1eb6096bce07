"""A development chain inside a test or a program: started in milliseconds, thrown away at the end.

    with DevChain() as chain:
        client = SomeClient(chain.url)
        before = chain.snapshot()
        ...
        chain.revert(before)

`pallets_mock.fixtures` has it as pytest fixtures.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from pallets_mock.clock import BlockTime, parse_block_time
from pallets_mock.errors import PalletsMockError
from pallets_mock.genesis import Genesis, from_preset
from pallets_mock.node import Node, Sealer
from pallets_mock.pool.queue import PoolLimits
from pallets_mock.rpc.limits import RpcLimits
from pallets_mock.rpc.service import Service
from pallets_mock.rpc.subscriptions import Session
from pallets_mock.runtime import compressed_blob
from pallets_mock.store import ChainStore

T = TypeVar("T")
START_SECONDS = 60.0
CALL_SECONDS = 60.0


class CallFailed(PalletsMockError):
    """A method answered with an error."""

    def __init__(self, method: str, error: dict[str, Any]) -> None:
        super().__init__(f"{method}: {error}")
        self.method, self.code, self.message = method, error["code"], error["message"]
        self.data = error.get("data")


@lru_cache(maxsize=4)
def preset(name: str = "development") -> Genesis:
    """Block 0 of one of the runtime's presets; made once a process."""
    return from_preset(compressed_blob(), name)


class DevChain:
    """A chain on a port of its own, in a thread of its own.

    Args:
        folder: keeps the chain there; None keeps it in memory.
        block_time: `instant`, `manual`, or seconds.
        finality_lag: how many blocks the last final one is behind the best.
        genesis: block 0; the development preset's by default.
        port: 0 for a free one.
    """

    def __init__(  # noqa: PLR0913 - as the command line's options
        self,
        folder: Path | None = None,
        *,
        block_time: str | float = "instant",
        finality_lag: int = 0,
        genesis: Genesis | None = None,
        port: int = 0,
        rpc_limits: RpcLimits | None = None,
        pool_limits: PoolLimits | None = None,
    ) -> None:
        self._folder, self._port, self._finality_lag = folder, port, finality_lag
        self._block_time: BlockTime = parse_block_time(block_time)
        self._genesis = genesis
        self._rpc_limits, self._pool_limits = rpc_limits, pool_limits
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._node: Node | None = None
        self._service: Service | None = None

    # Starting and stopping

    def start(self) -> DevChain:
        """Start; returns when it can be connected to. Raises what kept it from starting."""
        ready: Future[None] = Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._main(ready)), name="DevChain", daemon=True
        )
        self._thread.start()
        ready.result(START_SECONDS)
        return self

    def stop(self) -> None:
        """Stop and let the folder go. Twice is harmless."""
        thread, self._thread = self._thread, None
        if thread is None or self._loop is None or self._stop is None:
            return
        self._loop.call_soon_threadsafe(self._stop.set)
        thread.join(START_SECONDS)

    def __enter__(self) -> DevChain:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    async def _main(self, ready: Future[None]) -> None:
        try:
            store = ChainStore(self._folder)
        except BaseException as error:  # noqa: BLE001 - raised where `start` was called
            ready.set_exception(error)
            return
        try:
            await self._serve(store, ready)
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)
        finally:
            store.close()

    async def _serve(self, store: ChainStore, ready: Future[None]) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._node = Node(
            store,
            self._genesis or preset(),
            block_time=self._block_time,
            finality_lag=self._finality_lag,
            pool_limits=self._pool_limits,
        )
        sealer = Sealer(self._node)
        self._service = Service(self._node, sealer, limits=self._rpc_limits)
        await self._service.open(self._port)
        sealer.start()
        ready.set_result(None)
        await self._stop.wait()
        await self._service.close()
        await sealer.stop()

    # Asking

    @property
    def url(self) -> str:
        """Where clients connect, as `ws://127.0.0.1:PORT`; HTTP is on the same port."""
        return self._running().url

    @property
    def genesis_hash(self) -> str:
        """Hash of block 0, with 0x."""
        return "0x" + (self._genesis or preset()).hash.hex()

    def call(self, method: str, *params: Any) -> Any:
        """The result of a JSON-RPC method, without a connection. Raises CallFailed."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        dispatcher = self._running().dispatcher
        session = Session(dispatcher.limits, can_subscribe=False)
        answering = dispatcher.answer(json.dumps(request), session)
        if self._loop is None:
            raise RuntimeError("the chain is not started")
        text = asyncio.run_coroutine_threadsafe(answering, self._loop).result(CALL_SECONDS)
        answer = json.loads(text or "{}")
        if "error" in answer:
            raise CallFailed(method, answer["error"])
        return answer["result"]

    def run(self, function: Callable[[Node], T]) -> T:
        """What a function of the node returns, called on the chain's own thread."""
        if self._node is None or self._loop is None:
            raise RuntimeError("the chain is not started")
        node = self._node

        async def on_loop() -> T:
            async with node.writer:
                return function(node)

        return asyncio.run_coroutine_threadsafe(on_loop(), self._loop).result(CALL_SECONDS)

    def _running(self) -> Service:
        if self._service is None:
            raise RuntimeError("the chain is not started")
        return self._service

    # The calls that tests make most

    @property
    def best(self) -> int:
        """Number of the best block."""
        return int(self.call("chain_getHeader")["number"], 16)

    def new_block(self, count: int = 1) -> str:
        """Seal blocks now; returns the hash of the last."""
        return str(self.call("dev_newBlock", count))

    def travel(self, seconds: float) -> None:
        """Let so much time pass."""
        self.call("dev_timeTravel", round(seconds * 1000))

    def snapshot(self) -> int:
        """Remember chain, pool and clock."""
        return int(self.call("dev_snapshot"))

    def revert(self, snapshot: int) -> None:
        """Make all as it was at a snapshot; as often as wanted."""
        self.call("dev_revert", snapshot)

    def reorganise(self, depth: int, blocks: int | None = None) -> str:
        """Replace the newest blocks by a longer branch; returns the hash of the best block."""
        return str(self.call("dev_reorganise", depth, blocks))

    def drop_connections(self, method: str | None = None, when: str = "after") -> None:
        """Cut all connections, or the one that a method comes through next."""
        self.call("dev_dropConnections", method, when)
