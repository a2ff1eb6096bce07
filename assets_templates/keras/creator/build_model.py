"""Builds a small convolutional network and trains it on what the creator has: round 1's model.

The result is ``model.keras``. Then post a task with it, or simulate one:

    decentralml creator create-task FOLDER --model result/model.keras …
    decentralml simulate FOLDER --model result/model.keras …
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evaluate_model import evaluate_model
from load_data import load_data, split
from task import Place, arguments, place, run, settings
from train_model import save_model, train_model

HELD_OUT = 0.2


def build_model(side: int = 28, classes: int = 10) -> Any:
    """A ``keras.Sequential`` (14,410 parameters for 28, 10), not trained.

    Args:
        side: images are ``side`` x ``side`` pixels of 0 to 255.
        classes: how many labels there are.
    """
    import keras

    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((side, side, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dense(classes, activation="softmax"),
        ]
    )


def first_model(where: Place, epochs: int, batch_size: int, seed: int) -> Path:
    """The whole work: load, build, train, check on examples held out, save. Returns the path."""
    import keras

    images, labels = load_data(where.data)
    keras.utils.set_random_seed(seed)
    train, check = split(images, labels, HELD_OUT, seed)
    model = build_model(images.shape[1], int(labels.max()) + 1)
    if epochs:
        train_model(model, train, epochs, batch_size)
    accuracy = evaluate_model(model, *check)["accuracy"]
    print(f"{len(train[1])} examples, accuracy on {len(check[1])} held out {accuracy:.3f}")
    named = save_model(model, where.result, where.contributor)
    return named.replace(named.with_name("model.keras"))


def main() -> None:
    """Parses the options and does the work."""
    chosen = settings()
    parser = arguments(__doc__)
    parser.add_argument(
        "--epochs", type=int, default=chosen.get("epochs", 1), help="0 leaves it untrained"
    )
    parser.add_argument("--batch-size", type=int, default=chosen.get("batch_size", 16))
    parser.add_argument("--seed", type=int, default=chosen.get("seed", 1))
    options = parser.parse_args()
    print(first_model(place(options), options.epochs, options.batch_size, options.seed))


if __name__ == "__main__":
    run(main)
