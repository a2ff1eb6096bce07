"""The thread that tells the coordinator that a participant lives, and hears what it wants."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Final

from typing_extensions import Self

from decentralml.compat.xain.client import Coordinator, Place
from decentralml.compat.xain.errors import CoordinatorGone, ParticipantError

PATIENCE: Final = 120.0
"""Seconds without an answer until the coordinator counts as gone: it may be restarting."""
ENDS: Final = frozenset({"finish", "reject"})


class Heartbeats:
    """Asks every ``period`` seconds until it is closed."""

    def __init__(
        self, url: str, place: Place, period: float, *, patience: float = PATIENCE
    ) -> None:
        self._coordinator, self._place = Coordinator(url), place
        self._period, self._patience = period, patience
        self._said: str | None = None
        self._failure: ParticipantError | None = None
        self._generation = 0
        self._news = threading.Condition()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeats", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join(timeout=5)

    def wait(self) -> str:
        """``round``, ``finish`` or ``reject``, as soon as the coordinator says one of them.

        Raises: CoordinatorGone, ParticipantError: it cannot be understood any more.
        """
        with self._news:
            while not (self._said == "round" or self._said in ENDS or self._failure):
                self._news.wait(timeout=1)  # so that an interrupt is seen
            if self._failure is not None:
                raise self._failure
            return str(self._said)

    def forget(self) -> None:
        """What was said up to now is done with, also an answer that is still on its way."""
        with self._news:
            self._said = None
            self._generation += 1

    def _run(self) -> None:
        heard = time.monotonic()
        try:
            while not self._stop.is_set():
                generation = self._generation
                try:
                    said, _ = self._coordinator.heartbeat(self._place)
                    heard = time.monotonic()
                    self._tell(said, generation)
                except CoordinatorGone:
                    if time.monotonic() - heard > self._patience:
                        raise
                self._stop.wait(self._period)
        except ParticipantError as error:
            with self._news:
                self._failure = error
                self._news.notify_all()
        finally:
            self._coordinator.close()

    def _tell(self, said: str, generation: int) -> None:
        with self._news:
            if generation == self._generation:
                self._said = said
                self._news.notify_all()
