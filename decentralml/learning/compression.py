"""Updates as compressed differences to the round's model: what a contributor writes.

A safetensors file, ``update.safetensors``, whose header names the method:

float16   ``values/<layer>`` F16, in the layer's shape
int8      ``values/<layer>`` I8, in the layer's shape; ``scales/<layer>`` F32, one for 256 numbers
topk      ``indices/<layer>`` U32, rising; ``values/<layer>`` F32, as many

A number's difference is its value, times its block's scale for ``int8``; a number that ``topk``
does not name did not change. ``decompression`` reads such files.

What is lost in one round can be added to the next one's difference (error feedback: Seide et al.
2014; Stich, Cordonnier, Jaggi 2018); ``topk`` needs that, or small changes are lost for ever.

Papers: eight bits after QSGD (Alistarh et al. 2017), but rounded to the nearest, whose largest
error is half as large; the largest changes alone after Aji and Heafield (2017), by layer.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from decentralml.learning.layers import LARGEST, Array, Layers, LayerSpec, Template, check_like
from decentralml.learning.updates import Readable, read_layer
from decentralml.learning.writing import write_tensors

KEY: Final = "decentralml_update"
SCALED: Final = 256
"""Numbers that share a scale."""
FLOAT16: Final = "float16"
INT8: Final = "int8"
TOPK: Final = "topk"
METHODS: Final = (FLOAT16, INT8, TOPK)
_LEVELS: Final = 127
_HALF_LARGEST: Final = float(np.finfo(np.float16).max)

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Compression:
    """How a difference is written.

    Attributes:
        method: one of ``METHODS``.
        fraction: of ``topk``: the share of each layer's numbers that is sent, at least one number;
            above 0, at most 1.

    Raises:
        ValueError: no such method, or no such fraction.
    """

    method: str
    fraction: float = 0.05

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"no compression is called {self.method!r}; take one of {METHODS}")
        if not 0 < self.fraction <= 1:
            raise ValueError(f"the fraction must be above 0 and at most 1, not {self.fraction}")


def write_update(
    path: Path,
    base: Readable,
    new: Layers,
    compression: Compression,
    residual: Layers | None = None,
) -> Layers:
    """Writes what ``new`` changes of ``base``, compressed; whole or not at all.

    Args:
        path: ends in ``update.safetensors``.
        base: the round's model.
        new: the trained model.
        residual: what an earlier call returned: it is added to the difference.

    Returns: what was lost, name → single precision, to be added to the next round's difference.

    Raises:
        LayerMismatch, ShapeMismatch, DtypeMismatch, NotFinite: ``new`` does not fit ``base``.
        ValueError: a difference is too large for the method.
    """
    check_like(new, base.template)
    rest: Layers = {}
    specs = tensors_of(base.template, compression)
    tensors = _tensors(base, new, compression, residual or {}, rest)
    write_tensors(path, specs, tensors, {KEY: json.dumps({"method": compression.method})})
    return rest


def tensors_of(template: Template, compression: Compression) -> dict[str, LayerSpec]:
    """The file's arrays, in their order."""
    specs = {}
    for name, spec in template.items():
        size = math.prod(spec.shape)
        if compression.method == TOPK:
            count = kept(size, compression.fraction)
            specs[f"indices/{name}"] = LayerSpec((count,), "uint32")
            specs[f"values/{name}"] = LayerSpec((count,), "float32")
        elif compression.method == INT8:
            specs[f"scales/{name}"] = LayerSpec((-(-size // SCALED),), "float32")
            specs[f"values/{name}"] = LayerSpec(spec.shape, "int8")
        else:
            specs[f"values/{name}"] = LayerSpec(spec.shape, "float16")
    return specs


def kept(size: int, fraction: float) -> int:
    """How many of a layer's numbers ``topk`` sends."""
    return min(size, math.ceil(size * fraction))


def _tensors(
    base: Readable, new: Layers, compression: Compression, residual: Layers, rest: Layers
) -> Iterator[tuple[str, Array]]:
    packed = {FLOAT16: _halved, INT8: _quantised, TOPK: _largest}[compression.method]
    for name, spec in base.template.items():
        change = new[name].astype(np.float64) - read_layer(base, name)
        if name in residual:
            change += residual[name]
        flat = _narrow(name, change.reshape(-1), compression)
        arrays, sent = packed(flat, compression)
        rest[name] = (flat - sent).reshape(spec.shape)
        yield from ((f"{prefix}/{name}", array) for prefix, array in arrays.items())


def _narrow(name: str, change: npt.NDArray[np.float64], compression: Compression) -> Float32:
    largest = _HALF_LARGEST if compression.method == FLOAT16 else LARGEST
    if np.abs(change).max(initial=0) > largest:
        raise ValueError(f"layer {name!r} changed by more than {compression.method} can hold")
    return change.astype(np.float32)


def _halved(change: Float32, _: Compression) -> tuple[Layers, Float32]:
    values = change.astype(np.float16)
    return {"values": values}, values.astype(np.float32)


def _quantised(change: Float32, _: Compression) -> tuple[Layers, Float32]:
    rows = np.zeros((-(-change.size // SCALED), SCALED), np.float32)
    rows.reshape(-1)[: change.size] = change
    scales = np.abs(rows).max(axis=1) / np.float32(_LEVELS)
    # A block of zeros, or of numbers next to nothing, has no scale to divide by.
    levels = np.divide(rows, scales[:, None], out=np.zeros_like(rows), where=scales[:, None] > 0)
    values = np.clip(np.rint(levels), -_LEVELS, _LEVELS).astype(np.int8)
    sent = (values * scales[:, None]).reshape(-1)[: change.size]
    return {"scales": scales, "values": values.reshape(-1)[: change.size]}, sent


def _largest(change: Float32, compression: Compression) -> tuple[Layers, Float32]:
    count = kept(change.size, compression.fraction)
    by_size = np.argpartition(np.abs(change), change.size - count) if count else np.zeros(0, int)
    indices = np.sort(by_size[change.size - count :])
    sent = np.zeros_like(change)
    sent[indices] = change[indices]
    return {"indices": indices.astype(np.uint32), "values": change[indices]}, sent
