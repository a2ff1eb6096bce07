"""What robust strategies share: every update counts alike.

A count of examples is a contributor's own claim: one who claims millions would outweigh all others,
and the promise "f of n may be wrong" would mean nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from decentralml.learning.strategies.memory import Memory
from decentralml.learning.strategies.rows import Rows
from decentralml.learning.strategies.strategy import Weighing
from decentralml.learning.updates import Readable, Update

Float64 = npt.NDArray[np.float64]


class Robust:
    """The plain mean as the next model; subclasses weigh or combine otherwise."""

    def weigh(self, base: Readable, updates: Sequence[Update]) -> Weighing:
        """See ``Strategy.weigh``."""
        return Weighing(np.ones(len(updates)))

    def combine(self, rows: Rows, weights: Float64) -> Float64:
        """See ``Strategy.combine``."""
        return rows.mean(weights)

    def step(self, base: Float64, combined: Float64, memory: Memory) -> Float64:
        """See ``Strategy.step``."""
        return combined
