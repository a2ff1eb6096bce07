"""A Flower client's list of arrays as a file of weights, and back, with every number kept.

Weights are floating-point here, since that is what strategies combine; a Flower model's list also
holds whole numbers (`num_batches_tracked`, token ids, masks). Those travel as double precision,
which holds every whole number up to 2**53, under a name that says what they are:

    00000.float32   00001.float32   00002.int64

So they pass the same checks and the same strategy as all the rest, and the result is rounded to
the nearest whole number of the range of their type. Nothing is ever cast that the type cannot hold.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from decentralml.compat.flower.common import NDArray, NDArrays
from decentralml.compat.flower.errors import ClientMisbehaved, NotAFlowerJob
from decentralml.learning.layers import Layers
from decentralml.learning.limits import DEFAULT_MODEL_LIMITS
from decentralml.learning.models import read_layers
from decentralml.learning.weights import WeightsHeader, save_weights

FILE: Final = "weights.safetensors"
EXACT: Final = 2**53
"""Every whole number of at most this magnitude is one of double precision."""
_FLOATS: Final = frozenset({"float16", "float32", "float64"})
_WHOLE: Final = frozenset(
    {"bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"}
)
_NAME: Final = re.compile(r"(\d{5})\.([a-z0-9]{1,10})")
_MOST: Final = DEFAULT_MODEL_LIMITS.layers


def to_layers(arrays: Sequence[NDArray], method: str = "get_parameters") -> Layers:
    """The arrays as named layers, in their order.

    Args:
        arrays: of floating-point or whole numbers or truth values; of any shape, 0-d ones too.
        method: of the client, for the error.

    Raises: ClientMisbehaved: something is no array, of another type, or a whole number that double
        precision cannot hold.
    """
    if len(arrays) > _MOST:
        raise ClientMisbehaved(method, f"returned {len(arrays)} arrays, more than {_MOST}")
    layers: Layers = {}
    for index, array in enumerate(arrays):
        if not isinstance(array, (np.ndarray, np.generic)):
            kind = type(array).__name__
            raise ClientMisbehaved(
                method, f"returned a {kind} as parameter {index}, no NumPy array"
            )
        layers[f"{index:05}.{array.dtype.name}"] = _carried(np.asarray(array), index, method)
    return layers


def from_layers(layers: Layers) -> NDArrays:
    """The list that the layers stand for: native, writable, each in its own type.

    Raises: NotAFlowerJob: the layers are not such a list.
    """
    found: dict[int, NDArray] = {}
    for name, layer in layers.items():
        match = _NAME.fullmatch(name)
        if match is None or match[2] not in _FLOATS | _WHOLE:
            raise NotAFlowerJob(f"its model has a layer {name[:40]!r}")
        found[int(match[1])] = _restored(layer, match[2])
    if sorted(found) != list(range(len(layers))):
        raise NotAFlowerJob("the layers of its model are not numbered")
    return [found[index] for index in range(len(found))]


def write_arrays(path: Path, arrays: Sequence[NDArray], examples: int, method: str) -> None:
    """Write the arrays as a result's or a model's file.

    Args:
        examples: training examples behind them; 1 or more.
        method: of the client that returned them, for the error.

    Raises:
        ClientMisbehaved: as `to_layers`.
        NotFinite: an array holds NaN or infinity.
    """
    save_weights(path, to_layers(arrays, method), WeightsHeader(examples=examples))


def read_arrays(path: Path) -> NDArrays:
    """The list in a model's file, which anybody may have written.

    Raises:
        ResultRefused: the file is no sound model.
        NotAFlowerJob: it holds something else than such a list.
    """
    return from_layers(read_layers(path))


def kinds_of(arrays: Sequence[NDArray]) -> list[str]:
    """Type and shape of each, in words."""
    made = map(np.asarray, arrays)
    return [f"{array.dtype.name}{list(array.shape)}" for array in made]


def check_kinds(arrays: Sequence[NDArray], given: Sequence[str]) -> None:
    """Raises ClientMisbehaved unless `fit` returned arrays of the kinds that it was given."""
    if len(arrays) != len(given):
        raise ClientMisbehaved("fit", f"returned {len(arrays)} arrays, and was given {len(given)}")
    for index, (found, wanted) in enumerate(zip(kinds_of(arrays), given, strict=True)):
        if found != wanted:
            raise ClientMisbehaved("fit", f"returned parameter {index} as {found}, not as {wanted}")


def _carried(array: NDArray, index: int, method: str) -> NDArray:
    kind = array.dtype.name
    if kind in _FLOATS:
        return np.asarray(array, dtype=array.dtype.newbyteorder("="))
    if kind not in _WHOLE:
        raise ClientMisbehaved(
            method, f"returned parameter {index} as {kind[:40]}, which cannot be averaged"
        )
    if array.size and kind in {"int64", "uint64"}:
        largest = max(abs(int(array.max())), abs(int(array.min())))
        if largest > EXACT:
            raise ClientMisbehaved(
                method, f"returned {largest} in parameter {index}; whole numbers go up to 2**53"
            )
    return array.astype(np.float64)


def _restored(layer: NDArray, kind: str) -> NDArray:
    if kind in _FLOATS:
        if layer.dtype.name != kind:
            raise NotAFlowerJob(f"a layer named {kind} is of {layer.dtype.name}")
        return np.array(layer)
    if layer.dtype != np.float64:
        raise NotAFlowerJob(f"whole numbers came as {layer.dtype.name}, not as float64")
    if kind == "bool":
        return np.asarray(layer >= 0.5)
    limits = np.iinfo(kind)
    low, high = max(limits.min, -EXACT), min(limits.max, EXACT)
    return np.asarray(np.clip(np.rint(layer), low, high)).astype(kind)
