"""The task folder of a Flower job: it says what is asked; the code is the client's own.

`start_task.sh` is there for whoever takes the task with a worker that runs scripts: it says how to
take part instead.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from decentralml.compat.flower.errors import NotAFlowerJob

NOTE: Final = "flower.json"
_VERSION: Final = 1
_MOST_BYTES: Final = 4096
_SCRIPT: Final = """#!/bin/sh
echo "This task is for Flower clients: a program of yours calls" >&2
echo "decentralml.compat.flower.start_client. See docs/how-to/flower.md." >&2
exit 64
"""


class Asks(Enum):
    """What a task wants of a client."""

    PARAMETERS = "parameters"
    """The first model: what one client's `get_parameters` returns."""
    FIT = "fit"
    """Training, round after round."""


@dataclass(frozen=True, slots=True)
class JobNote:
    """A Flower job's note in its bundle.

    Attributes:
        asks: what the task wants.
        job: the job's name, so that bundles of two jobs differ.
    """

    asks: Asks
    job: str

    def write(self, folder: Path) -> Path:
        """Make `folder` the task folder."""
        folder.mkdir()
        note = {"flower": _VERSION, "asks": self.asks.value, "job": self.job}
        (folder / NOTE).write_text(json.dumps(note, sort_keys=True) + "\n", encoding="utf-8")
        script = folder / "start_task.sh"
        script.write_text(_SCRIPT, encoding="utf-8")
        script.chmod(0o755)
        return folder

    @classmethod
    def read(cls, folder: Path) -> JobNote:
        """The note of a stranger's verified bundle.

        Raises: NotAFlowerJob: there is none, or none of this version.
        """
        path = folder / NOTE
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _MOST_BYTES:
            raise NotAFlowerJob(f"its bundle has no {NOTE}")
        try:
            note = json.loads(path.read_bytes())
            asks, job, version = Asks(note["asks"]), note["job"], note["flower"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise NotAFlowerJob(f"its {NOTE} does not say what it asks for") from error
        if version != _VERSION or not isinstance(job, str):
            raise NotAFlowerJob(f"its {NOTE} is of another version")
        return cls(asks, job)
