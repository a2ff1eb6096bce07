"""Federated averaging (McMahan, Moore, Ramage, Hampson, Agüera y Arcas, AISTATS 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decentralml.learning.strategies.memory import Memory
from decentralml.learning.strategies.rows import Rows
from decentralml.learning.strategies.strategy import Weighing
from decentralml.learning.updates import Readable, Update

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FedAvg:
    """The next model is the mean of the contributors' models, weighted by training examples.

    w ← Σ (n_k / n) w_k
    """

    def weigh(self, base: Readable, updates: Sequence[Update]) -> Weighing:
        """See ``Strategy.weigh``."""
        return Weighing(np.array([update.examples for update in updates], np.float64))

    def combine(self, rows: Rows, weights: Float64) -> Float64:
        """See ``Strategy.combine``."""
        return rows.mean(weights)

    def step(self, base: Float64, combined: Float64, memory: Memory) -> Float64:
        """See ``Strategy.step``."""
        return combined
