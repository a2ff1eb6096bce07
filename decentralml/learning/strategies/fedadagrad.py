"""FedAdagrad (Reddi, Charles, Zaheer, Garrett, Rush, Konečný, Kumar, McMahan, ICLR 2021)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decentralml.learning.strategies.adaptive import Adaptive

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FedAdagrad(Adaptive):
    """Second moment v ← v + Δ²; the rest as in ``Adaptive``.

    Steps only get smaller. ``beta1`` is 0 as in the paper.
    """

    learning_rate: float = 0.1
    beta1: float = 0.0

    def second(self, before: Float64, square: Float64) -> Float64:
        """See ``Adaptive.second``."""
        return before + square
