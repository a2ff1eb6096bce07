"""The creator's model of the main job: a small convolutional network, trained in seconds."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any, Final

from decentralml.learning.datasets import Examples
from decentralml.learning.frameworks.keras import import_keras, load_model_safely, save_model

EXAMPLES_SEEN: Final = 3000  # in all epochs together
BATCH_SIZE: Final = 16


def template_function(module: str, name: str) -> Any:
    """A function of a template's script, as a notebook beside it would import it."""
    for folder in ("keras", "keras/creator", "annotation"):
        path = str(Path(__file__).parents[1] / folder)
        if path not in sys.path:
            sys.path.append(path)
    return getattr(importlib.import_module(module), name)


def build_model(side: int = 28, classes: int = 10) -> Any:
    """The creator template's ``build_model``: a ``keras.Sequential``, not trained."""
    import_keras()
    return template_function("build_model", "build_model")(side, classes)


def train_base_model(examples: Examples, path: Path, seed: int) -> None:
    """Builds the model, trains it on what the creator has, and saves it to ``path``."""
    keras = import_keras()
    keras.utils.set_random_seed(seed)
    model = build_model(examples.images.shape[1])
    train = template_function("train_model", "train_model")
    epochs = max(1, EXAMPLES_SEEN // len(examples))
    train(model, as_arrays(examples), epochs=epochs, batch_size=BATCH_SIZE)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_model(model, path)


def evaluate_file(path: Path, examples: Examples) -> float:
    """Accuracy (0 to 1) of a ``.keras`` file of unknown origin.

    Raises:
        ResultRefused: the file is not sound.
    """
    evaluate = template_function("evaluate_model", "evaluate_model")
    return float(evaluate(load_model_safely(path), *as_arrays(examples))["accuracy"])


def as_arrays(examples: Examples) -> tuple[Any, Any]:
    """Images (n, height, width, 1) as float32 and labels as int64, as the template trains on."""
    return examples.images.astype("float32")[..., None], examples.labels.astype("int64")
