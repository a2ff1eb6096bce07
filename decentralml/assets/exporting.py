"""Content of a store as one CAR file: a single content, or several under one root.

The file is written beside its destination and renamed. What an export that was interrupted left is
gone on with: its blocks are verified and not asked of the store again.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from decentralml.assets import places
from decentralml.assets.car import HEADER_LENGTH, header
from decentralml.assets.cid import Progress, to_bytes, to_text
from decentralml.assets.composing import Part, compose, distinct, entry_of, page_of
from decentralml.assets.fetching import BlockSource, ExpectingSource, unpack
from decentralml.assets.store import DEFAULT_LIMITS, AssetStore
from decentralml.assets.streamed import car_blocks
from decentralml.assets.unixfs import Entry, varint
from decentralml.errors import (
    AssetNotFound,
    BundleRefused,
    BundleTooLarge,
    ContentMismatch,
    DestinationExists,
    ExportUnderWay,
    StoreRefused,
)
from decentralml.types import Cid

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: the root's CID and the file's length."""

    root: Cid
    bytes: int


def export_content(
    store: AssetStore,
    cid: Cid,
    file: Path,
    progress: Progress | None = None,
) -> Exported:
    """Writes one content of a store into a CAR file; kubo imports it too.

    Memory stays flat but for an index of 300 bytes a block.

    Args:
        progress: told (bytes of blocks so far, bytes in all).

    Raises:
        DestinationExists: something is at ``file``.
        InvalidCid, AssetNotFound, ContentMismatch, BundleRefused, BundleTooLarge: as
            `AssetStore.fetch`.
    """
    with _growing(file, to_bytes(cid)) as car:
        _add(store, cid, car, progress)
        return car.finish(cid)


def export_parts(
    store: AssetStore,
    parts: Sequence[Part],
    about: Mapping[str, object],
    file: Path,
    progress: Progress | None = None,
) -> Exported:
    """Writes several contents under one root, as `composing.compose` makes it, into a CAR file.

    Args:
        about: what they are parts of, for the file ``parts.json`` beside them; JSON can hold it.

    Raises: as `export_content`.
    """
    page = page_of(parts, about)
    entries: dict[str, Entry] = {}
    for part in parts:
        if part.path in entries:
            raise BundleRefused(part.path, "another part stands there")
        with store.open(part.cid) as source:
            entries[part.path] = entry_of(source, part.cid)
    root = compose(entries, page)
    sizes = {to_text(entry.cid): entry.tsize for entry in entries.values()}
    total, done = sum(sizes.values()), 0
    with _growing(file, to_bytes(root)) as car:
        compose(entries, page, car.add)
        for cid in distinct(parts):
            _add(store, cid, car, _shifted(progress, done, total))
            done += sizes[cid]
        return car.finish(root)


def _add(store: AssetStore, cid: Cid, car: _Growing, progress: Progress | None) -> None:
    root = to_bytes(cid)
    with store.open(cid) as source:
        unpack(_First(car, source), root, None, DEFAULT_LIMITS, progress, sink=car.add)


def _shifted(progress: Progress | None, before: int, total: int) -> Progress | None:
    """Progress of one of several parts, told as progress of all."""
    if progress is None:
        return None
    tell = progress
    return lambda done, _: tell(before + done, max(total, before + done))


class _Growing:
    """A CAR file that goes on where a killed writer stopped."""

    def __init__(self, file: BinaryIO, root: bytes) -> None:
        self._file = file
        self._places: dict[bytes, tuple[int, int]] = {}
        start = header(root)
        self._end = HEADER_LENGTH
        if file.read(HEADER_LENGTH) == start:
            self._take_over(root)
        file.seek(0)
        file.write(start)
        file.truncate(self._end)
        file.seek(self._end)

    def _take_over(self, root: bytes) -> None:
        """Notes the blocks that are whole and intact; what follows them is cut off."""
        self._file.seek(0)
        try:
            for cid, block in car_blocks(iter(lambda: self._file.read(_PIECE), b""), root):
                self._note(cid, len(block))
        except ContentMismatch:
            pass  # what comes before the damage is good

    def _note(self, cid: bytes, length: int) -> None:
        before = self._end + len(varint(len(cid) + length)) + len(cid)
        self._places.setdefault(cid, (before, length))
        self._end = before + length

    def get(self, cid: bytes) -> bytes | None:
        """A block that is in the file."""
        place = self._places.get(cid)
        if place is None:
            return None
        self._file.flush()
        return os.pread(self._file.fileno(), place[1], place[0])

    def has(self, cid: bytes) -> bool:
        """Whether the file has this block."""
        return cid in self._places

    def add(self, cid: bytes, block: bytes | memoryview) -> None:
        """Appends a block that is not there yet; a `decentralml.assets.unixfs.Sink`."""
        if cid not in self._places:
            self._file.write(varint(len(cid) + len(block)) + cid)
            self._file.write(block)
            self._note(cid, len(block))

    def finish(self, root: Cid) -> Exported:
        """Waits until all is on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return Exported(root, self._end)


class _First:
    """A `BlockSource`: what the file has is not asked of the store."""

    def __init__(self, car: _Growing, source: BlockSource) -> None:
        self._car, self._source = car, source

    def get(self, cid: bytes) -> bytes:
        block = self._car.get(cid)
        return self._source.get(cid) if block is None else block

    def expect(self, cids: Iterable[bytes]) -> None:
        """Hands on what the file has not."""
        if isinstance(self._source, ExpectingSource):
            self._source.expect(cid for cid in cids if not self._car.has(cid))


def _take(file: BinaryIO, unfinished: Path, destination: Path) -> None:
    """Makes the unfinished file ours alone."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ExportUnderWay(str(destination)) from None
    # Finished and renamed by another process after it was opened here.
    if not unfinished.exists() or not os.path.samestat(os.fstat(file.fileno()), unfinished.stat()):
        raise DestinationExists(str(destination))


@contextmanager
def _growing(destination: Path, root: bytes) -> Iterator[_Growing]:
    """The unfinished file for a destination, which gets its name when the block ends well."""
    if os.path.lexists(destination):
        raise DestinationExists(str(destination))
    unfinished = destination.with_name(
        f".{destination.name[:100]}.{to_text(root)[-16:]}.unfinished"
    )
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(unfinished, flags, 0o666), "r+b") as file:
        _take(file, unfinished, destination)
        try:
            yield _Growing(file, root)
            places.move(unfinished, destination)
        except (AssetNotFound, ContentMismatch, BundleRefused, BundleTooLarge, StoreRefused):
            places.remove(unfinished)  # going on would end the same way
            raise
    places.sync_folder(destination.parent)
