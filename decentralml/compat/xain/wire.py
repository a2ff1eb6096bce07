"""What travels between a XAIN participant and its aggregator, read as hostile.

Down: the global weights as `numpy.save` writes them, or nothing before there are any. Up: the
number of samples in 4 bytes, big-endian, then the local weights as `numpy.save` writes them.
"""

from __future__ import annotations

import io
import math
import tokenize
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from decentralml.errors import ConfigError
from decentralml.learning.errors import (
    BadExampleCount,
    DtypeMismatch,
    MalformedModel,
    PickleRefused,
    ShapeMismatch,
    TooLarge,
)
from decentralml.learning.layers import Array, Layers, LayerSpec, check_finite
from decentralml.learning.limits import DEFAULT_RESULT_LIMITS, ResultLimits
from decentralml.learning.pickles import refuse_pickles

LAYER: Final = "weights"
"""The one layer of a XAIN model: all its weights, flat."""
COUNT_BYTES: Final = 4
MAX_HEADER: Final = 1024
"""Bytes of an array's description; one of a single dimension takes 128."""
WIDEST: Final = 8
"""Bytes of the widest number that a participant may send."""


def size_of(spec: LayerSpec) -> int:
    """How many numbers a model has."""
    return math.prod(spec.shape)


def longest_body(spec: LayerSpec) -> int:
    """The most bytes that a result of such a model can have."""
    return COUNT_BYTES + MAX_HEADER + WIDEST * size_of(spec)


def encode_weights(array: Array) -> bytes:
    """The array as it is handed out."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def encode_result(examples: int, array: Array) -> bytes:
    """A result as a participant sends it."""
    return examples.to_bytes(COUNT_BYTES, "big") + encode_weights(array)


def read_initial(path: Path | None, spec: LayerSpec) -> Array | None:
    """The weights that the first round begins with; None where none are named.

    Raises: ConfigError: the file is no such array.
    """
    if path is None:
        return None
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ConfigError(f"The initial weights {path} cannot be read: {error}.") from error
    if not isinstance(found, np.ndarray) or (found.shape, str(found.dtype)) != (
        spec.shape,
        spec.dtype,
    ):
        raise ConfigError(
            f"The initial weights {path} are not {spec.dtype} of shape {list(spec.shape)}, "
            "as [model] says. Change one of them."
        )
    check_finite({LAYER: found})
    return found


def read_result_body(
    body: Path, spec: LayerSpec, limits: ResultLimits = DEFAULT_RESULT_LIMITS
) -> tuple[int, Layers]:
    """Number of samples and weights of what a participant sent.

    Floating-point numbers of another width are converted to the model's: the SDK never asked for
    one. Nothing else is converted.

    Args:
        body: the request's body in a file.
        spec: shape and type of the model's weights.

    Raises:
        TooLarge, BadExampleCount, MalformedModel, PickleRefused, DtypeMismatch, ShapeMismatch,
        NotFinite: by the name of what is wrong.
    """
    size, most = body.stat().st_size, longest_body(spec)
    if size > most:
        raise TooLarge("the body in bytes", size, most)
    with body.open("rb") as file:
        examples = _examples(file.read(COUNT_BYTES), limits)
        _refuse_pickle(body, file)
        shape, column_first, dtype = _header(file)
        _check(shape, dtype, spec)
        left = size - file.tell()
        if left != size_of(spec) * dtype.itemsize:
            raise MalformedModel(
                f"the body ends in {left} bytes of numbers; {size_of(spec)} of {dtype} "
                f"are {size_of(spec) * dtype.itemsize}"
            )
        raw = np.fromfile(file, dtype=dtype, count=size_of(spec))
    with np.errstate(over="ignore"):  # what does not fit becomes infinite, and is refused as that
        flat = raw.astype(spec.dtype)
    layers = {LAYER: flat.reshape(shape, order="F" if column_first else "C")}
    check_finite(layers)
    return examples, layers


def _examples(head: bytes, limits: ResultLimits) -> int:
    if len(head) < COUNT_BYTES:
        raise MalformedModel(f"the body has {len(head)} bytes; it begins with 4 of a count")
    count = int.from_bytes(head, "big")
    if not 1 <= count <= limits.examples:
        raise BadExampleCount(
            f"the count of samples is {count}; it must be from 1 to {limits.examples}"
        )
    return count


def _refuse_pickle(body: Path, file: BinaryIO) -> None:
    """What is no array is told apart from what would execute code; neither is ever loaded."""
    at, head = file.tell(), file.read(MAX_HEADER)
    file.seek(at)
    if head.startswith(np.lib.format.MAGIC_PREFIX):
        return
    copy = body.with_name(body.name + ".head.npy")
    try:
        copy.write_bytes(head)
        refuse_pickles(copy, "the array in the body")
    finally:
        copy.unlink(missing_ok=True)


_NO_HEADER: Final = (
    ValueError, KeyError, SyntaxError, TypeError, RecursionError, MemoryError, tokenize.TokenError
)  # fmt: skip
_READERS: Final[dict[tuple[int, int], Callable[..., Any]]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def _header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        version = np.lib.format.read_magic(file)
        shape, column_first, dtype = _READERS[version](file, max_header_size=MAX_HEADER)
    except _NO_HEADER:
        raise MalformedModel("after the count there is no array as numpy.save writes it") from None
    return shape, column_first, dtype


def _check(shape: tuple[int, ...], dtype: np.dtype[Any], spec: LayerSpec) -> None:
    if dtype.hasobject:
        raise PickleRefused("the array in the body holds Python objects, stored as a pickle")
    if dtype.kind != "f" or dtype.itemsize > WIDEST:
        raise DtypeMismatch(LAYER, str(dtype)[:40], spec.dtype)
    if tuple(shape) != spec.shape:
        raise ShapeMismatch(LAYER, tuple(shape), spec.shape)
