"""What a person wants kept whatever becomes of the tasks: a small file beside the workspace."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

from decentralml.errors import RoleError
from decentralml.types import Cid

_FILE, _LOCK = "pins.json", "pins.lock"


@dataclass(frozen=True, slots=True)
class Pin:
    """A content, and why it is kept.

    Attributes:
        cid: the content.
        task: number of the task that it was pinned for; None when it was pinned by itself.
        genesis: hash of that task's chain's first block; None without a task.
        path: what it is to the task, ``bundle``, ``models/round-2``; empty without one.
    """

    cid: Cid
    task: int | None = None
    genesis: str | None = None
    path: str = ""


_Change: TypeAlias = Callable[[set[Pin]], set[Pin]]


class Pins:
    """The pins in a folder of workspaces; processes may change them at the same time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def all(self) -> list[Pin]:
        """Every pin, by CID.

        Raises: RoleError: the file was changed by hand into something else.
        """
        path = self._folder / _FILE
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            return sorted((Pin(**one) for one in said), key=_order)
        except FileNotFoundError:
            return []
        except (ValueError, TypeError) as error:
            raise RoleError(
                f"{path} is no list of pins: {error}. Restore it from a copy, or move it away "
                "to begin without pins."
            ) from error

    def add(self, pins: Iterable[Pin]) -> list[Pin]:
        """Keep these, too; returns those that are new."""
        wanted = set(pins)
        return self._change(lambda before: before | wanted)[0]

    def remove(self, which: Callable[[Pin], bool]) -> list[Pin]:
        """Keep those no longer; returns them."""
        return self._change(lambda before: {pin for pin in before if not which(pin)})[1]

    def _change(self, change: _Change) -> tuple[list[Pin], list[Pin]]:
        """Writes the pins anew; returns what came and what went."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._locked():
            before = set(self.all())
            after = change(before)
            if after != before:
                self._write(sorted(after, key=_order))
        return sorted(after - before, key=_order), sorted(before - after, key=_order)

    def _write(self, pins: list[Pin]) -> None:
        fresh = self._folder / f"{_FILE}.new"
        with fresh.open("w", encoding="utf-8") as file:
            json.dump([asdict(pin) for pin in pins], file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._folder / _FILE)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self._folder / _LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _order(pin: Pin) -> tuple[str, int, str, str]:
    return pin.cid, -1 if pin.task is None else pin.task, pin.genesis or "", pin.path
