"""Loads the images and labels that a contributor keeps in a folder.

The folder holds either ``.npz`` files with the arrays ``images`` (n, height, width) and ``labels``
(n,), or MNIST's idx files (``train-images-idx3-ubyte.gz``, ``train-labels-idx1-ubyte.gz``).
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
from task import TaskError, arguments, run

IMAGES = "train-images-idx3-ubyte"
LABELS = "train-labels-idx1-ubyte"


def load_data(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, height, width), bytes, and labels (n,), int64 from 0.

    Raises:
        TaskError: there are none, or they do not fit each other.
    """
    if not folder.is_dir():
        raise TaskError(f"there is no folder {folder}: set DATA_DIR, or use --data FOLDER")
    shards = sorted(folder.glob("*.npz"))
    if shards:
        parts = [_read_shard(shard) for shard in shards]
        images = np.concatenate([part[0] for part in parts])
        labels = np.concatenate([part[1] for part in parts])
    else:
        images, labels = _read_idx(folder, IMAGES), _read_idx(folder, LABELS)
    if images.ndim != 3 or labels.shape != images.shape[:1] or not len(labels):
        raise TaskError(f"images {images.shape} and labels {labels.shape} in {folder} do not fit")
    return images, labels.astype("int64")


def as_tensor(images: np.ndarray) -> Any:
    """Images as the model takes them: float32 (n, 1, height, width) from 0 to 1.

    Channels last in memory: on a CPU convolutions are half as fast again that way.
    """
    import torch

    scaled = torch.from_numpy(images[:, None].astype("float32") / 255)
    return scaled.contiguous(memory_format=torch.channels_last)


def split(
    images: np.ndarray, labels: np.ndarray, share: float, seed: int
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """(images, labels) to train on, and the rest to check with: ``share`` of all.

    A share of 0 holds nothing out; another one at least one example, and never all.
    """
    if share and len(labels) < 2:
        raise TaskError("at least two examples are needed, one of them to check with")
    rows = np.random.default_rng(seed).permutation(len(labels))
    held = min(max(1, round(share * len(labels))), len(labels) - 1) if share else 0
    train, check = np.sort(rows[held:]), np.sort(rows[:held])
    return (images[train], labels[train]), (images[check], labels[check])


def counts(labels: np.ndarray) -> dict[int, int]:
    """Label → how many there are, for the labels that occur."""
    return {int(label): int((labels == label).sum()) for label in np.unique(labels)}


def _read_shard(path: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as shard:
            return shard["images"], shard["labels"]
    except (KeyError, ValueError, OSError) as error:
        raise TaskError(f"{path} must hold arrays 'images' and 'labels': {error}") from error


def _read_idx(folder: Path, name: str) -> np.ndarray:
    for path in (folder / f"{name}.gz", folder / name):
        if path.is_file():
            data = gzip.decompress(path.read_bytes()) if path.suffix else path.read_bytes()
            sizes = np.frombuffer(data, ">u4", count=data[3], offset=4)
            return np.frombuffer(data, np.uint8, offset=4 + 4 * len(sizes)).reshape(sizes)
    raise TaskError(f"{folder} has neither .npz files nor {name}.gz")


def main() -> None:
    """Prints what is in the folder."""
    options = arguments(__doc__).parse_args()
    images, labels = load_data(Path(options.data))
    size = f"{images.shape[1]} x {images.shape[2]}"
    print(f"{len(labels)} images of {size}; by label: {counts(labels)}")


if __name__ == "__main__":
    run(main)
