"""Trains the round's model on the contributor's own data and leaves it in the result folder.

The result is ``model-<contributor>.keras`` and ``result.json``; the data stays where it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from evaluate_model import evaluate_model
from load_data import load_data, split
from task import Place, arguments, place, run, settings, write_note

HELD_OUT = 0.1  # of the contributor's data, for the metrics


def train_model(
    model: Any,
    data: tuple[np.ndarray, np.ndarray],
    epochs: int = 1,
    batch_size: int = 32,
    learning_rate: float = 0.001,
) -> Any:
    """Trains ``model`` in place on images and labels as ``load_data`` gives them; returns it.

    The optimizer (Adam) begins anew, whatever the model brings.
    """
    import keras

    images, labels = data
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(images, labels, epochs=epochs, batch_size=batch_size, verbose=2)
    return model


def save_model(model: Any, folder: Path, contributor: str) -> Path:
    """Saves ``model-<contributor>.keras``, without the optimizer's state, which is larger."""
    import keras

    bare = keras.models.clone_model(model)
    bare.set_weights(model.get_weights())
    path = folder / f"model-{contributor}.keras"
    bare.save(path)
    return path


def contribute(where: Place, epochs: int, batch_size: int, learning_rate: float, seed: int) -> Path:
    """The whole work: load, train, check on examples held out, save. Returns the model's path."""
    import keras

    images, labels = load_data(where.data)
    keras.utils.set_random_seed(where.seed(seed))
    train, check = split(images, labels, HELD_OUT, seed)
    model = keras.models.load_model(where.model_path(), compile=False)
    before = evaluate_model(model, *check)
    train_model(model, train, epochs, batch_size, learning_rate)
    after = evaluate_model(model, *check)
    path = save_model(model, where.result, where.contributor)
    before = {f"{name}_before": value for name, value in before.items()}
    write_note(where.result, len(train[1]), {**after, **before})
    print(
        f"round {where.round}: {len(train[1])} examples, accuracy on {len(check[1])} "
        f"held out {before['accuracy_before']:.3f} -> {after['accuracy']:.3f}"
    )
    return path


def main() -> None:
    """Parses the options and does the work."""
    chosen = settings()
    parser = arguments(__doc__)
    parser.add_argument("--epochs", type=int, default=chosen.get("epochs", 1))
    parser.add_argument("--batch-size", type=int, default=chosen.get("batch_size", 32))
    parser.add_argument("--learning-rate", type=float, default=chosen.get("learning_rate", 0.001))
    parser.add_argument("--seed", type=int, default=chosen.get("seed", 1))
    options = parser.parse_args()
    contribute(
        place(options), options.epochs, options.batch_size, options.learning_rate, options.seed
    )


if __name__ == "__main__":
    run(main)
