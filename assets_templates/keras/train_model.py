"""Trains the round's model on the contributor's own data and leaves it in the result folder.

The result is ``model-<contributor>.keras`` (or, compressed, ``update.safetensors``) and
``result.json`` (with SCAFFOLD also ``strategy.safetensors``); the data stays where it is.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from compress import save_update
from corrections import Controls, arrays_of, controls_for, keep, names_of, with_corrections
from evaluate_model import evaluate_model
from load_data import load_data, split
from own_layers import keep_own, put_back
from task import Place, TaskError, arguments, place, run, settings, write_note

HELD_OUT = 0.1  # of the contributor's data, for the metrics
ADAM, SGD = "adam", "sgd"


@dataclass(frozen=True)
class Work:
    """How a contributor trains in a round: the creator's choices, by the names in settings.json."""

    epochs: int = 1
    batch_size: int = 32
    optimizer: str = ADAM
    """``adam`` or ``sgd``; begins anew in every round."""
    learning_rate: float = 0.001
    momentum: float = 0.0
    """Of sgd."""
    mu: float = 0.0
    """FedProx: how strongly the round's model holds."""
    skip: str = ""
    """FedBN: the layers that stay the contributor's own, ``*batch_norm*,bn*``."""
    scaffold: bool = False
    """Correct each step by the controls, and send how the own one changed; sgd only."""
    compression: str = ""
    """``float16``, ``int8`` or ``topk``: send only what changed, compressed (see compress.py)."""
    sent_fraction: float = 0.05
    """Of topk: the share of each layer's numbers that is sent."""
    seed: int = 1

    @classmethod
    def of(cls, chosen: dict[str, Any]) -> Work:
        """From settings; those that other scripts read are passed over.

        Raises:
            TaskError: a value of the wrong kind.
        """
        kinds = {field.name: type(field.default) for field in fields(cls)}
        try:
            return cls(**{name: kinds[name](chosen[name]) for name in kinds if name in chosen})
        except (TypeError, ValueError) as error:
            raise TaskError(f"a setting is of the wrong kind: {error}") from error

    def steps(self, examples: int) -> int:
        """Batches in a round."""
        return self.epochs * -(-examples // self.batch_size)


def train_model(  # noqa: PLR0913 - as short to call in a notebook as it can be
    model: Any,
    data: tuple[np.ndarray, np.ndarray],
    epochs: int = 1,
    batch_size: int = 32,
    learning_rate: float = 0.001,
    *,
    work: Work | None = None,
    controls: Controls | None = None,
) -> Any:
    """Trains ``model`` in place on images and labels as ``load_data`` gives them; returns it.

    The optimizer begins anew, whatever the model brings.

    Args:
        work: all choices, in place of the three before it.
        controls: SCAFFOLD's, or None.
    """
    images, labels = data
    how = work or Work(epochs, batch_size, learning_rate=learning_rate)
    _compile(model, with_corrections(optimizer_for(how), model, how.mu, controls))
    model.fit(images, labels, epochs=how.epochs, batch_size=how.batch_size, verbose=2)
    # Without the corrections, which are this round's: the model can be copied and saved.
    _compile(model, optimizer_for(how))
    return model


def _compile(model: Any, optimizer: Any) -> None:
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])


def optimizer_for(work: Work) -> Any:
    """The optimizer that the work names.

    Raises:
        TaskError: there is none of that name.
    """
    import keras

    if work.optimizer == SGD:
        return keras.optimizers.SGD(work.learning_rate, work.momentum)
    if work.optimizer == ADAM:
        return keras.optimizers.Adam(work.learning_rate)
    raise TaskError(f"the optimizer is {work.optimizer!r}; it may be {ADAM} or {SGD}")


def save_model(model: Any, folder: Path, contributor: str) -> Path:
    """Saves ``model-<contributor>.keras``, without the optimizer's state, which is larger."""
    import keras

    bare = keras.models.clone_model(model)
    bare.set_weights(model.get_weights())
    path = folder / f"model-{contributor}.keras"
    bare.save(path)
    return path


def contribute(where: Place, work: Work) -> Path:
    """The whole work: load, train, check on examples held out, save. Returns the result's path."""
    import keras

    images, labels = load_data(where.data)
    keras.utils.set_random_seed(where.seed(work.seed))
    train, check = split(images, labels, HELD_OUT, work.seed)
    model = keras.models.load_model(where.model_path(), compile=False)
    put_back(where, model, work.skip)
    before = evaluate_model(model, *check)
    path = _train_and_save(where, model, train, work)
    keep_own(where, model, work.skip)
    after = evaluate_model(model, *check)
    before = {f"{name}_before": value for name, value in before.items()}
    write_note(where.result, len(train[1]), {**after, **before})
    print(
        f"round {where.round}: {len(train[1])} examples, accuracy on {len(check[1])} "
        f"held out {before['accuracy_before']:.3f} -> {after['accuracy']:.3f}"
    )
    return path


def _train_and_save(
    where: Place, model: Any, train: tuple[np.ndarray, np.ndarray], work: Work
) -> Path:
    if not work.compression:
        _train_in_round(where, model, train, work)
        return save_model(model, where.result, where.contributor)
    names = names_of(model)
    start = arrays_of(model, names)
    _train_in_round(where, model, train, work)
    end = arrays_of(model, names)
    return save_update(where, start, end, work.compression, work.sent_fraction)


def _train_in_round(
    where: Place, model: Any, train: tuple[np.ndarray, np.ndarray], work: Work
) -> None:
    if not work.scaffold:
        train_model(model, train, work=work)
        return
    if work.optimizer != SGD or work.momentum:
        raise TaskError("SCAFFOLD's control is that of plain SGD: set optimizer to sgd, momentum 0")
    controls = controls_for(where, model)
    train_model(model, train, work=work, controls=controls)
    steps = work.steps(len(train[1]))
    keep(where, controls, controls.change(model, steps, work.learning_rate))


def main() -> None:
    """Parses the options and does the work."""
    chosen = Work.of(settings())
    parser = arguments(__doc__)
    for field in fields(Work):
        flag, value = f"--{field.name.replace('_', '-')}", getattr(chosen, field.name)
        if isinstance(value, bool):
            parser.add_argument(flag, action="store_true", default=value)
        else:
            parser.add_argument(flag, type=type(value), default=value)
    options = parser.parse_args()
    contribute(place(options), Work(**{f.name: getattr(options, f.name) for f in fields(Work)}))


if __name__ == "__main__":
    run(main)
