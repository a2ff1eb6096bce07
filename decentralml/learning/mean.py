"""The sum behind every mean of updates: in double precision, at nearly the speed of reading."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from decentralml.learning.layers import Array

_GROUP: Final = 8
"""Rows that are multiplied at once: with blocks of 2**15 numbers 2 MiB, which caches hold."""


def weighted_sum(
    rows: Iterable[Array], weights: npt.NDArray[np.float64], size: int
) -> npt.NDArray[np.float64]:
    """The sum of the rows, each times its weight, in double precision.

    Rows are taken in groups: one product of a vector with a matrix does for eight rows what would
    be two passes over memory for each.

    Args:
        rows: (size,) each, as many as there are weights; each is let go before the next one.
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
