"""Worker processes that take turns; each loads the framework once."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol

from decentralml.simulation.errors import BadSimulation, WorkersDied
from decentralml.simulation.turn import Job, Measured, Outcome, Turn, measure_model, take_turn

ONE_THREAD: Final = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
"""Set to 1 where the person has not set them: the processes use the cores, and sums come out the
same however many cores there are."""


class Pool(Protocol):
    """Where turns are taken: this machine's processes, or a cluster's."""

    def take(self, turns: Sequence[Turn]) -> Iterator[Outcome]:
        """Takes every turn once; outcomes as they come, in any order.

        Raises:
            WorkersDied: a process was killed; turns that ended well are kept in their folders.
        """
        ...

    def measure(self, model: Path) -> Mapping[str, float]:
        """What the job's measure says of a model's file.

        Raises:
            NotMeasured: it failed.
        """
        ...

    def close(self) -> None:
        """Ends what was started, also in the middle of its work."""
        ...


class ProcessPool:
    """Processes of this machine, started anew (not forked: frameworks do not survive that).

    A process that was killed ends the simulation; the end of this process, however it comes, ends
    the others.

    Args:
        job: work and measure; modules' functions, so that another process can import them.
        processes: how many; None for one a processor.
    """

    def __init__(self, job: Job, processes: int | None = None) -> None:
        count = processes or os.cpu_count() or 1
        context = multiprocessing.get_context("spawn")
        watched, self._alive = context.Pipe(duplex=False)
        self._threads = contextlib.ExitStack()
        self._threads.enter_context(_defaults(dict.fromkeys(ONE_THREAD, "1")))
        try:
            self._executor = ProcessPoolExecutor(
                count, mp_context=context, initializer=_begin, initargs=(job, watched)
            )
        except ValueError as error:
            raise BadSimulation(f"{count} processes: {error}") from error

    def __enter__(self) -> ProcessPool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def take(self, turns: Sequence[Turn]) -> Iterator[Outcome]:
        """See ``Pool.take``."""
        futures = [self._submit(turn) for turn in turns]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool as error:
            raise WorkersDied from error
        finally:
            for future in futures:
                future.cancel()

    def measure(self, model: Path) -> Mapping[str, float]:
        """See ``Pool.measure``."""
        try:
            return self._executor.submit(_measure, model).result().figures_of(model)
        except BrokenProcessPool as error:
            raise WorkersDied from error

    def close(self) -> None:
        """See ``Pool.close``."""
        # Every worker watches the other end, and leaves at once.
        self._alive.close()
        self._executor.shutdown(wait=True, cancel_futures=True)
        self._threads.close()

    def _submit(self, turn: Turn) -> Future[Outcome]:
        try:
            return self._executor.submit(_take, turn)
        except BrokenProcessPool as error:
            raise WorkersDied from error


_job: Job


def _begin(job: Job, alive: Connection) -> None:
    """First thing in a worker process."""
    global _job  # noqa: PLW0603 - a worker process has one job, and only functions reach it
    _job = job
    # An interrupt is the parent's to answer; it closes the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with, args=(alive,), daemon=True).start()


def _end_with(alive: Connection) -> None:
    with contextlib.suppress(EOFError, OSError):
        alive.recv_bytes()
    os._exit(1)


def _take(turn: Turn) -> Outcome:
    return take_turn(_job, turn)


def _measure(model: Path) -> Measured:
    return measure_model(_job, model)


@contextlib.contextmanager
def _defaults(values: Mapping[str, str]) -> Iterator[None]:
    added = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
