"""A store in a folder, which any number of processes share.

Each file or folder that was put is one CAR file, named by its CID, written beside and renamed in.
So putting, reading and clearing need no lock: a reader has the whole file open or finds none, two
that put the same content write the same bytes, and a file removed while it is read stays readable.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from decentralml.assets import places
from decentralml.assets.adding import add_path
from decentralml.assets.at_hand import AtHand
from decentralml.assets.car import CarReader, CarWriter
from decentralml.assets.cid import Progress, parse, to_bytes, to_text
from decentralml.assets.fetching import BlockSource, unpack
from decentralml.assets.rules import BundleLimits, check_file, check_folder
from decentralml.assets.store import DEFAULT_LIMITS
from decentralml.errors import (
    AssetNotFound,
    ContentMismatch,
    InvalidCid,
)
from decentralml.types import Cid

_ENDING = ".car"
_BLOCK = 1 << 20


class LocalStore:
    """An `AssetStore` in a folder, made when first written to."""

    def __init__(self, root: Path, limits: BundleLimits = DEFAULT_LIMITS) -> None:
        """
        Args:
            root: the store's folder.
            limits: held when something is put or verified.
        """
        self.root = root
        self._limits = limits

    def put_folder(self, folder: Path, progress: Progress | None = None) -> Cid:
        """As `AssetStore.put_folder`."""
        if not folder.is_dir():
            raise NotADirectoryError(f"{folder} is not a folder")
        total = check_folder(folder, self._limits)
        return self._put(folder.resolve(), total, progress)

    def put_file(self, file: Path, progress: Progress | None = None) -> Cid:
        """As `AssetStore.put_file`."""
        return self._put(file, check_file(file, self._limits), progress)

    def _put(self, path: Path, total: int, progress: Progress | None) -> Cid:
        return self._keep(lambda writer: add_path(path, writer.add, progress, total).cid)

    def put_from(self, source: BlockSource, cid: Cid, progress: Progress | None = None) -> None:
        """As `AssetStore.put_from`. What is there is read, and replaced if it is damaged."""
        root = to_bytes(cid)
        with suppress(AssetNotFound, ContentMismatch):
            self.verify(cid, progress)
            return

        def copy(writer: CarWriter) -> bytes:
            unpack(source, root, None, self._limits, progress, sink=writer.add)
            return root

        self._keep(copy)

    def _keep(self, make: Callable[[CarWriter], bytes]) -> Cid:
        """An archive of the blocks that ``make`` writes; it returns their root."""
        self.root.mkdir(parents=True, exist_ok=True)
        unfinished, descriptor = places.new_file_in(self.root)
        try:
            with os.fdopen(descriptor, "w+b") as file:
                writer = CarWriter(file)
                root = make(writer)
                writer.finish(root)
                place = self._file(to_text(root))
                if _same_bytes(file, place):
                    places.remove(unfinished)
                else:
                    os.fsync(file.fileno())
                    # Renamed while it is still locked: no sweep takes it for abandoned.
                    unfinished.rename(place)
        except BaseException:
            places.remove(unfinished)
            raise
        places.sync_folder(self.root)
        return to_text(root)

    def fetch(
        self,
        cid: Cid,
        destination: Path,
        limits: BundleLimits = DEFAULT_LIMITS,
        progress: Progress | None = None,
        at_hand: AtHand | None = None,
    ) -> None:
        """As `AssetStore.fetch`. Not forced to the disk: after a power cut, fetch it again."""
        with self.open(cid) as source, places.new_folder_for(destination) as place:
            made = place / "content"
            written = unpack(source, to_bytes(cid), made, limits, progress, at_hand)
            places.move(made, destination)
        if at_hand is not None:
            at_hand.keep(
                {block: found.moved(made, destination) for block, found in written.items()}
            )

    @contextmanager
    def open(self, cid: Cid) -> Iterator[CarReader]:
        """As `AssetStore.open`; also raises `ContentMismatch` for an archive that is none."""
        root = to_bytes(cid)
        try:
            file = self._file(cid).open("rb", buffering=0)
        except FileNotFoundError as error:
            raise AssetNotFound(cid, f"the store at {self.root}") from error
        with file:
            yield CarReader(file, root)

    def has(self, cid: Cid) -> bool:
        """As `AssetStore.has`."""
        return self._file(parse(cid)).is_file()

    def verify(self, cid: Cid, progress: Progress | None = None) -> None:
        """As `AssetStore.verify`."""
        with self.open(cid) as source:
            unpack(source, to_bytes(cid), None, self._limits, progress)

    def list(self) -> Iterator[Cid]:
        """As `AssetStore.list`."""
        with suppress(FileNotFoundError):
            for path in sorted(self.root.iterdir()):
                with suppress(InvalidCid):
                    if path.suffix == _ENDING:
                        yield parse(path.stem)

    def size(self, cid: Cid) -> int:
        """As `AssetStore.size`."""
        try:
            return self._file(parse(cid)).stat().st_size
        except FileNotFoundError as error:
            raise AssetNotFound(cid, f"the store at {self.root}") from error

    def gc(self, keep: set[Cid]) -> int:
        """As `AssetStore.gc`. What is put meanwhile and is not in ``keep`` may go, too."""
        freed = 0
        for cid in self.list():
            if cid not in keep:
                with suppress(AssetNotFound, FileNotFoundError):  # another process was first
                    size = self.size(cid)
                    self._file(cid).unlink()
                    freed += size
        if self.root.is_dir():
            places.sweep(self.root)
        return freed

    def _file(self, cid: Cid) -> Path:
        return self.root / f"{cid}{_ENDING}"


def _same_bytes(file: BinaryIO, place: Path) -> bool:
    """Whether a file is there already, and undamaged: compared, which is cheaper than hashing."""
    try:
        other = place.open("rb")
    except FileNotFoundError:
        return False
    with other:
        file.seek(0)
        while block := file.read(_BLOCK):
            if block != other.read(_BLOCK):
                return False
        return not other.read(1)
