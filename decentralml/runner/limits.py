"""How much a task may use of the machine that it runs on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run may use before it is stopped.

    All but ``scratch_bytes``, which the kernel enforces, are measured five times a second over all
    processes of the task together; so a limit can be passed for that long.
    """

    wall_seconds: float = 3600
    cpu_seconds: float = 4 * 3600  # of all cores together
    memory_bytes: int = 4 << 30
    tasks: int = 512  # processes and threads
    disk_bytes: int = 2 << 30  # of the result folder
    files: int = 10_000  # in the result folder
    scratch_bytes: int = 512 << 20  # of /tmp, and again of /dev/shm: both are memory
    output_bytes: int = 256 << 20  # printed
    log_bytes: int = 1 << 20  # kept of what was printed: its beginning and its end


def readable(count: float, unit: str = "bytes") -> str:
    """A limit for people: ``512 MiB``, ``3,600 s``."""
    if unit != "bytes":
        return f"{count:,.10g} {unit}"
    scale = 0
    while count >= 1024 and scale < 4:
        count /= 1024
        scale += 1
    return f"{count:.4g} {('bytes', 'KiB', 'MiB', 'GiB', 'TiB')[scale]}"
