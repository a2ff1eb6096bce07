"""Krum and Multi-Krum (Blanchard, El Mhamdi, Guerraoui, Stainer, NeurIPS 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decentralml.learning.errors import TooFewUpdates
from decentralml.learning.strategies import checks, vectors
from decentralml.learning.strategies.robust import Robust
from decentralml.learning.strategies.strategy import Weighing
from decentralml.learning.updates import Readable, Update

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class MultiKrum(Robust):
    """The plain mean of the m updates that have their nearest fellows nearest.

    The score of an update is the sum of its squared distances to the n - f - 2 nearest others.

    Attributes:
        f: wrong updates that are tolerated; n must be at least 2 f + 3.
        m: updates averaged, 1 to n - f - 2; 0: as many as possible, n - f - 2 (the most for which
            Damaskinos and others, MLSys 2019, show resilience).
    """

    f: int = 1
    m: int = 0

    def __post_init__(self) -> None:
        checks.at_least("f", self.f, 0)
        checks.at_least("m", self.m, 0)

    def weigh(self, base: Readable, updates: Sequence[Update]) -> Weighing:
        """See ``Strategy.weigh``."""
        needed = max(2 * self.f + 3, self.m + self.f + 2)
        if len(updates) < needed:
            why = f"f is {self.f}" + (f" and m {self.m}" if self.m else "")
            raise TooFewUpdates("krum", needed, len(updates), why)
        distances = vectors.squared_distances(vectors.gram(base, updates))
        ranked = np.argsort(scores(distances, self.f), kind="stable")
        weights = np.zeros(len(updates))
        weights[ranked[: self.m or len(updates) - self.f - 2]] = 1
        return Weighing(weights)


@dataclass(frozen=True)
class Krum(MultiKrum):
    """The one update whose nearest fellows are nearest: Multi-Krum with m = 1."""

    m: int = 1


def scores(distances: Float64, f: int) -> Float64:
    """(n,): for each update the sum of its n - f - 2 smallest squared distances to others.

    Args:
        distances: (n, n), squared.
        f: wrong updates among them; at least the nearest other is counted.
    """
    count = len(distances)
    nearest = min(max(1, count - f - 2), count - 1)
    others = distances + np.diag(np.full(count, np.inf))
    others.sort(axis=1)
    found: Float64 = others[:, :nearest].sum(axis=1)
    return found
