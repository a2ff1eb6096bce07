"""A daemon that may go away and come back while something is asked of it."""

from __future__ import annotations

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
                answer = question(self._connected())
            except StoreUnreachable as error:
                self._hang_up()
                now = time.monotonic()
                until = now + self._comeback if until is None else until
                if not self._answered or isinstance(error, DaemonHangs) or now >= until:
                    raise
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                self._answered = True
                return answer

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
