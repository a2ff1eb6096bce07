"""Averages contributors' models, weighted by examples: the creator's part, as in a notebook.

Each contributor's folder holds ``model-<contributor>.keras`` and ``result.json``. These functions
trust the files; the marketplace's own ``decentralml.learning.federate`` does not: use it for
results of strangers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from evaluate_model import evaluate_model
from load_data import load_data
from task import TaskError, arguments, place, run
from train_model import save_model

__all__ = ["federated_contributors_model", "load_contributors_model", "save_model"]


def load_contributors_model(folder: Path) -> tuple[Any, int, str]:
    """A contributor's model, its number of training examples, and the contributor's identity."""
    import keras

    files = sorted(folder.glob("model-*.keras"))
    if len(files) != 1:
        raise TaskError(f"{folder} holds {len(files)} files model-*.keras, not one")
    note = json.loads((folder / "result.json").read_text())
    model = keras.models.load_model(files[0], compile=False)
    return model, int(note["examples"]), files[0].stem.removeprefix("model-")


def federated_contributors_model(base: Any, contributions: Iterable[tuple[Any, int]]) -> Any:
    """The base model's structure with the mean of the contributors' weights.

    Args:
        base: any model of the structure; it is not changed.
        contributions: (model, examples); each model has the base's structure.
    """
    import keras

    total = 0
    sums = [np.zeros(weight.shape) for weight in base.get_weights()]
    for model, examples in contributions:
        weights = model.get_weights()
        if [weight.shape for weight in weights] != [weight.shape for weight in sums]:
            raise TaskError("a contributor's model has another structure than the base model")
        sums = [have + weight * examples for have, weight in zip(sums, weights, strict=True)]
        total += examples
    if not total:
        raise TaskError("there are no contributors' models to average")
    federated = keras.models.clone_model(base)
    federated.set_weights([weight / total for weight in sums])
    return federated


def main() -> None:
    """Federates the folders within a folder; says how good each is, and all together."""
    import keras

    parser = arguments(__doc__)
    parser.add_argument("contributions", nargs="+", help="contributors' result folders")
    options = parser.parse_args()
    where = place(options)
    base = keras.models.load_model(where.model_path(), compile=False)
    images, labels = load_data(where.data)
    loaded = [load_contributors_model(Path(folder)) for folder in options.contributions]
    federated = federated_contributors_model(base, [(model, n) for model, n, _ in loaded])
    named = [(name, model) for model, _, name in loaded]
    for name, model in [("base", base), *named, ("federated", federated)]:
        print(f"{name:>16}  {evaluate_model(model, images, labels)['accuracy']:.4f}")
    print(save_model(federated, where.result, "federated"))


if __name__ == "__main__":
    run(main)
