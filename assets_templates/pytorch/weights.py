"""A module's numbers in and out of ``.safetensors`` files: no pickle, nothing is executed."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from task import TaskError
from torch import nn

Tensors = dict[str, torch.Tensor]


def tensors_of(model: nn.Module) -> Tensors:
    """Name → copy of each floating-point parameter and buffer.

    Whole-number buffers (BatchNorm's ``num_batches_tracked``) are left out: their mean is nothing.
    """
    return {
        name: tensor.detach().clone(memory_format=torch.contiguous_format)
        for name, tensor in model.state_dict().items()
        if tensor.is_floating_point()
    }


def save(model: nn.Module, path: Path) -> None:
    """Writes the model's numbers to ``path``."""
    save_tensors(tensors_of(model), path)


def save_tensors(tensors: Tensors, path: Path) -> None:
    """Writes named tensors to ``path``."""
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)


def load(model: nn.Module, path: Path) -> nn.Module:
    """Reads a file into the model; returns the model.

    Raises:
        TaskError: the file is no safetensors file, or another model's.
    """
    found, expected = read(path), tensors_of(model)
    if set(found) != set(expected):
        other = sorted(set(found) ^ set(expected))
        raise TaskError(f"{path} is of another model: only one of them has {other[0]!r}")
    for name, tensor in expected.items():
        if found[name].shape != tensor.shape or found[name].dtype != tensor.dtype:
            raise TaskError(f"{name!r} in {path} has another shape or number type than the model's")
    model.load_state_dict(found, strict=False)
    return model


def read(path: Path) -> Tensors:
    """The tensors of a ``.safetensors`` file."""
    try:
        tensors: Tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise TaskError(f"{path} cannot be read: {error}") from error
    return tensors
