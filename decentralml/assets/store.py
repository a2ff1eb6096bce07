"""What every store of assets promises, wherever it keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from decentralml.assets.at_hand import AtHand
from decentralml.assets.cid import Progress
from decentralml.assets.fetching import BlockSource
from decentralml.assets.rules import BundleLimits
from decentralml.types import Cid

DEFAULT_LIMITS = BundleLimits()


class AssetStore(Protocol):
    """Files and folders by content. Never hands out bytes that do not hash to their CID."""

    def put_folder(self, folder: Path, progress: Progress | None = None) -> Cid:
        """Keeps a folder and returns its CID; what the store has whole is not sent to it again.

        Modification times and permissions are not kept.

        Raises:
            BundleRefused, BundleTooLarge: it holds what no bundle may hold.
            NotADirectoryError: it is no folder.
        """

    def put_file(self, file: Path, progress: Progress | None = None) -> Cid:
        """Keeps one file; its name is not kept.

        Raises:
            BundleRefused: it is no regular file.
            BundleTooLarge: it is too long.
        """

    def fetch(
        self,
        cid: Cid,
        destination: Path,
        limits: BundleLimits = DEFAULT_LIMITS,
        progress: Progress | None = None,
        at_hand: AtHand | None = None,
    ) -> None:
        """Writes a file or folder to ``destination``, whole or not at all.

        Blocks ``at_hand`` are not asked of the store, and those that come are noted there.

        Raises:
            InvalidCid: the CID is malformed.
            DestinationExists: something is there.
            AssetNotFound: the store does not have it.
            ContentMismatch: what it has is damaged, incomplete or forged.
            BundleRefused, BundleTooLarge: the content breaks a rule of bundles.
        """

    def open(self, cid: Cid) -> AbstractContextManager[BlockSource]:
        """This content's blocks as they lie in the store, not verified.

        To copy it elsewhere: `put_from` of another store verifies them.

        Raises:
            InvalidCid: the CID is malformed.
            AssetNotFound: the store does not have it.
        """

    def put_from(self, source: BlockSource, cid: Cid, progress: Progress | None = None) -> None:
        """Keeps a file or folder whose blocks come from elsewhere, whole or not at all.

        Each block is verified, and the content is held to the rules of bundles. What the store has
        whole is not sent to it again.

        Raises:
            InvalidCid: the CID is malformed.
            ContentMismatch: a block is missing, damaged or forged, or the layout is another.
            BundleRefused, BundleTooLarge: the content breaks a rule of bundles.
        """

    def has(self, cid: Cid) -> bool:
        """Whether the store has this content; says nothing of whether it is intact."""

    def verify(self, cid: Cid, progress: Progress | None = None) -> None:
        """Reads everything as `fetch` does and raises the same errors, but writes nothing."""

    def list(self) -> Iterator[Cid]:
        """The CIDs that were put, in alphabetical order."""

    def size(self, cid: Cid) -> int:
        """Bytes that the store spends on this content.

        Raises:
            AssetNotFound: the store does not have it.
        """

    def gc(self, keep: set[Cid]) -> int:
        """Removes all that is not in ``keep``; returns how many bytes that freed."""
