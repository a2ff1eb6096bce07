"""A model as named arrays, and the checks that one must pass before it is summed with others."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from decentralml.learning.errors import DtypeMismatch, LayerMismatch, NotFinite, ShapeMismatch

Array = npt.NDArray[Any]
Layers = dict[str, Array]
"""Name → floating-point array, in the order of the model's file."""

LARGEST: Final = float(np.finfo(np.float32).max)
_BLOCK: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class LayerSpec:
    """What an array must look like: its shape and number type, without its bytes."""

    shape: tuple[int, ...]
    dtype: str


Template = Mapping[str, LayerSpec]
"""The arrays that every update of a round must have: name → spec."""


def template_of(layers: Layers) -> dict[str, LayerSpec]:
    """The template that updates of this model must fit."""
    return {name: LayerSpec(array.shape, str(array.dtype)) for name, array in layers.items()}


def check_specs(found: Template, template: Template) -> None:
    """Compares names, shapes and number types, before any array is read.

    Raises:
        LayerMismatch, ShapeMismatch, DtypeMismatch: the first difference, by the template's order.
    """
    missing = [name for name in template if name not in found]
    extra = sorted(name for name in found if name not in template)
    if missing or extra:
        raise LayerMismatch(missing, extra)
    for name, expected in template.items():
        spec = found[name]
        if spec.shape != expected.shape:
            raise ShapeMismatch(name, spec.shape, expected.shape)
        if spec.dtype != expected.dtype:
            raise DtypeMismatch(name, spec.dtype, expected.dtype)


def check_finite(layers: Layers) -> None:
    """Raises NotFinite if an array holds NaN, infinity, or a magnitude above single precision's.

    The last would let one double-precision update overflow everyone's sum.
    """
    for name, array in layers.items():
        flat = array.reshape(-1)
        blocks = (flat[start : start + _BLOCK] for start in range(0, flat.size, _BLOCK))
        wrong = sum(count_not_finite(block) for block in blocks)
        if wrong:
            raise NotFinite(name, wrong)


def count_not_finite(block: Array) -> int:
    """How many numbers are NaN, infinite, or above single precision's range in magnitude."""
    if not block.size:
        return 0
    largest = min(LARGEST, float(np.finfo(block.dtype).max))
    # Two reductions write no array of their own; NaN comes out of both and fails the comparison.
    if block.max() <= largest and block.min() >= -largest:
        return 0
    with np.errstate(invalid="ignore"):
        return int(block.size - np.count_nonzero(np.abs(block) <= largest))


def check_like(layers: Layers, template: Template) -> None:
    """Raises a ResultRefused unless ``layers`` may be summed with the template's model."""
    check_specs(template_of(layers), template)
    check_finite(layers)


def fingerprint(layers: Layers) -> str:
    """SHA-256 (hex) of names, shapes, types and values, whatever the file format."""
    digest = hashlib.sha256()
    for name in sorted(layers):
        array = np.asarray(layers[name], order="C")
        digest.update(repr((name, array.shape, array.dtype.str)).encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
