"""A model's file measured on somebody's own held-out data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from decentralml.learning.datasets import Examples
from decentralml.learning.errors import DataNotFound
from decentralml.learning.evaluate import accuracy, cross_entropy
from decentralml.learning.frameworks.keras import load_model_safely, predict


def load_shards(folder: Path) -> Examples:
    """All ``.npz`` files of a folder (arrays ``images`` and ``labels``), one after another.

    Raises:
        DataNotFound: there is none, or one does not hold both.
    """
    shards = sorted(folder.glob("*.npz"))
    if not shards:
        raise DataNotFound(f"{folder} has no .npz file with the arrays images and labels")
    parts = [_read(path) for path in shards]
    try:
        images = np.concatenate([part.images for part in parts])
    except ValueError as error:
        raise DataNotFound(f"the images in {folder} are not of one size: {error}") from error
    return Examples(images, np.concatenate([part.labels for part in parts]))


def measuring(folder: Path) -> Callable[[Path], dict[str, float]]:
    """A function from a ``.keras`` file to its ``accuracy`` (0 to 1) and ``loss`` (nats).

    The data is read once. The file may be a stranger's: it is loaded as
    ``frameworks.keras.load_model_safely`` says, and raises as that does.

    Raises:
        DataNotFound: the folder holds no data.
    """
    examples = load_shards(folder)
    inputs = examples.images.astype(np.float32)[..., None]

    def measure(model: Path) -> dict[str, float]:
        chances = predict(load_model_safely(model), inputs)
        labels = examples.labels.astype(np.int64)
        return {"accuracy": accuracy(chances, labels), "loss": cross_entropy(chances, labels)}

    return measure


def _read(path: Path) -> Examples:
    try:
        with np.load(path, allow_pickle=False) as shard:
            return Examples(shard["images"], shard["labels"])
    except (KeyError, ValueError, OSError) as error:
        raise DataNotFound(f"{path} cannot be read: {error}") from error
