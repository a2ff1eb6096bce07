"""The words that Flower's clients and servers share, under Flower's names."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

NDArray: TypeAlias = npt.NDArray[Any]
NDArrays: TypeAlias = list[NDArray]
Scalar: TypeAlias = bool | bytes | float | int | str
Config: TypeAlias = dict[str, Scalar]
Metrics: TypeAlias = dict[str, Scalar]
MetricsAggregationFn: TypeAlias = Callable[[list[tuple[int, Metrics]]], Metrics]
EvaluateFn: TypeAlias = Callable[
    [int, NDArrays, dict[str, Scalar]], tuple[float, dict[str, Scalar]] | None
]
ConfigFn: TypeAlias = Callable[[int], dict[str, Scalar]]


@dataclass
class Parameters:
    """A model's arrays as bytes, as Flower's `Parameters`."""

    tensors: list[bytes]
    tensor_type: str = "numpy.ndarray"


@dataclass
class Context:
    """What a `client_fn` is told, as far as the market knows it.

    Attributes:
        node_id: a number that stays the same for one account.
        node_config: empty: nobody configures a contributor from outside.
        run_config: empty.
        state: the client's own; lives as long as the process.
    """

    node_id: int
    node_config: dict[str, Scalar] = field(default_factory=dict)
    run_config: dict[str, Scalar] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)


def ndarrays_to_parameters(ndarrays: NDArrays) -> Parameters:
    """The arrays as Flower's `Parameters`, for `initial_parameters`."""
    return Parameters([_saved(array) for array in ndarrays])


def parameters_to_ndarrays(parameters: Parameters) -> NDArrays:
    """The arrays inside; also of an object of Flower's own class.

    Raises: ValueError: a tensor is no array, or a pickled one.
    """
    return [np.load(io.BytesIO(tensor), allow_pickle=False) for tensor in parameters.tensors]


def _saved(array: NDArray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
