"""What an interrupted fetch brought, kept beside its destination for the next attempt."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from decentralml.assets import places
from decentralml.assets.at_hand import AtHand, Place
from decentralml.assets.cid import Progress, fits, raw_cid, to_bytes
from decentralml.assets.fetching import BlockSource, ExpectingSource, unpack
from decentralml.assets.rules import BundleLimits
from decentralml.assets.unixfs import CHUNK
from decentralml.errors import (
    BundleRefused,
    BundleTooLarge,
    ContentMismatch,
    StoreUnreachable,
)
from decentralml.types import Cid

_CONTENT = "content"
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


Opening = Callable[[bool], AbstractContextManager[BlockSource]]
"""Opens a content's blocks; told whether some need not be asked for."""


def fetch(  # noqa: PLR0913, PLR0917 - what `AssetStore.fetch` takes, and where the blocks are
    opening: Opening,
    cid: Cid,
    destination: Path,
    limits: BundleLimits,
    progress: Progress | None,
    at_hand: AtHand | None,
) -> None:
    """As `AssetStore.fetch`, from a source that may go away midway.

    What came before it broke off, or before this process was killed, is kept beside the
    destination, and is not asked for by the next attempt.
    """
    root, rest = to_bytes(cid), Rest(destination, cid)
    rest.adopt()
    some = rest.exists() or (at_hand is not None and not at_hand.is_empty())
    with places.new_folder_for(destination) as place, opening(some) as source:
        made = place / _CONTENT
        before = rest.before(source) if rest.exists() else source
        try:
            written = unpack(before, root, made, limits, progress, at_hand)
        except StoreUnreachable:
            rest.keep(made)
            raise
        except (ContentMismatch, BundleRefused, BundleTooLarge):
            rest.drop()
            raise
        places.move(made, destination)
    rest.drop()
    if at_hand is not None:
        at_hand.keep({block: found.moved(made, destination) for block, found in written.items()})


class Rest:
    """A folder beside the destination, there only between an interrupted fetch and its next try.

    Files in it have their content as far as it came. What that is, is found by hashing them: so
    nothing in it is believed, and nothing was to be noted while the fetch ran.
    """

    def __init__(self, destination: Path, cid: Cid) -> None:
        self._destination = destination
        self._prefix = f".{destination.name[:100]}."
        self.folder = destination.parent / f"{self._prefix}{cid[-16:]}.rest"

    def exists(self) -> bool:
        """Whether there is one."""
        return self.folder.is_dir()

    def adopt(self) -> None:
        """Takes over what a killed process left of its fetch to the same destination."""
        if self.exists() or not self._destination.parent.is_dir():
            return
        for left in places.abandoned(self._destination.parent, self._prefix):
            if (left / _CONTENT).exists():
                self.keep(left / _CONTENT)
                return

    def before(self, source: BlockSource) -> BlockSource:
        """The same blocks, but those that came before are taken from here."""
        return _Before(self.folder / _CONTENT, source)

    def keep(self, made: Path) -> None:
        """Moves what an interrupted fetch wrote here, in place of what an earlier one left."""
        if not any(path.stat().st_size for path in _files(made)):
            return
        self.drop()
        with suppress(OSError):  # another process was first: begun anew then
            self.folder.mkdir(mode=0o700)
            made.rename(self.folder / _CONTENT)

    def drop(self) -> None:
        """Removes it."""
        places.remove(self.folder)


class _Before:
    def __init__(self, content: Path, source: BlockSource) -> None:
        self._source = source
        self._places = {
            raw_cid(chunk): Place(path, at, len(chunk))
            for path in _files(content)
            for at, chunk in _chunks(path)
        }

    def get(self, cid: bytes) -> bytes:
        place = self._places.get(cid)
        if place is not None:
            with place.path.open("rb") as file:
                block = os.pread(file.fileno(), place.length, place.start)
            if fits(cid, block):
                return block
        return self._source.get(cid)

    def expect(self, cids: Iterable[bytes]) -> None:
        """Hands on what does not lie here."""
        if isinstance(self._source, ExpectingSource):
            self._source.expect(cid for cid in cids if cid not in self._places)


def _files(content: Path) -> list[Path]:
    """The regular files in a file or folder."""
    if content.is_dir():
        return [Path(folder) / name for folder, _, names in os.walk(content) for name in names]
    return [content] if content.is_file() else []


def _chunks(path: Path) -> Iterator[tuple[int, bytes]]:
    """A file's chunks, each with where it begins."""
    with os.fdopen(os.open(path, _FLAGS), "rb") as file:
        at = 0
        while chunk := file.read(CHUNK):
            yield at, chunk
            at += len(chunk)
