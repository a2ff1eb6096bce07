"""The weighted mean of any number of models in the memory of about three."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from decentralml.learning.errors import EmptyRound
from decentralml.learning.layers import Array, Layers, LayerSpec, check_specs, template_of

_BLOCK: Final = 1 << 15
_GROUP: Final = 8
"""Rows that are multiplied at once: with blocks of 2**15 numbers 2 MiB, which caches hold."""


def weighted_sum(
    rows: Iterable[Array], weights: npt.NDArray[np.float64], size: int
) -> npt.NDArray[np.float64]:
    """The sum of the rows, each times its weight, in double precision.

    Rows are taken in groups: one product of a vector with a matrix does for eight rows what would
    be two passes over memory for each.

    Args:
        rows: (size,) each, as many as there are weights; each is let go before the next group.
        weights: (n,).
    """
    total = np.zeros(size, np.float64)
    group = np.empty((min(_GROUP, len(weights)), size), np.float64)
    product = np.empty(size, np.float64)
    filled = first = 0
    for row in rows:
        group[filled] = row
        filled += 1
        if filled == len(group):
            total += np.dot(weights[first : first + filled], group, out=product)
            first, filled = first + filled, 0
    if filled:
        total += np.dot(weights[first:], group[:filled], out=product)
    return total


def weighted_mean(updates: Iterable[tuple[Layers, int]]) -> Layers:
    """Mean of the updates, each weighted by its number of training examples (McMahan et al. 2017).

    Holds one sum (in double precision) and one update, so memory does not grow with contributors;
    the mean's number types are those of the first update.

    Args:
        updates: (layers, examples); names, shapes and types are one in all; examples > 0.
            Consumed once, and an update is let go before the next one is asked for.

    Raises:
        EmptyRound: no update arrived.
        LayerMismatch, ShapeMismatch, DtypeMismatch: an update does not fit the first one.
        ValueError: a count of examples is below 1.
    """
    sums: dict[str, npt.NDArray[np.float64]] = {}
    template: dict[str, LayerSpec] = {}
    total = 0
    for layers, examples in updates:
        if examples < 1:
            raise ValueError(f"an update's weight must be at least 1, not {examples}")
        if not template:
            template = template_of(layers)
            sums = {name: np.zeros(spec.shape, np.float64) for name, spec in template.items()}
        check_specs(template_of(layers), template)
        _add(sums, layers, examples)
        total += examples
        del layers
    if not total:
        raise EmptyRound
    return {name: _divided(sums.pop(name), total, spec.dtype) for name, spec in template.items()}


def _add(sums: dict[str, npt.NDArray[np.float64]], layers: Layers, examples: int) -> None:
    # A function of its own, so that no loop variable keeps an array alive.
    for name, array in layers.items():
        _add_scaled(sums[name], array, examples)


def _add_scaled(total: npt.NDArray[np.float64], array: Array, factor: int) -> None:
    """``total += array * factor`` by blocks, so that no second copy of a layer is made."""
    flat, source = total.reshape(-1), array.reshape(-1)
    scratch = np.empty(min(_BLOCK, flat.size), np.float64)
    for start in range(0, flat.size, _BLOCK):
        part = source[start : start + _BLOCK]
        product = np.multiply(part, factor, out=scratch[: part.size], dtype=np.float64)
        flat[start : start + _BLOCK] += product


def _divided(total: npt.NDArray[np.float64], weight: int, dtype: str) -> Array:
    total /= weight
    return total.astype(dtype)
