"""A script's end, recorded at the moment it happens.

A role may be killed between the end of a training that took hours and its own note of it. So each
script has a witness, a small process between the role and the sandbox (`witness`), that outlives
the role by the instant it takes to see whether the script had ended.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from pathlib import Path

from decentralml.roles import witness
from decentralml.runner import Limits, Sandbox, TaskRun


class Witnessed:
    """A sandbox whose scripts' ends are recorded.

    Args:
        sandbox: where the script runs.
        record: the witness's file; must not exist.
    """

    def __init__(self, sandbox: Sandbox, record: Path) -> None:
        self.sandbox, self.record = sandbox, record
        self.name, self.isolated = sandbox.name, sandbox.isolated

    def command(self, run: TaskRun, limits: Limits, scratch: Path) -> list[str]:
        """The sandbox's command, watched by a witness."""
        program, *arguments = self.sandbox.command(run, limits, scratch)
        path = shutil.which(program) or program
        watching = [
            sys.executable,
            "-I",
            "-S",
            witness.__file__,
            str(self.record),
            str(os.getpid()),
        ]
        return [*watching, path, *arguments]

    def environment(self, run: TaskRun, scratch: Path) -> dict[str, str]:
        """As the sandbox's."""
        return self.sandbox.environment(run, scratch)

    def folder(self, run: TaskRun) -> Path:
        """As the sandbox's."""
        return self.sandbox.folder(run)


def ended_well(record: Path) -> bool:
    """Whether the last script that was witnessed in ``record`` ended by itself, with status 0.

    Waits for a script that is being stopped, because its role died, to be gone.
    """
    try:
        descriptor = os.open(record, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        return os.read(descriptor, 16) == b"0"
    finally:
        os.close(descriptor)
