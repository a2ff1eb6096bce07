"""Geometric median by the smoothed Weiszfeld algorithm (RFA: Pillutla, Kakade, Harchaoui, 2022)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decentralml.learning.strategies import checks, vectors
from decentralml.learning.strategies.robust import Robust
from decentralml.learning.strategies.strategy import Weighing
from decentralml.learning.updates import Readable, Update

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class GeometricMedian(Robust):
    """The point with the least sum of distances to all updates; fewer than half may be wrong.

    Beginning at the round's model, repeat b_i = a_i / max(s, ‖v - w_i‖), v = Σ b_i w_i / Σ b_i. The
    result is a weighted mean, and all distances follow from the updates' scalar products: files are
    read twice, whatever the number of iterations.

    The smoothing s begins at the updates' median norm and is halved in each step: with the last one
    from the beginning v hardly leaves the round's model where nearly half of the contributors
    return it unchanged.

    Attributes:
        smoothing: the last s, above 0.
        iterations: at most so many.
        tolerance: end when no weight changes by more.
        by_examples: a_i by training examples, as in the paper. A count is the contributor's own
            claim, so by default all a_i are alike.
    """

    smoothing: float = 1e-6
    iterations: int = 100
    tolerance: float = 1e-9
    by_examples: bool = False

    def __post_init__(self) -> None:
        checks.positive("smoothing", self.smoothing)
        checks.at_least("iterations", self.iterations, 1)
        checks.not_negative("tolerance", self.tolerance)

    def weigh(self, base: Readable, updates: Sequence[Update]) -> Weighing:
        """See ``Strategy.weigh``."""
        shares = np.array([update.examples if self.by_examples else 1 for update in updates], float)
        products = vectors.gram(base, updates)
        weights = np.zeros(len(updates))  # of the updates in v - w: v begins at w
        smoothing = float(np.median(np.sqrt(np.diag(products))))
        for _ in range(self.iterations):
            before, smoothing = weights, max(self.smoothing, smoothing / 2)
            raw = shares / np.maximum(smoothing, _distances(products, weights))
            weights = raw / raw.sum()
            moved = np.abs(weights - before).max() > self.tolerance
            if not moved and smoothing == self.smoothing:
                break
        return Weighing(weights)


def _distances(products: Float64, weights: Float64) -> Float64:
    """(n,): ‖Σ weights_j x_j - x_i‖, from the scalar products of the x."""
    toward = products @ weights
    squares = weights @ toward - 2 * toward + np.diag(products)
    distances: Float64 = np.sqrt(np.maximum(squares, 0))
    return distances
