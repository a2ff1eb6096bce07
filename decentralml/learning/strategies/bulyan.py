"""Bulyan over Krum (El Mhamdi, Guerraoui, Rouault, ICML 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decentralml.learning.errors import TooFewUpdates
from decentralml.learning.layers import Array
from decentralml.learning.strategies import checks, vectors
from decentralml.learning.strategies.krum import scores
from decentralml.learning.strategies.robust import Robust
from decentralml.learning.strategies.rows import Rows
from decentralml.learning.strategies.strategy import Weighing
from decentralml.learning.updates import Readable, Update

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Bulyan(Robust):
    """Krum chooses, a mean around the median combines.

    Krum is asked θ = n - 2f times, each time among those not chosen yet; of the chosen ones' values
    of a coordinate the β = θ - 2f nearest to their median are averaged. This bounds what a wrong
    update does to a single coordinate, which Krum's distance over all of them does not.

    Attributes:
        f: wrong updates that are tolerated; n must be at least 4 f + 3.
    """

    f: int = 1

    def __post_init__(self) -> None:
        checks.at_least("f", self.f, 0)

    def weigh(self, base: Readable, updates: Sequence[Update]) -> Weighing:
        """See ``Strategy.weigh``."""
        if len(updates) < 4 * self.f + 3:
            raise TooFewUpdates("bulyan", 4 * self.f + 3, len(updates), f"f is {self.f}")
        distances = vectors.squared_distances(vectors.gram(base, updates))
        left = list(range(len(updates)))
        weights = np.zeros(len(updates))
        for _ in range(len(updates) - 2 * self.f):
            best = int(np.argmin(scores(distances[np.ix_(left, left)], self.f)))
            weights[left.pop(best)] = 1
        return Weighing(weights)

    def combine(self, rows: Rows, weights: Float64) -> Float64:
        """See ``Strategy.combine``."""
        kept = len(rows) - 2 * self.f

        def around_median(matrix: Array) -> Array:
            matrix.sort(axis=0)
            count = len(matrix)
            middle = matrix[(count - 1) // 2 : count // 2 + 1].mean(axis=0, dtype=np.float64)
            nearest = np.argsort(np.abs(matrix - middle), axis=0, kind="stable")[:kept]
            chosen = np.take_along_axis(matrix, nearest, axis=0)
            mean: Float64 = chosen.mean(axis=0, dtype=np.float64)
            return mean

        return rows.apply(around_median)
