"""What FedAdam, FedYogi and FedAdagrad share (Reddi, Charles, Zaheer and others, ICLR 2021).

Algorithm 2, "Adaptive Federated Optimization":

    Δ_t = Σ (n_k / n) (w_k - w_t)
    m_t = β₁ m_{t-1} + (1 - β₁) Δ_t           m_{-1} = 0
    v_t = by the kind                         v_{-1} = τ²
    w_{t+1} = w_t + η m_t / (√v_t + τ)

The paper corrects no bias of m and v, nor does this.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decentralml.learning.strategies import checks
from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.learning.strategies.memory import Memory

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Adaptive(FedAvg):
    """A server step for each coordinate, the smaller the more the coordinate moved before.

    Attributes:
        learning_rate: η; a coordinate that always moves one way moves by η a round.
        beta1: β₁ of the first moment.
        tau: τ, how adaptive: changes much below it count as if they were it.
        decay: factor on η for each round that was, above 0 to 1.
    """

    learning_rate: float = 0.01
    beta1: float = 0.9
    tau: float = 1e-3
    decay: float = 1.0

    def __post_init__(self) -> None:
        checks.positive("learning_rate", self.learning_rate)
        checks.share("beta1", self.beta1)
        checks.positive("tau", self.tau)
        checks.decay(self.decay)

    def step(self, base: Float64, combined: Float64, memory: Memory) -> Float64:
        """See ``Strategy.step``; remembers both moments."""
        change = combined - base
        first = self.beta1 * memory.get("first", 0.0) + (1 - self.beta1) * change
        second = self.second(np.asarray(memory.get("second", self.tau**2)), np.square(change))
        memory["first"], memory["second"] = first, second
        rate = self.learning_rate * self.decay**memory.round
        moved: Float64 = base + rate * first / (np.sqrt(second) + self.tau)
        return moved

    @abstractmethod
    def second(self, before: Float64, square: Float64) -> Float64:
        """The second moment.

        Args:
            before: v_{t-1}.
            square: Δ².
        """
