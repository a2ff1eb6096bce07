"""Changes the model's structure and trains the new one briefly, to show that it works.

An engineer's work is ``redefine_model``: change it as you see fit. The result is
``model-<contributor>.keras``, ``result.json``, and this file as it was run.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from evaluate_model import evaluate_model
from load_data import load_data, split
from task import Place, TaskError, arguments, place, run, settings, write_note
from train_model import save_model, train_model

HELD_OUT = 0.2


def redefine_model(model: Any, units: int = 64, dropout: float = 0.25) -> Any:
    """A model with one more hidden layer before its output; the layers before keep their weights.

    Args:
        model: a chain of layers (Sequential, or Functional with one input) ending in Dense.
        units: width of the additional layer.
        dropout: share of it that is left out while training; 0 adds none.
    """
    import keras

    body, head = model.layers[:-1], model.layers[-1]
    if not isinstance(head, keras.layers.Dense):
        raise TaskError(f"the last layer is a {type(head).__name__}, not Dense")
    copied = [layer.__class__.from_config(layer.get_config()) for layer in body]
    added = [keras.layers.Dense(units, activation="relu", name="added_by_engineer")]
    if dropout:
        added.append(keras.layers.Dropout(dropout))
    output = keras.layers.Dense(head.units, activation="softmax", name="new_output")
    changed = keras.Sequential([keras.Input(model.input_shape[1:]), *copied, *added, output])
    for new, old in zip(copied, body, strict=True):
        new.set_weights(old.get_weights())
    return changed


def engineer(where: Place, units: int, epochs: int, batch_size: int, seed: int) -> Path:
    """The whole work: load, change, train, compare with the old model, save."""
    import keras

    images, labels = load_data(where.data)
    keras.utils.set_random_seed(where.seed(seed))
    train, check = split(images, labels, HELD_OUT, seed)
    old = keras.models.load_model(where.model_path(), compile=False)
    before = evaluate_model(old, *check)
    new = redefine_model(old, units)
    train_model(new, train, epochs, batch_size)
    after = evaluate_model(new, *check)
    path = save_model(new, where.result, where.contributor)
    shutil.copy(__file__, where.result / Path(__file__).name)
    metrics = {
        **after,
        **{f"{name}_before": value for name, value in before.items()},
        "parameters": float(new.count_params()),
        "parameters_before": float(old.count_params()),
    }
    write_note(where.result, len(train[1]), metrics)
    print(
        f"{old.count_params()} -> {new.count_params()} parameters, accuracy on "
        f"{len(check[1])} held out {before['accuracy']:.3f} -> {after['accuracy']:.3f}"
    )
    return path


def main() -> None:
    """Parses the options and does the work."""
    chosen = settings()
    parser = arguments(__doc__)
    parser.add_argument("--units", type=int, default=chosen.get("units", 64))
    parser.add_argument("--epochs", type=int, default=chosen.get("epochs", 1))
    parser.add_argument("--batch-size", type=int, default=chosen.get("batch_size", 32))
    parser.add_argument("--seed", type=int, default=chosen.get("seed", 1))
    options = parser.parse_args()
    engineer(place(options), options.units, options.epochs, options.batch_size, options.seed)


if __name__ == "__main__":
    run(main)
