"""Coordinate-wise trimmed mean (Yin, Chen, Ramchandran, Bartlett, ICML 2018)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decentralml.learning.errors import TooFewUpdates
from decentralml.learning.layers import Array
from decentralml.learning.strategies import checks
from decentralml.learning.strategies.robust import Robust
from decentralml.learning.strategies.rows import Rows
from decentralml.learning.strategies.strategy import Weighing
from decentralml.learning.updates import Readable, Update

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TrimmedMean(Robust):
    """Of each coordinate's values the largest and the smallest are dropped, the rest averaged.

    Attributes:
        trim: β, the share of updates dropped at either end, from 0 to below ½; rounded up to whole
            updates. As many wrong updates are tolerated.
    """

    trim: float = 0.2

    def __post_init__(self) -> None:
        checks.share("trim", self.trim, below=0.5)

    def dropped(self, count: int) -> int:
        """How many of so many updates are dropped at either end."""
        return math.ceil(self.trim * count - 1e-9)  # 0.1 * 30 is a little more than 3

    def weigh(self, base: Readable, updates: Sequence[Update]) -> Weighing:
        """See ``Strategy.weigh``."""
        if 2 * self.dropped(len(updates)) >= len(updates):
            raise TooFewUpdates(
                "trimmed-mean", self._enough(len(updates)), len(updates), f"trim is {self.trim:g}"
            )
        return super().weigh(base, updates)

    def _enough(self, count: int) -> int:
        """The next number of updates of which some are left."""
        surely = math.floor(2 / (1 - 2 * self.trim)) + 1
        more = range(count + 1, min(surely, count + 1000))
        return next((n for n in more if n > 2 * self.dropped(n)), surely)

    def combine(self, rows: Rows, weights: Float64) -> Float64:
        """See ``Strategy.combine``."""
        cut = self.dropped(len(rows))

        def trimmed(matrix: Array) -> Array:
            last = len(matrix) - cut
            if cut:
                matrix.partition((cut, last - 1), axis=0)
            middle: Float64 = matrix[cut:last].mean(axis=0, dtype=np.float64)
            return middle

        return rows.apply(trimmed)
