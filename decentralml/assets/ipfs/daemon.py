"""A daemon that may go away and come back while something is asked of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from decentralml.assets.ipfs.address import Address
from decentralml.assets.ipfs.api import Api, DaemonHangs
from decentralml.errors import StoreUnreachable

T = TypeVar("T")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0  # seconds


class Daemon:
    """Asks a daemon, over one connection at a time, for one thread.

    One that never answered is not waited for. One that did and went away gets time to come back;
    what was asked of it is then asked again, so ask only what may be asked twice.
    """

    def __init__(self, address: Address, patience: float, comeback: float) -> None:
        """
        Args:
            patience: as `Api`'s.
            comeback: seconds in which a daemon that went away must answer again.
        """
        self._address = address
        self._patience = patience
        self._comeback = comeback
        self._api: Api | None = None
        self._answered = False
        self._over = threading.Event()

    def __enter__(self) -> Daemon:
        return self

    def __exit__(self, *_: object) -> None:
        self._hang_up()

    def ask(self, question: Callable[[Api], T]) -> T:
        """What the daemon answers.

        Raises:
            StoreUnreachable: it does not answer, nor came back in time.
            StoreRefused, AssetNotFound: as the method of `Api` that is asked.
        """
        until: float | None = None
        pause = _FIRST_PAUSE
        while True:
            try:
                api = self._connected()
                if self._over.is_set():
                    api.cancel()
                answer = question(api)
            except StoreUnreachable as error:
                self._hang_up()
                now = time.monotonic()
                until = now + self._comeback if until is None else until
                if not self._answered or isinstance(error, DaemonHangs) or now >= until:
                    raise
                if self._over.wait(pause):
                    raise
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                self._answered = True
                return answer

    def twin(self) -> Daemon:
        """The same for another thread; waited for like this one, once this one answered."""
        twin = Daemon(self._address, self._patience, self._comeback)
        twin._answered = self._answered
        return twin

    def cancel(self) -> None:
        """From another thread: ends what is being asked, with `StoreUnreachable`."""
        self._over.set()
        api = self._api
        if api is not None:
            api.cancel()

    def another(self) -> Api:
        """A further connection, to be closed by who asked for it."""
        return Api(self._address, self._patience)

    def _connected(self) -> Api:
        if self._api is None:
            self._api = self.another()
        return self._api

    def _hang_up(self) -> None:
        if self._api is not None:
            self._api.close()
            self._api = None


class Twins:
    """Asks one daemon for any number of threads, each over a connection of its own."""

    def __init__(self, daemon: Daemon) -> None:
        """
        Args:
            daemon: one that answered; not used itself.
        """
        self._daemon = daemon
        self._lock = threading.Lock()
        self._idle: list[Daemon] = []
        self._all: list[Daemon] = []
        self._over = False

    def ask(self, question: Callable[[Api], T]) -> T:
        """As `Daemon.ask`."""
        twin = self._take()
        try:
            return twin.ask(question)
        finally:
            with self._lock:
                self._idle.append(twin)

    def cancel(self) -> None:
        """Ends what other threads ask, with `StoreUnreachable`."""
        with self._lock:
            self._over = True
            for twin in self._all:
                twin.cancel()

    def close(self) -> None:
        """Ends all connections; no thread asks any more."""
        for twin in self._all:
            twin.__exit__()

    def _take(self) -> Daemon:
        with self._lock:
            if self._idle:
                return self._idle.pop()
            twin = self._daemon.twin()
            if self._over:
                twin.cancel()
            self._all.append(twin)
            return twin
