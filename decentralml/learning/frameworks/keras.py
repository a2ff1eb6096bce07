"""Keras models ⇄ arrays: the only importer of Keras, and only when called (it takes seconds)."""

from __future__ import annotations

import importlib
import math
import os
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np

from decentralml.learning.errors import FrameworkMissing, MalformedModel, TooLarge
from decentralml.learning.frameworks import keras_archive, keras_weights
from decentralml.learning.layers import Array, Layers, check_like, template_of
from decentralml.learning.limits import DEFAULT_MODEL_LIMITS, ModelLimits

KerasModel = Any
"""A ``keras.Model``: Keras has no types of its own."""
SUFFIX: Final = ".keras"
_OWN: Final = ModelLimits(file_bytes=1 << 62, layers=1 << 31)
"""For models of this process: they are in memory already."""


def load_model_safely(path: Path, limits: ModelLimits = DEFAULT_MODEL_LIMITS) -> KerasModel:
    """The model of a file that a stranger wrote, not compiled.

    The zip, the structure and the HDF5 part are checked before Keras opens anything; the structure
    is then built without memory to see what it would take, and only then loaded.

    Raises:
        TooLarge, ArchiveRefused, MalformedModel, PickleRefused, UnsafeModel, NotFinite: see there.
        LayerMismatch, ShapeMismatch: the file's weights are not those of its own structure.
    """
    keras = import_keras()
    with keras_archive.opened(path, limits) as opened:
        layers = keras_weights.read_arrays(opened.weights, limits)
        _check_cost(opened.config, limits)
        try:
            model = keras.models.load_model(path, compile=False, safe_mode=True)
        except Exception as error:
            raise MalformedModel(f"Keras cannot load {path.name}: {_line(error)}") from error
    check_like(model_layers(model), template_of(layers))
    return model


def model_layers(model: KerasModel) -> Layers:
    """The model's floating-point variables, copied; named by their paths in a ``.keras`` file.

    Left out are the optimizer's variables and whole-number ones (counters, the seeds of dropout):
    their mean means nothing.
    """
    with tempfile.TemporaryDirectory(prefix="decentralml-") as folder:
        weights = Path(folder) / keras_archive.WEIGHTS
        model.save_weights(weights)
        return keras_weights.read_arrays(weights, _OWN)


def set_layers(model: KerasModel, layers: Layers) -> None:
    """Puts arrays into the model's variables.

    Raises:
        LayerMismatch, ShapeMismatch, DtypeMismatch, NotFinite: nothing was changed then.
    """
    with tempfile.TemporaryDirectory(prefix="decentralml-") as folder:
        old, new = (Path(folder) / f"{name}.weights.h5" for name in ("old", "new"))
        model.save_weights(old)
        check_like(layers, keras_weights.read_specs(old, _OWN))
        keras_weights.replace_arrays(old, new, layers.items())
        model.load_weights(new)


def save_model(model: KerasModel, path: Path) -> None:
    """Writes structure and weights to ``path`` (``….keras``), whole or not at all.

    The optimizer's state is left out: it would treble the file, and the next round starts anew.
    """
    keras = import_keras()
    bare = keras.models.clone_model(model)
    bare.set_weights(model.get_weights())
    partial = path.with_name(f"{path.stem}.part{SUFFIX}")
    bare.save(partial)
    partial.replace(path)


def predict(model: KerasModel, inputs: Array, batch_size: int = 256) -> Array:
    """What the model puts out for each row of ``inputs``.

    Called eagerly: ``model.predict`` compiles each model anew, and warns of that when a creator
    compares many.
    """
    outputs = [
        np.asarray(model(inputs[start : start + batch_size], training=False))
        for start in range(0, len(inputs), batch_size)
    ]
    return np.concatenate(outputs)


def same_structure(a: Path, b: Path, limits: ModelLimits = DEFAULT_MODEL_LIMITS) -> bool:
    """Whether the arrays of two ``.keras`` files have the same names, shapes and types.

    Raises: what is wrong with a file, as ``load_model_safely``.
    """
    with keras_archive.opened(a, limits) as first:
        specs = keras_weights.read_specs(first.weights, limits)
    with keras_archive.opened(b, limits) as second:
        return specs == keras_weights.read_specs(second.weights, limits)


def _check_cost(config: dict[str, Any], limits: ModelLimits) -> None:
    """Builds the structure with variables that have a shape but no memory, and weighs it."""
    keras = import_keras()
    global_state: Any = importlib.import_module("keras.src.backend.common.global_state")

    structure = {key: value for key, value in config.items() if key != "compile_config"}
    pending = global_state.get_global_attribute("uninitialized_variables")
    try:
        with keras.StatelessScope(initialize_variables=False):
            model = keras.saving.deserialize_keras_object(structure, safe_mode=True)
            parameters = model.count_params()
            widest = max(_outputs(model), default=0)
    except Exception as error:
        raise MalformedModel(f"Keras cannot build the structure: {_line(error)}") from error
    finally:
        # The scope left the variables on a list for the next scope, which would allocate them.
        global_state.set_global_attribute("uninitialized_variables", pending or [])
    if parameters > limits.parameters:
        raise TooLarge("the number of parameters", parameters, limits.parameters)
    if widest > limits.activations:
        raise TooLarge("a layer's output for one example", widest, limits.activations)


def _outputs(model: Any) -> list[int]:
    """Numbers that each layer puts out for one example; unknown lengths count as one."""
    sizes = []
    for layer in model.layers:
        for node in layer._inbound_nodes:
            for tensor in node.output_tensors:
                sizes.append(math.prod(size or 1 for size in tensor.shape))
        if hasattr(layer, "layers"):
            sizes += _outputs(layer)
    return sizes


def import_keras() -> Any:
    """Keras, its backend told to be quiet.

    Raises:
        FrameworkMissing: it is not installed.
    """
    # Before the first import, or TensorFlow speaks on standard error. oneDNN has a message of its
    # own, and sums in an order that depends on the machine.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    try:
        return importlib.import_module("keras")
    except ImportError as error:
        raise FrameworkMissing("keras") from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:160]
