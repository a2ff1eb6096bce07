"""MNIST over HTTP: from whichever mirror answers, checked by hash, resumed where it broke off."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Final

from decentralml.learning.errors import DownloadFailed

Progress = Callable[[int, int], None]
"""Called with (bytes done, bytes in all) of all four files together."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """What a file must be, wherever it comes from."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """The folder that holds all files, each checked."""

    folder: Path
    downloaded: int
    """Bytes that came over the network just now."""


MNIST_FILES: Final[Mapping[str, RemoteFile]] = {
    "train-images-idx3-ubyte.gz": RemoteFile(
        9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
    ),
    "train-labels-idx1-ubyte.gz": RemoteFile(
        28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
    ),
    "t10k-images-idx3-ubyte.gz": RemoteFile(
        1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
    ),
    "t10k-labels-idx1-ubyte.gz": RemoteFile(
        4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
    ),
}
MNIST_MIRRORS: Final = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
_BLOCK: Final = 1 << 16
_TIMEOUT: Final = 15.0


def fetch_mnist(
    folder: Path,
    progress: Progress | None = None,
    mirrors: Sequence[str] = MNIST_MIRRORS,
    files: Mapping[str, RemoteFile] = MNIST_FILES,
) -> Fetched:
    """Puts the files into ``folder``; those that are there and right are not fetched again.

    Args:
        progress: called as bytes arrive, and once for what was there.
        mirrors: base addresses ending in ``/``, asked in this order.

    Raises:
        DownloadFailed: a file could be had from no mirror; what arrived stays for the next try.
    """
    folder.mkdir(parents=True, exist_ok=True)
    total = sum(file.size for file in files.values())
    done = downloaded = 0
    for name, wanted in files.items():
        target = folder / name

        def tell(size: int, before: int = done) -> None:
            if progress is not None:
                progress(before + size, total)

        if not _is_right(target, wanted):
            downloaded += _fetch(target, wanted, mirrors, tell)
        done += wanted.size
        tell(0, done)
    return Fetched(folder, downloaded)


def _fetch(
    target: Path, wanted: RemoteFile, mirrors: Sequence[str], tell: Callable[[int], None]
) -> int:
    partial = target.with_name(target.name + ".part")
    reasons = []
    received = 0
    for mirror in mirrors:
        try:
            received += _download(mirror + target.name, partial, wanted.size, tell)
        except (OSError, HTTPException) as error:
            reasons.append(f"{mirror}: {error}")
            continue
        if _is_right(partial, wanted):
            partial.replace(target)
            return received
        reasons.append(f"{mirror}: other bytes than expected")
        partial.unlink()
    raise DownloadFailed(f"{target.name}: {'; '.join(reasons) or 'no mirror was named'}")


def _download(address: str, partial: Path, size: int, tell: Callable[[int], None]) -> int:
    """Appends what is missing; a server that does not resume sends all of it again."""
    have = partial.stat().st_size if partial.exists() else 0
    if have >= size:
        return 0
    request = urllib.request.Request(address, headers={"Range": f"bytes={have}-"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310
        resumed = answer.status == 206
        received, have = 0, have if resumed else 0
        with partial.open("ab" if resumed else "wb") as file:
            # One byte more than expected is enough to know that it is not the file.
            while block := answer.read(min(_BLOCK, size + 1 - have)):
                file.write(block)
                received, have = received + len(block), have + len(block)
                tell(min(have, size))
    return received


def _is_right(path: Path, wanted: RemoteFile) -> bool:
    if not path.is_file() or path.stat().st_size != wanted.size:
        return False
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest() == wanted.sha256
