"""PyTorch modules ⇄ arrays: the only importer of PyTorch, and only when called (it takes a second).

A module is code and cannot be taken from a stranger; its numbers can. They travel as safetensors,
never as what ``torch.save`` writes: that is a pickle, and ``torch.load`` of a stranger's file runs
the stranger's code.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from decentralml.learning import weights
from decentralml.learning.errors import FrameworkMissing, MalformedModel, MissingFile
from decentralml.learning.layers import Array, Layers, check_like, template_of
from decentralml.learning.limits import DEFAULT_MODEL_LIMITS, ModelLimits
from decentralml.learning.pickles import refuse_pickles

Module = Any
"""A ``torch.nn.Module``: PyTorch is no dependency of the package, so its types are not there."""
SUFFIX: Final = weights.SUFFIX
_KINDS: Final = ("float16", "float32", "float64")


def state_layers(module: Module) -> Layers:
    """The module's floating-point parameters and buffers, copied, by their ``state_dict`` names.

    Whole-number and boolean ones (BatchNorm's ``num_batches_tracked``, masks) are left out: their
    mean means nothing. BatchNorm's running statistics are floating-point and so belong to the
    model. What the module keeps beside tensors (``get_extra_state``) is left out as well.

    Raises:
        ValueError: an entry has a number type that arrays here do not have (bfloat16, complex).
    """
    return {
        name: np.array(tensor.detach().cpu().numpy(), order="C")
        for name, tensor in _floating(module).items()
    }


def load_layers(module: Module, layers: Layers) -> None:
    """Puts arrays into the module's parameters and buffers, on whatever device they are.

    Whole-number entries keep the module's own values.

    Raises:
        LayerMismatch, ShapeMismatch, DtypeMismatch, NotFinite: nothing was changed then.
    """
    torch = import_torch()
    entries = _floating(module)
    check_like(layers, template_of(state_layers(module)))
    with torch.no_grad():
        for name, tensor in entries.items():
            tensor.copy_(torch.from_numpy(np.array(layers[name], order="C")))


def load_model_safely(
    module: Module, path: Path, limits: ModelLimits = DEFAULT_MODEL_LIMITS
) -> Module:
    """Reads a stranger's file into the module; returns the module.

    Args:
        module: of your own code; the file's names, shapes and types must be its.
        path: ``….safetensors``; anything else is refused unopened.

    Raises:
        PickleRefused: what ``torch.save`` writes, under whatever name.
        MissingFile, MalformedModel, TooLarge, LayerMismatch, ShapeMismatch, DtypeMismatch,
            NotFinite: see there; the module is as it was.
    """
    if not path.is_file():
        raise MissingFile(path.name)
    refuse_pickles(path)
    if path.suffix != SUFFIX:
        raise MalformedModel(f"{path.name} is no {SUFFIX} file")
    load_layers(module, weights.read_arrays(path, limits))
    return module


def save_model(module: Module, path: Path, header: weights.WeightsHeader | None = None) -> None:
    """Writes the module's numbers to ``path`` (``….safetensors``), whole or not at all.

    Args:
        header: for a result, whose count of examples it must repeat.

    Raises:
        NotFinite, ValueError: see ``weights.save_weights`` and ``state_layers``.
    """
    if path.suffix != SUFFIX:
        raise ValueError(f"{path.name} must end in {SUFFIX}")
    weights.save_weights(path, state_layers(module), header or weights.WeightsHeader(examples=1))


def predict(module: Module, inputs: Array, batch_size: int = 500) -> Array:
    """What the module puts out for each row of ``inputs``, in evaluation mode, without gradients.

    The module's mode is as before afterwards.
    """
    torch = import_torch()
    was_training = module.training
    module.eval()
    try:
        with torch.no_grad():
            outputs = [
                module(torch.from_numpy(np.array(inputs[start : start + batch_size]))).numpy()
                for start in range(0, len(inputs), batch_size)
            ]
    finally:
        module.train(was_training)
    return np.concatenate(outputs)


def import_torch() -> Any:
    """PyTorch.

    Raises:
        FrameworkMissing: it is not installed.
    """
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        raise FrameworkMissing("torch") from error


def _floating(module: Module) -> Mapping[str, Any]:
    """Name → tensor, sharing its memory with the module's."""
    torch = import_torch()
    found = {}
    for name, entry in module.state_dict().items():
        if not isinstance(entry, torch.Tensor):
            continue
        kind = str(entry.dtype).removeprefix("torch.")
        if kind in _KINDS:
            found[name] = entry
        elif entry.is_floating_point() or entry.is_complex():
            raise ValueError(f"{name!r} is {kind}; known: {', '.join(_KINDS)}. Try module.float()")
    return found
