"""Coordinate-wise median (Yin, Chen, Ramchandran, Bartlett, ICML 2018)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decentralml.learning.layers import Array
from decentralml.learning.strategies.robust import Robust
from decentralml.learning.strategies.rows import Rows

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Median(Robust):
    """Each coordinate is the median of the updates'; of an even number the middle two's mean.

    While fewer than half of the updates are wrong, each coordinate lies between those of right
    ones.
    """

    def combine(self, rows: Rows, weights: Float64) -> Float64:
        """See ``Strategy.combine``."""
        return rows.apply(median_of)


def median_of(matrix: Array) -> Float64:
    """(n, m) → (m,), in double precision, without overflow; changes the matrix."""
    upper = len(matrix) // 2
    lower = (len(matrix) - 1) // 2
    matrix.partition((lower, upper), axis=0)
    middle: Float64 = matrix[lower : upper + 1].mean(axis=0, dtype=np.float64)
    return middle
