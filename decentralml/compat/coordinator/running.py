"""Runs a coordinator in a thread of its own, so that a program keeps its signals to itself."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from types import TracebackType

from typing_extensions import Self

from decentralml.compat.coordinator.servers import Listener
from decentralml.compat.coordinator.service import OpenDesk, Service
from decentralml.compat.coordinator.settings import CoordinatorSettings
from decentralml.compat.coordinator.watch import OpenMarket

END_SECONDS = 60.0


class Coordinator:
    """A coordinator as a context: it answers from the beginning to the end.

    Args:
        open_desk: builds the market's side of the job; called, used and closed in one thread.
        open_market: connects to the chain to follow it.
        settings: the configuration.

    Raises: ConfigError: a port cannot be had.
    """

    def __init__(
        self, open_desk: OpenDesk, open_market: OpenMarket, settings: CoordinatorSettings
    ) -> None:
        self._coordinator = Listener(settings.coordinator.host, settings.coordinator.port)
        self._aggregator = Listener(settings.aggregator.host, settings.aggregator.port)
        self._parts = (open_desk, open_market, settings)
        self._failure: BaseException | None = None
        self._service: Service | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        # Not the thread's own `join`: one that Ctrl-C interrupts takes a thread that runs for one
        # that ended (Python before 3.13).
        self._begun, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="coordinator", daemon=True)

    @property
    def url(self) -> str:
        """The coordinator's address on this machine; connections wait until it is ready."""
        return self._coordinator.url

    def wait(self, seconds: float) -> bool:
        """Wait so long for the end. Returns: whether it has come.

        Raises: DecentralMLError: what ended it.
        """
        over = self._ended.wait(seconds)
        if over and self._failure is not None:
            raise self._failure
        return over

    def stop(self) -> None:
        """End it; what was done is kept, and a restart goes on."""
        self._begun.wait(END_SECONDS)
        if self._loop is not None and self._service is not None and not self._ended.is_set():
            with contextlib.suppress(RuntimeError):  # it ended meanwhile, and its loop with it
                self._loop.call_soon_threadsafe(self._service.stop)
        self._ended.wait(END_SECONDS)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self._failure = error
        finally:
            self._begun.set()
            self._ended.set()

    async def _main(self) -> None:
        open_desk, open_market, settings = self._parts
        self._loop = asyncio.get_running_loop()
        self._service = Service(
            open_desk, open_market, settings, self._coordinator, self._aggregator
        )
        self._begun.set()
        await self._service.run()
