"""A folder into one sealed file, and back, by the rules that hold for every bundle.

Inside the seal is a CAR file of the folder: its names, order and layout are checked as if it came
from a store.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from decentralml.assets import places
from decentralml.assets.adding import add_path
from decentralml.assets.car import HEADER_LENGTH, CarReader, CarWriter, header
from decentralml.assets.cid import BINARY_LENGTH, Progress
from decentralml.assets.fetching import unpack
from decentralml.assets.rules import BundleLimits, check_folder
from decentralml.assets.sealing.errors import SealBroken
from decentralml.assets.sealing.files import open_file, seal_file
from decentralml.assets.sealing.keys import Identity, SealingKey
from decentralml.assets.store import DEFAULT_LIMITS
from decentralml.assets.unixfs import CHUNK

_PLAIN = "plain.car"
_ANY = b"\xff" * BINARY_LENGTH


def seal_folder(
    folder: Path,
    destination: Path,
    key: SealingKey,
    limits: BundleLimits = DEFAULT_LIMITS,
    progress: Progress | None = None,
) -> None:
    """Write the folder into one sealed file. Twice sealed, it has other bytes each time.

    Args:
        folder: a folder that may be a bundle.
        destination: must not exist; on an error, or killed, nothing is there.
        key: who can open it.

    Raises: BundleRefused, BundleTooLarge: the folder breaks a rule of bundles.
    """
    total = check_folder(folder, limits)
    with places.new_folder_for(destination) as place:
        plain, sealed = place / _PLAIN, place / "sealed"
        with plain.open("w+b") as file:
            writer = CarWriter(file)
            writer.finish(add_path(folder.resolve(), writer.add, None, total).cid)
        seal_file(plain, sealed, key, progress)
        places.move(sealed, destination)


def open_folder(
    sealed: Path,
    destination: Path,
    identity: Identity,
    limits: BundleLimits = DEFAULT_LIMITS,
    progress: Progress | None = None,
) -> None:
    """Write the folder that was sealed, whole or not at all.

    Args:
        sealed: a file of anybody, hostile.
        destination: must not exist.
        identity: opens it.
        limits: on what comes out.

    Raises:
        SealRefused, SealedForAnother, SealBroken: it does not open, or holds no folder.
        ContentMismatch, BundleRefused, BundleTooLarge: what it holds breaks a rule of bundles.
    """
    with places.new_folder_for(destination) as place:
        plain, made = place / _PLAIN, place / "content"
        open_file(sealed, plain, identity, _longest(limits), progress)
        with plain.open("rb", buffering=0) as file:
            root = _root_of(file)
            unpack(CarReader(file, root, most_blocks(limits)), root, made, limits)
        plain.unlink()
        if not made.is_dir():
            raise SealBroken("there is no folder inside")
        places.move(made, destination)


def most_blocks(limits: BundleLimits) -> int:
    """Blocks of the largest bundle, generously: its entries, its chunks, and what names them."""
    return 4 * limits.max_entries + 2 * (limits.max_bytes // CHUNK) + 16


def _longest(limits: BundleLimits) -> int:
    """Bytes of the longest archive of a bundle within these limits."""
    return limits.max_bytes + 4 * limits.max_entries * (limits.max_path + 64) + CHUNK


def _root_of(file: BinaryIO) -> bytes:
    """The root that the archive names; whether it holds it is seen later."""
    head = os.pread(file.fileno(), HEADER_LENGTH, 0)
    start = header(_ANY).index(_ANY)
    root = head[start : start + BINARY_LENGTH]
    if len(root) != BINARY_LENGTH or header(root) != head:
        raise SealBroken("there is no folder inside")
    return root
