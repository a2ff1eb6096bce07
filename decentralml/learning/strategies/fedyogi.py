"""FedYogi (Reddi, Charles, Zaheer, Garrett, Rush, Konečný, Kumar, McMahan, ICLR 2021)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decentralml.learning.strategies import checks
from decentralml.learning.strategies.adaptive import Adaptive

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FedYogi(Adaptive):
    """Second moment v ← v - (1 - β₂) Δ² sign(v - Δ²); the rest as in ``Adaptive``.

    It moves by no more than (1 - β₂) Δ² a round, so after large changes steps stay careful longer
    than FedAdam's.
    """

    beta2: float = 0.99

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.share("beta2", self.beta2)

    def second(self, before: Float64, square: Float64) -> Float64:
        """See ``Adaptive.second``."""
        moved: Float64 = before - (1 - self.beta2) * square * np.sign(before - square)
        return moved
