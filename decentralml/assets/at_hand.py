"""Blocks that lie on this machine already, in files that were fetched before.

Rounds of one job publish models that often share blocks: frozen layers, a dataset beside the
model, a folder whose one file changed. What is at hand is read from there, verified like any other
block, and not asked of the store again.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from decentralml.assets.cid import to_bytes, to_text
from decentralml.errors import InvalidCid
from decentralml.types import Cid

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Place:
    """Where a block's bytes lie: ``length`` bytes of the file ``path``, from ``start`` on."""

    path: Path
    start: int
    length: int

    def moved(self, before: Path, after: Path) -> Place:
        """The same place once the file or folder ``before`` was renamed to ``after``."""
        return Place(after / self.path.relative_to(before), self.start, self.length)


class AtHand:
    """An index of blocks in a folder's files, kept in one text file that only grows.

    A line is written for each block once its file is complete; a line that a crash cut short is
    skipped. Nothing in the index is believed: files may have been changed or removed since, and
    whoever takes a block verifies it.
    """

    def __init__(self, folder: Path, index: str = "blocks") -> None:
        """
        Args:
            folder: the files lie somewhere below it.
            index: name of the index file in it.
        """
        self._folder = folder
        self._index = folder / index
        self._places: dict[bytes, Place] | None = None

    def notes(self, cid: bytes) -> bool:
        """Whether a place is noted for this binary CID; what lies there may have changed since."""
        return cid in self._read()

    def is_empty(self) -> bool:
        """Whether nothing was noted yet."""
        return not self._read()

    def get(self, cid: bytes) -> bytes | None:
        """The bytes noted under this binary CID, not verified; None where there are none."""
        place = self._read().get(cid)
        if place is None:
            return None
        try:
            descriptor = os.open(place.path, _FLAGS)
        except OSError:
            return None
        try:
            return os.pread(descriptor, place.length, place.start)
        finally:
            os.close(descriptor)

    def keep(self, places: dict[bytes, Place]) -> None:
        """Note where blocks lie; files outside the folder are left out."""
        known = self._read()
        fresh = {
            cid: place
            for cid, place in places.items()
            if cid not in known and place.path.is_relative_to(self._folder)
        }
        known.update(fresh)
        lines = "".join(self._line(cid, place) for cid, place in fresh.items())
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._index.open("ab") as file:
            file.write(lines.encode("utf-8", "surrogateescape"))

    def _line(self, cid: bytes, place: Place) -> str:
        inside = place.path.relative_to(self._folder)
        return f"{to_text(cid)} {place.start} {place.length} {inside}\n"

    def _read(self) -> dict[bytes, Place]:
        if self._places is None:
            self._places = {}
            text = self._index.read_bytes() if self._index.exists() else b""
            for line in text.decode("utf-8", "surrogateescape").split("\n")[:-1]:
                with suppress(ValueError, InvalidCid):
                    cid, start, length, inside = line.split(" ", 3)
                    place = Place(self._folder / inside, int(start), int(length))
                    self._places[to_bytes(Cid(cid))] = place
        return self._places
