"""A model's file measured on somebody's own held-out data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from decentralml.learning.datasets import load_shards
from decentralml.learning.evaluate import accuracy, cross_entropy
from decentralml.learning.measure_script import EVALUATE, measuring_by_script


def measuring(folder: Path) -> Callable[[Path], dict[str, float]]:
    """A function from a model's file to its figures on the data of a folder.

    A folder with a script ``evaluate_model.py`` measures by it, models of any framework: see
    ``measure_script``. In another one the ``.npz`` files are the data, read once, and a ``.keras``
    file gets its ``accuracy`` (0 to 1) and ``loss`` (nats). That file may be a stranger's: it is
    loaded as ``frameworks.keras.load_model_safely`` says, and raises as that does.

    Raises:
        DataNotFound: the folder holds no data.
    """
    if (folder / EVALUATE).is_file():
        return measuring_by_script(folder)
    # Only here: it needs what comes with Keras.
    from decentralml.learning.frameworks.keras import load_model_safely, predict

    examples = load_shards(folder)
    inputs = examples.images.astype(np.float32)[..., None]

    def measure(model: Path) -> dict[str, float]:
        chances = predict(load_model_safely(model), inputs)
        labels = examples.labels.astype(np.int64)
        return {"accuracy": accuracy(chances, labels), "loss": cross_entropy(chances, labels)}

    return measure
