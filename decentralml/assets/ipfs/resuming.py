"""What an interrupted fetch brought, kept beside its destination for the next attempt."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from decentralml.assets import places
from decentralml.assets.at_hand import AtHand, Place
from decentralml.assets.cid import fits
from decentralml.assets.fetching import BlockSource
from decentralml.types import Cid

_CONTENT = "content"


class Rest:
    """A folder beside the destination, there only between an interrupted fetch and its next try.

    Nothing in it is believed: whatever is read from it is hashed again.
    """

    def __init__(self, destination: Path, cid: Cid) -> None:
        name = f".{destination.name[:100]}.{cid[-16:]}.rest"
        self.folder = destination.parent / name

    def exists(self) -> bool:
        """Whether there is one."""
        return self.folder.is_dir()

    def before(self, source: BlockSource) -> BlockSource:
        """The same blocks, but those that came before are taken from here."""
        return _Before(AtHand(self.folder), source)

    def keep(self, made: Path, written: dict[bytes, Place]) -> None:
        """Moves what an interrupted fetch wrote here, in place of what an earlier one left."""
        self.drop()
        with suppress(OSError):  # another process was first, or the disk is full: begun anew then
            self.folder.mkdir(mode=0o700)
            made.rename(self.folder / _CONTENT)
            AtHand(self.folder).keep(
                {
                    block: place.moved(made, self.folder / _CONTENT)
                    for block, place in written.items()
                }
            )

    def drop(self) -> None:
        """Removes it."""
        places.remove(self.folder)


class _Before:
    def __init__(self, rest: AtHand, source: BlockSource) -> None:
        self._rest, self._source = rest, source

    def get(self, cid: bytes) -> bytes:
        block = self._rest.get(cid)
        return block if block is not None and fits(cid, block) else self._source.get(cid)
