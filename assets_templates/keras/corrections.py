"""What a federated strategy adds to the gradient, so that contributors do not drift apart.

FedProx (Li and others, MLSys 2020): ``mu * (w - w_round)`` pulls back to the round's model.
SCAFFOLD (Karimireddy and others, ICML 2020): ``c - c_i`` replaces the contributor's own direction
``c_i`` by everybody's, ``c``. After K steps of rate r the contributor's own mean gradient was
``g = c_i - c + (w_round - w) / (K r)``, which becomes ``c_i`` (its option II). The contributor
keeps it in STATE_DIR and sends by how much it changed.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from task import Place, TaskError

Arrays = dict[str, np.ndarray]

CONTROL = "control.safetensors"  # in STATE_DIR: c_i
CHANGE = "strategy.safetensors"  # in RESULT_DIR: by how much c_i changed


def with_corrections(optimizer: Any, model: Any, mu: float, controls: Controls | None) -> Any:
    """The optimizer, its gradients corrected; the same one where there is nothing to correct.

    Args:
        optimizer: a Keras optimizer.
        model: as it is when the round begins.
        mu: FedProx's; 0 for none.
        controls: SCAFFOLD's, or None.
    """
    if not mu and controls is None:
        return optimizer
    import keras

    start = {id(variable): _numbers(variable) for variable in model.trainable_variables}
    turned = {} if controls is None else controls.corrections(model)

    class Corrected(type(optimizer)):  # type: ignore[misc]
        def apply(self, grads: Any, trainable_variables: Any = None) -> Any:
            ops = keras.ops
            variables = trainable_variables or self._trainable_variables
            corrected = []
            for gradient, variable in zip(grads, variables, strict=True):
                if gradient is not None and mu:
                    away = ops.subtract(variable, ops.convert_to_tensor(start[id(variable)]))
                    gradient = ops.add(gradient, ops.multiply(mu, away))  # noqa: PLW2901
                if gradient is not None and id(variable) in turned:
                    gradient = ops.add(gradient, turned[id(variable)])  # noqa: PLW2901
                corrected.append(gradient)
            return super().apply(corrected, trainable_variables)

    return Corrected.from_config(optimizer.get_config())


class Controls:
    """SCAFFOLD's controls of one contributor and one round.

    Args:
        model: as it is when the round begins.
        everybodys: c, by the names of ``arrays_of(model)``; zeros in the first round.
        own: c_i; zeros before the contributor's first round.
    """

    def __init__(self, model: Any, everybodys: Arrays, own: Arrays) -> None:
        self.names = names_of(model)
        self.start = arrays_of(model, self.names)
        self.everybodys, self.own = _like(self.start, everybodys), _like(self.start, own)

    def corrections(self, model: Any) -> dict[int, np.ndarray]:
        """Variable (by ``id``) -> what is added to its gradient: c - c_i."""
        return {
            id(variable): self.everybodys[self.names[number]] - self.own[self.names[number]]
            for number, variable in enumerate(model.variables)
            if variable.trainable
        }

    def change(self, model: Any, steps: int, learning_rate: float) -> Arrays:
        """By how much c_i changes, once the model was trained; nought for what is not trained."""
        trained = {
            self.names[number]
            for number, variable in enumerate(model.variables)
            if variable.trainable
        }
        return {
            name: (
                (self.start[name] - now) / np.float32(steps * learning_rate) - self.everybodys[name]
                if name in trained
                else np.zeros_like(now)
            )
            for name, now in arrays_of(model, self.names).items()
        }


def controls_for(where: Place, model: Any) -> Controls:
    """The controls that the round told and that the contributor kept.

    Raises:
        TaskError: there is no STATE_DIR to keep a control in, or a file is of another model.
    """
    if where.state is None:
        raise TaskError("SCAFFOLD keeps a control from round to round: set STATE_DIR, or --state")
    kept = where.state / CONTROL
    told = _read(where.strategy) if where.strategy else {}
    return Controls(model, told, _read(kept) if kept.is_file() else {})


def keep(where: Place, controls: Controls, change: Arrays) -> None:
    """Keeps the new c_i for the next round, and puts its change into the result."""
    from safetensors.numpy import save_file

    save_file(change, where.result / CHANGE)
    if where.state is not None:
        where.state.mkdir(parents=True, exist_ok=True)
        partial = where.state / f"{CONTROL}.part"
        save_file({name: controls.own[name] + by for name, by in change.items()}, partial)
        partial.replace(where.state / CONTROL)


def arrays_of(model: Any, names: dict[int, str]) -> Arrays:
    """Name -> copy of each floating-point variable."""
    return {name: _numbers(model.variables[number]) for number, name in names.items()}


def names_of(model: Any) -> dict[int, str]:
    """Position in ``model.variables`` -> path in a file of weights, floating-point ones only.

    The marketplace names a layer by that path, which only Keras itself knows: so a copy of the
    model is filled with the positions, and the file that Keras writes is read.
    """
    import h5py
    import keras

    marked = keras.models.clone_model(model)
    for number, variable in enumerate(marked.variables):
        variable.assign(np.full(variable.shape, number, variable.dtype))
    names: dict[int, str] = {}

    def note(path: str, item: Any) -> None:
        if path.startswith("optimizer/"):  # a copy of a compiled model is compiled, too
            return
        if isinstance(item, h5py.Dataset) and np.issubdtype(item.dtype, np.floating) and item.size:
            names[round(float(np.ravel(item[()])[0]))] = path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "marked.weights.h5"
        marked.save_weights(path)
        with h5py.File(path) as file:
            file.visititems(note)
    return names


def _numbers(variable: Any) -> np.ndarray:
    import keras

    return np.array(keras.ops.convert_to_numpy(variable))


def _like(model: Arrays, found: Arrays) -> Arrays:
    """The arrays found, or zeros where there are none."""
    if not found:
        return {name: np.zeros_like(array) for name, array in model.items()}
    shapes = {name: array.shape for name, array in found.items()}
    if shapes != {name: array.shape for name, array in model.items()}:
        raise TaskError("SCAFFOLD's control is of another model than this round's")
    return found


def _read(path: Path) -> Arrays:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        found: Arrays = load_file(path)
    except (OSError, SafetensorError) as error:
        raise TaskError(f"{path} cannot be read: {error}") from error
    return found
