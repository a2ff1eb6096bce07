"""Turns on a Ray cluster, where one machine is outgrown: the only importer of Ray.

The round's model, what the strategy tells, the task folder, a contributor's state and its result
travel through Ray's object store, so nodes share no folder; only a contributor's own data must be
at its path on every node. Each node needs this package and the task's framework.
"""

from __future__ import annotations

import importlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from decentralml.learning.errors import FrameworkMissing
from decentralml.simulation.errors import WorkersDied
from decentralml.simulation.pool import ONE_THREAD
from decentralml.simulation.task_folder import FolderMeasure, TaskFolder
from decentralml.simulation.turn import (
    RESULT,
    STATE,
    Job,
    Measured,
    Outcome,
    Turn,
    measure_model,
    take_turn,
)

Files = dict[str, bytes]
"""Path within a folder → content."""
_AHEAD: Final = 2  # turns that wait for each process


class RayPool:
    """Processes of a Ray cluster; see `Pool`.

    Args:
        job: work and measure; functions of modules that every node has, or a task folder.
        address: of the cluster; None to start Ray on this machine.
        processes: how many turns at once, at most one a processor of the cluster; None for that.

    Raises:
        FrameworkMissing: Ray is not installed.
    """

    def __init__(self, job: Job, address: str | None = None, processes: int | None = None) -> None:
        self._ray = _import_ray()
        self._mine = not self._ray.is_initialized()
        if self._mine:
            options: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
            if address is None:
                options.update(num_cpus=processes, include_dashboard=False)
            self._ray.init(address=address, **options)
        processors = max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        count = min(processes or processors, processors)
        shipped = self._ray.put(_packed_job(job))
        worker = self._ray.remote(_Worker)
        self._workers = [worker.options(num_cpus=1).remote(shipped) for _ in range(count)]

    def __enter__(self) -> RayPool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def take(self, turns: Sequence[Turn]) -> Iterator[Outcome]:
        """See ``Pool.take``. Results lie on this machine when their outcome is yielded."""
        common: dict[Path, Any] = {}
        waiting = list(reversed(turns))
        running: dict[Any, tuple[Turn, Any]] = {}
        for worker in self._workers * _AHEAD:
            self._start(waiting, running, worker, common)
        while running:
            (done,), _ = self._ray.wait(list(running), num_returns=1)
            turn, worker = running.pop(done)
            outcome, files = self._get(done)
            if outcome.failure is None and not turn.folder.exists():
                _put(turn.folder, files, (RESULT, STATE))
            self._start(waiting, running, worker, common)
            yield outcome

    def measure(self, model: Path) -> Mapping[str, float]:
        """See ``Pool.measure``."""
        measured: Measured = self._get(
            self._workers[0].measure.remote(model.name, model.read_bytes())
        )
        return measured.figures_of(model)

    def close(self) -> None:
        """See ``Pool.close``. A Ray that ran before goes on running."""
        for worker in self._workers:
            self._ray.kill(worker)
        if self._mine:
            self._ray.shutdown()

    def _start(
        self,
        waiting: list[Turn],
        running: dict[Any, tuple[Turn, Any]],
        worker: Any,
        common: dict[Path, Any],
    ) -> None:
        if not waiting:
            return
        turn = waiting.pop()
        shared = {}
        for path in (turn.model, turn.settings, turn.strategy):
            if path is not None:
                if path not in common:
                    common[path] = self._ray.put(path.read_bytes())
                shared[path] = common[path]
        state = _files(turn.former) if turn.former is not None else None
        # Given one by one, so that Ray fetches what the references stand for.
        names = [str(path) for path in shared]
        running[worker.take.remote(turn, state, names, *shared.values())] = (turn, worker)

    def _get(self, reference: Any) -> Any:
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayActorError as error:
            raise WorkersDied from error


class _Worker:
    """A process of the cluster: loads the framework once, takes turn after turn."""

    def __init__(self, job: tuple[Job, Files]) -> None:
        for name in ONE_THREAD:
            os.environ.setdefault(name, "1")
        self._folder = Path(tempfile.mkdtemp(prefix="decentralml-"))
        self._job = _unpacked_job(*job, self._folder / "task")

    def take(
        self, turn: Turn, state: Files | None, names: Sequence[str], *contents: bytes
    ) -> tuple[Outcome, Files]:
        """The outcome, and the turn's files."""
        folder = self._folder / "turn"
        shutil.rmtree(folder, ignore_errors=True)
        _put(folder / "given", {Path(n).name: c for n, c in zip(names, contents, strict=True)})
        here = replace(
            turn,
            folder=folder / "done",
            model=_at(folder, turn.model),
            settings=None if turn.settings is None else _at(folder, turn.settings),
            strategy=None if turn.strategy is None else _at(folder, turn.strategy),
            former=None if state is None else folder / "former",
        )
        if state is not None:
            _put(folder / "former", state)
        outcome = take_turn(self._job, here)
        files = _files(here.folder) if outcome.failure is None else {}
        shutil.rmtree(folder, ignore_errors=True)
        return outcome, files

    def measure(self, name: str, content: bytes) -> Measured:
        """The job's measure of a model."""
        _put(self._folder / "measured", {name: content})
        return measure_model(self._job, self._folder / "measured" / name)


def _import_ray() -> Any:
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise FrameworkMissing("ray") from error


def _at(folder: Path, path: Path) -> Path:
    return folder / "given" / path.name


def _files(folder: Path) -> Files:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _put(folder: Path, files: Files, subfolders: Sequence[str] = ("",)) -> None:
    """Writes a folder, whole or not at all; ``subfolders`` are there also when they are empty."""
    partial = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    for name in subfolders:
        (partial / name).mkdir(parents=True)
    for path, content in files.items():
        (partial / path).parent.mkdir(parents=True, exist_ok=True)
        (partial / path).write_bytes(content)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def _packed_job(job: Job) -> tuple[Job, Files]:
    """The job, and the files of its task folder if it has one."""
    return job, _files(job.work.folder) if isinstance(job.work, TaskFolder) else {}


def _unpacked_job(job: Job, files: Files, folder: Path) -> Job:
    if not isinstance(job.work, TaskFolder):
        return job
    _put(folder, files)
    measure = job.measure
    if isinstance(measure, FolderMeasure):
        measure = FolderMeasure(folder, measure.data)
    return Job(TaskFolder(folder), measure)
