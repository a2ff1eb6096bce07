"""Server momentum (Hsu, Qi, Brown, arXiv 1909.06335, 2019)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decentralml.learning.strategies import checks
from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.learning.strategies.memory import Memory

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FedAvgM(FedAvg):
    """The mean change of the model, with momentum kept by the server.

    Δ = mean - w;  m ← β m + Δ;  w ← w + η m, or with ``nesterov`` w ← w + η (Δ + β m).

    Attributes:
        momentum: β, from 0 to below 1.
        learning_rate: η, above 0; with β of 0.9 a rate of 0.1 moves as far as FedAvg in the long
            run, a higher one farther.
        nesterov: look ahead (Sutskever, Martens, Dahl, Hinton, ICML 2013).
        decay: factor on η for each round that was, above 0 to 1.
    """

    momentum: float = 0.9
    learning_rate: float = 1.0
    nesterov: bool = False
    decay: float = 1.0

    def __post_init__(self) -> None:
        checks.share("momentum", self.momentum)
        checks.positive("learning_rate", self.learning_rate)
        checks.decay(self.decay)

    def step(self, base: Float64, combined: Float64, memory: Memory) -> Float64:
        """See ``Strategy.step``; remembers m."""
        change = combined - base
        momentum = self.momentum * memory.get("momentum", 0.0) + change
        memory["momentum"] = momentum
        ahead = change + self.momentum * momentum if self.nesterov else momentum
        moved: Float64 = base + self.learning_rate * self.decay**memory.round * ahead
        return moved
