"""Says how good a model is on the data of a folder: accuracy and loss, a line of JSON a model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from load_data import as_tensor, load_data
from model import build_model
from task import TaskError, arguments, run
from torch import nn
from weights import load


def evaluate_model(model: nn.Module, images: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Accuracy (0 to 1) and loss (mean cross-entropy, nats); the model puts out logits."""
    outputs, wanted = predict(model, images), torch.from_numpy(labels)
    if labels.max() >= outputs.shape[1]:
        raise TaskError(f"there is a label {labels.max()}, the model knows {outputs.shape[1]}")
    right = (outputs.argmax(1) == wanted).double().mean()
    loss = nn.functional.cross_entropy(outputs.double(), wanted)
    return {"accuracy": float(right), "loss": float(loss)}


def predict(model: nn.Module, images: np.ndarray, batch_size: int = 1000) -> torch.Tensor:
    """The model's outputs (n, classes) for images as ``load_data`` gives them."""
    model.eval()
    with torch.no_grad():
        parts = [
            model(as_tensor(images[start : start + batch_size]))
            for start in range(0, len(images), batch_size)
        ]
    return torch.cat(parts)


def main() -> None:
    """Evaluates, prints one JSON object a model."""
    parser = arguments(__doc__)
    parser.add_argument("models", nargs="*", help="instead of --model")
    options = parser.parse_args()
    images, labels = load_data(Path(options.data))
    model = build_model()
    paths: list[str] = options.models or ([options.model] if options.model else [])
    if not paths:
        raise TaskError("no model is given: set MODEL_PATH, or name files")
    for path in paths:
        said = evaluate_model(load(model, Path(path)), images, labels)
        print(json.dumps({"examples": len(labels), **said}))


if __name__ == "__main__":
    run(main)
