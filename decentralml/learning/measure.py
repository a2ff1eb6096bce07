"""A model's file measured on somebody's own held-out data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from decentralml.learning.datasets import load_shards
from decentralml.learning.evaluate import accuracy, cross_entropy
from decentralml.learning.frameworks.keras import load_model_safely, predict


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
