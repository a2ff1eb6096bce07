"""Handwritten digits: MNIST from a folder or a checked download, else those of scikit-learn."""

from __future__ import annotations

import gzip
import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from decentralml.learning.errors import DataNotFound, DownloadFailed
from decentralml.learning.mirrors import MNIST_FILES, Fetched, Progress, fetch_mnist

MNIST_VARIABLE: Final = "DECENTRALML_MNIST_DIR"
IMAGE_SIDE: Final = 28
_MAX_PIXELS: Final = 1 << 30
_DIGITS_TRAINING: Final = 1437  # of 1,797: scikit-learn's own examples hold out a fifth

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Examples:
    """Images with their labels, row by row."""

    images: Bytes
    """(n, height, width), 0 is background, 255 full ink."""
    labels: Bytes
    """(n,), from 0."""

    def __post_init__(self) -> None:
        if self.images.ndim != 3 or self.labels.shape != self.images.shape[:1]:
            shapes = f"images {self.images.shape} and labels {self.labels.shape}"
            raise DataNotFound(f"{shapes} do not fit; they must be (n, height, width) and (n,)")

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: npt.NDArray[np.int64]) -> Examples:
        """The rows with these numbers."""
        return Examples(self.images[rows], self.labels[rows])

    def save(self, path: Path) -> None:
        """Writes a shard, ``….npz`` with ``images`` and ``labels``: what ``DATA_DIR`` holds."""
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, images=self.images, labels=self.labels)


@dataclass(frozen=True, slots=True)
class Digits:
    """Digits to learn from and to be judged by, and where they come from."""

    train: Examples
    test: Examples
    source: str
    """A sentence's worth: ``MNIST from /data/mnist``."""


def load_digits(
    folder: Path | None = None, cache: Path | None = None, progress: Progress | None = None
) -> Digits:
    """MNIST from ``folder``; without one, downloaded to ``cache``; without both, scikit-learn's.

    ``source`` says which it was. All are 28 x 28 images of 10 digits; scikit-learn's 1,797 are real
    scans of 8 x 8 pixels, drawn larger.

    Raises:
        DataNotFound: ``folder`` is given and does not hold MNIST; or scikit-learn is not installed.
    """
    if folder is not None:
        return load_mnist(folder)
    if cache is None:
        return load_sklearn_digits("no folder with MNIST was named")
    try:
        fetched: Fetched = fetch_mnist(cache, progress)
    except DownloadFailed as error:
        return load_sklearn_digits(f"MNIST could not be downloaded ({error})")
    return load_mnist(fetched.folder)


def mnist_folder(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The folder that ``DECENTRALML_MNIST_DIR`` names, or None where it is not set."""
    named = environment.get(MNIST_VARIABLE)
    return Path(named) if named else None


def load_mnist(folder: Path) -> Digits:
    """The 60,000 and 10,000 images of the four idx files in ``folder``, plain or ``.gz``.

    Raises:
        DataNotFound: a file is missing or damaged.
    """
    parts = [read_idx(_find(folder, name)) for name in MNIST_FILES]
    train_images, train_labels, test_images, test_labels = parts
    train, test = Examples(train_images, train_labels), Examples(test_images, test_labels)
    return Digits(train, test, f"MNIST from {folder}")


def load_shards(folder: Path) -> Examples:
    """All ``.npz`` files of a folder (arrays ``images`` and ``labels``), one after another.

    Raises:
        DataNotFound: there is none, or one does not hold both.
    """
    shards = sorted(folder.glob("*.npz"))
    if not shards:
        raise DataNotFound(f"{folder} has no .npz file with the arrays images and labels")
    parts = [_read_shard(path) for path in shards]
    try:
        images = np.concatenate([part.images for part in parts])
    except ValueError as error:
        raise DataNotFound(f"the images in {folder} are not of one size: {error}") from error
    return Examples(images, np.concatenate([part.labels for part in parts]))


def load_sklearn_digits(why: str) -> Digits:
    """The handwritten digits that come with scikit-learn, drawn three times larger, framed.

    Args:
        why: becomes part of ``source``, so that nobody takes them for MNIST.

    Raises:
        DataNotFound: scikit-learn is not installed.
    """
    try:
        found: Any = importlib.import_module("sklearn.datasets").load_digits()
    except ImportError as error:
        raise DataNotFound(
            f"{why}, and scikit-learn is not installed; set {MNIST_VARIABLE}, "
            "or run: pip install 'decentralml[keras]'"
        ) from error
    ink = np.minimum(np.asarray(found.images) * 16, 255).astype(np.uint8)
    large = np.kron(ink, np.ones((1, 3, 3), np.uint8))
    margin = (IMAGE_SIDE - large.shape[1]) // 2
    images = np.pad(large, ((0, 0), (margin, margin), (margin, margin)))
    all_ = Examples(images, np.asarray(found.target).astype(np.uint8))
    rows = np.random.default_rng(0).permutation(len(all_))
    source = f"the handwritten digits of scikit-learn, as {why}"
    return Digits(all_.take(rows[:_DIGITS_TRAINING]), all_.take(rows[_DIGITS_TRAINING:]), source)


def read_idx(path: Path) -> Bytes:
    """The array of bytes in an idx file (its header: two zeros, 8, dimensions, sizes big-endian).

    Raises:
        DataNotFound: it is no such file, or holds fewer or more bytes than it declares.
    """
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as file:
            head = file.read(4)
            if head[:3] != b"\0\0\x08" or not 1 <= head[3] <= 3:
                raise DataNotFound(f"{path} is no idx file of bytes")
            shape = [int.from_bytes(file.read(4), "big") for _ in range(head[3])]
            size = int(np.prod(shape, dtype=object))
            if size > _MAX_PIXELS:
                raise DataNotFound(f"{path} declares {size} bytes, more than {_MAX_PIXELS}")
            data = file.read(size + 1)
    except (OSError, EOFError) as error:
        raise DataNotFound(f"{path} cannot be read: {error}") from error
    if len(data) != size:
        raise DataNotFound(f"{path} is damaged: not the {size} bytes that it declares")
    return np.frombuffer(data, np.uint8).reshape(shape)


def _find(folder: Path, name: str) -> Path:
    for candidate in (folder / name, folder / name.removesuffix(".gz")):
        if candidate.is_file():
            return candidate
    raise DataNotFound(
        f"{folder} has no {name}; set {MNIST_VARIABLE} to a folder with MNIST's four files"
    )


def _read_shard(path: Path) -> Examples:
    try:
        with np.load(path, allow_pickle=False) as shard:
            return Examples(shard["images"], shard["labels"])
    except (KeyError, ValueError, OSError) as error:
        raise DataNotFound(f"{path} cannot be read: {error}") from error
