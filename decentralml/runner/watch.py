"""Measures what all processes of a task use together."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from decentralml.runner.limits import Limits, readable

INTERVAL = 0.2  # seconds between two measurements
_DEEPEST = 64  # folders in one another in a result
_GONE = (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess)


class Watch:
    """Says whether a run is past one of its limits."""

    def __init__(self, pid: int, written: Sequence[Path], limits: Limits) -> None:
        """
        Args:
            pid: the process whose descendants are the task.
            written: the folders that it may fill; each exists.
        """
        self._root = psutil.Process(pid)
        self._written = tuple(written)
        self._devices = {folder.stat().st_dev for folder in written}
        self._limits = limits
        self._started = self._measured = time.monotonic()
        self._tasks_before = _tasks_of_the_machine()

    def due(self) -> bool:
        """Whether to measure now: the interval is over, or the machine has many more tasks.

        Costs next to nothing. Processes that multiply are to be found while they are few: among
        thousands of them even counting takes seconds.
        """
        if time.monotonic() - self._measured >= INTERVAL:
            return True
        return _tasks_of_the_machine() - self._tasks_before > self._limits.tasks

    def exceeded(self) -> tuple[str, str] | None:
        """The limit passed by now, as (what, how much is allowed); None while there is none."""
        limits = self._limits
        self._measured = time.monotonic()
        if time.monotonic() - self._started > limits.wall_seconds:
            return "time", readable(limits.wall_seconds, "s")
        processes = self._processes()
        tasks = _tasks(processes)
        self._tasks_before = _tasks_of_the_machine() - tasks  # what others do is not the task's
        if tasks > limits.tasks:
            return "processes and threads", readable(limits.tasks, "")
        if _cpu_seconds(processes) > limits.cpu_seconds:
            return "CPU time", readable(limits.cpu_seconds, "s")
        if _memory(processes, limits.memory_bytes) > limits.memory_bytes:
            return "memory", readable(limits.memory_bytes)
        return self._disk(processes)

    def _processes(self) -> list[psutil.Process]:
        try:
            return [self._root, *self._root.children(recursive=True)]
        except _GONE:
            return []

    def _disk(self, processes: list[psutil.Process]) -> tuple[str, str] | None:
        used = files = 0
        try:
            for size in (size for folder in self._written for size in _sizes(folder, 1)):
                used += size
                files += 1
                if files > self._limits.files:
                    return "files in the result", readable(self._limits.files, "")
        except (PermissionError, _TooDeep):
            # What cannot be counted could be anything.
            return "disk that can be measured", readable(self._limits.disk_bytes)
        if used + _unlinked(processes, self._devices) > self._limits.disk_bytes:
            return "disk", readable(self._limits.disk_bytes)
        return None


class _TooDeep(Exception):
    """Folders nested further than any result needs."""


def _sizes(folder: Path, depth: int) -> Iterator[int]:
    """Bytes on disk of each entry of a folder, those of its folders among them."""
    if depth > _DEEPEST:
        raise _TooDeep
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                found = entry.stat(follow_symlinks=False)
                yield found.st_blocks * 512
                if stat.S_ISDIR(found.st_mode):
                    yield from _sizes(folder / entry.name, depth + 1)


def _unlinked(processes: list[psutil.Process], devices: set[int]) -> int:
    """Bytes of files that were removed while a process still writes to them."""
    sizes: dict[int, int] = {}
    for process in processes:
        folder = f"/proc/{process.pid}/fd"
        with suppress(OSError):
            for number in os.listdir(folder):  # noqa: PTH208  half the time of a Path for each
                with suppress(OSError):
                    found = os.stat(f"{folder}/{number}")  # noqa: PTH116
                    if found.st_nlink == 0 and found.st_dev in devices:
                        sizes[found.st_ino] = found.st_blocks * 512
    return sum(sizes.values())


def _tasks_of_the_machine() -> int:
    """Processes and threads of everybody; 0 where the system does not tell."""
    try:
        return int(Path("/proc/loadavg").read_text(encoding="ascii").split()[3].split("/")[1])
    except OSError:
        return 0


def _tasks(processes: list[psutil.Process]) -> int:
    total = 0
    for process in processes:
        with suppress(*_GONE):
            total += process.num_threads()
    return total


def _cpu_seconds(processes: list[psutil.Process]) -> float:
    """Of the processes and of the children that they waited for."""
    total = 0.0
    for process in processes:
        with suppress(*_GONE):
            used = process.cpu_times()
            total += used.user + used.system + used.children_user + used.children_system
    return total


def _memory(processes: list[psutil.Process], enough: int) -> int:
    """Bytes resident; pages that processes share count once as soon as it matters."""
    total = sum(_of_each(processes, "rss"))
    return total if total <= enough else sum(_of_each(processes, "pss"))


def _of_each(processes: list[psutil.Process], kind: str) -> Iterator[int]:
    for process in processes:
        with suppress(*_GONE):
            rss: int = process.memory_info().rss
            # Only Linux knows the share of each process in its pages.
            yield getattr(process.memory_full_info(), "pss", rss) if kind == "pss" else rss
