"""Says how good a model is on the data of a folder: accuracy and loss."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from load_data import load_data
from task import TaskError, arguments, place, run


def evaluate_model(model: Any, images: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Accuracy (0 to 1) and loss (mean cross-entropy, nats) of a classifier with softmax output."""
    chances = predict(model, images)
    if labels.max() >= chances.shape[1]:
        raise TaskError(f"there is a label {labels.max()}, the model knows {chances.shape[1]}")
    chosen = np.clip(chances[np.arange(len(labels)), labels].astype("float64"), 1e-16, 1)
    right = chances.argmax(axis=1) == labels
    return {"accuracy": float(right.mean()), "loss": float(-np.log(chosen).mean())}


def predict(model: Any, images: np.ndarray, batch_size: int = 256) -> np.ndarray:
    """The model's output for each image; eager, as ``model.predict`` compiles every model anew."""
    parts = [
        np.asarray(model(images[start : start + batch_size], training=False))
        for start in range(0, len(images), batch_size)
    ]
    return np.concatenate(parts)


def main() -> None:
    """Evaluates, prints one JSON object."""
    import keras

    options = arguments(__doc__).parse_args()
    where = place(options)
    images, labels = load_data(Path(options.data))
    model = keras.models.load_model(where.model_path(), compile=False)
    print(json.dumps({"examples": len(labels), **evaluate_model(model, images, labels)}))


if __name__ == "__main__":
    run(main)
