"""A bundle's blocks out of its parts: in few, large requests, and only those that are needed."""

from __future__ import annotations

import tempfile
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from decentralml.assets.cid import to_text
from decentralml.assets.cloud.layout import PART, Layout, Spot
from decentralml.errors import ContentMismatch

AHEAD = 3  # stretches asked for before they are needed
IN_MEMORY = 4  # stretches that wait there for their blocks to be asked for
_GAP = 128 << 10  # bytes: less than what another request costs
_REPEATS = 4  # blocks kept in case they are asked for again at once


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bytes ``start`` up to ``end`` of the ``part``-th object, with these blocks in them."""

    part: int
    start: int
    end: int
    blocks: frozenset[bytes]


class Arriving(Protocol):
    """Bytes under way; None where there is no such object."""

    def result(self) -> bytes | None: ...

    def cancel(self) -> None: ...


Ask = Callable[[int, int, int], Arriving]
"""Asks for bytes of a part: its number, from where, up to where."""


def plan(layout: Layout, needed: Callable[[bytes], bool]) -> list[Stretch]:
    """What to ask for, in order: needed blocks that lie close together come in one stretch.

    A stretch stays within one part. Blocks of no length are in none.
    """
    stretches: list[Stretch] = []
    inside: set[bytes] = set()
    part = start = end = -1
    for cid, length in layout.blocks:
        spot = layout.spots[cid]
        if length == 0 or not needed(cid):
            continue
        if inside and (
            spot.part != part or spot.start - end > _GAP or spot.start + length - start > PART
        ):
            stretches.append(Stretch(part, start, end, frozenset(inside)))
            inside = set()
        if not inside:
            part, start = spot.part, spot.start
        inside.add(cid)
        end = spot.start + length
    if inside:
        stretches.append(Stretch(part, start, end, frozenset(inside)))
    return stretches


class PartReader:
    """Blocks by binary CID; a `decentralml.assets.fetching.BlockSource`.

    Believes nothing of the bucket but where to look: whoever gets a block verifies it. Memory is
    bounded: stretches whose blocks are not all asked for soon go to a temporary file.
    """

    def __init__(self, layout: Layout, stretches: list[Stretch], ask: Ask, spill: BinaryIO) -> None:
        """
        Args:
            layout: where each block lies.
            stretches: as `plan` made them.
            ask: gets bytes of a part.
            spill: an empty file, for what does not fit in memory.
        """
        self._layout = layout
        self._stretches = stretches
        self._starts = [(one.part, one.start) for one in stretches]
        self._ask = ask
        self._spill = spill
        self._spilled: dict[int, int] = {}  # stretch → where it begins in the file
        self._left = [set(one.blocks) for one in stretches]
        self._coming: dict[int, Arriving] = {}
        self._ready: OrderedDict[int, bytes] = OrderedDict()
        self._latest: OrderedDict[bytes, bytes] = OrderedDict()

    def get(self, cid: bytes) -> bytes:
        """The bytes that the bucket has under this binary CID, not verified.

        Raises:
            ContentMismatch: it has none, or fewer than it says.
            StoreUnreachable, StoreRefused: the bucket could not be read.
        """
        spot = self._layout.spots.get(cid)
        if spot is None:
            raise self._mismatch(f"block {to_text(cid)} is missing")
        if spot.length == 0:
            return b""
        block = self._latest.get(cid)
        if block is None:
            block = self._fresh(cid, spot)
            self._latest[cid] = block
            while len(self._latest) > _REPEATS:
                self._latest.popitem(last=False)
        return block

    def close(self) -> None:
        """Gives up what is still under way."""
        for coming in self._coming.values():
            coming.cancel()

    def _mismatch(self, what: str) -> ContentMismatch:
        return ContentMismatch(to_text(self._layout.root), what)

    def _fresh(self, cid: bytes, spot: Spot) -> bytes:
        number = bisect_right(self._starts, (spot.part, spot.start)) - 1
        stretch = self._stretches[number] if number >= 0 else None
        # Not needed when planned, or let go since: asked for by itself.
        if stretch is None or cid not in stretch.blocks or not self._left[number]:
            return self._whole(self._ask(spot.part, spot.start, spot.start + spot.length), spot)
        self._look_ahead(number)
        at = spot.start - stretch.start
        if number in self._spilled:
            self._spill.seek(self._spilled[number] + at)
            block = self._spill.read(spot.length)
        else:
            block = self._stretch(number)[at : at + spot.length]
        self._left[number].discard(cid)
        if not self._left[number]:
            self._ready.pop(number, None)
        return block

    def _look_ahead(self, number: int) -> None:
        for one in range(number, min(number + AHEAD + 1, len(self._stretches))):
            if len(self._coming) > AHEAD and one != number:
                return
            unread = one not in self._ready and one not in self._spilled and self._left[one]
            if unread and one not in self._coming:
                stretch = self._stretches[one]
                self._coming[one] = self._ask(stretch.part, stretch.start, stretch.end)

    def _stretch(self, number: int) -> bytes:
        if number not in self._ready:
            stretch = self._stretches[number]
            spot = Spot(stretch.part, stretch.start, stretch.end - stretch.start)
            self._ready[number] = self._whole(self._coming.pop(number), spot)
        self._ready.move_to_end(number)
        while len(self._ready) > IN_MEMORY:
            oldest, data = self._ready.popitem(last=False)
            self._spilled[oldest] = self._spill.seek(0, 2)
            self._spill.write(data)
        return self._ready[number]

    def _whole(self, coming: Arriving, spot: Spot) -> bytes:
        data = coming.result()
        name = self._layout.parts[spot.part].name
        if data is None:
            raise self._mismatch(f"its part {name} is missing")
        if len(data) != spot.length:
            raise self._mismatch(f"its part {name} is cut short")
        return data


@contextmanager
def reading(
    layout: Layout, needed: Callable[[bytes], bool], ask: Ask, folder: Path | None
) -> Iterator[PartReader]:
    """A reader of the needed blocks; its temporary file is in ``folder``, or where the system says.

    The file has no name, and is gone with the process.
    """
    with tempfile.TemporaryFile(dir=folder) as spill:
        reader = PartReader(layout, plan(layout, needed), ask, spill)
        try:
            yield reader
        finally:
            reader.close()
