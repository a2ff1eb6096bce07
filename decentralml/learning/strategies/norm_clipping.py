"""Norm clipping (Sun, Kairouz, Suresh, McMahan, arXiv 1911.07963, 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from decentralml.learning.strategies import checks, vectors
from decentralml.learning.strategies.strategy import Weighing
from decentralml.learning.strategies.views import Scaled
from decentralml.learning.strategies.wrapper import Wrapper
from decentralml.learning.updates import Readable, Update


@dataclass(frozen=True)
class NormClipping(Wrapper):
    """No update may move the model farther than a bound: w_i ← w + (w_i - w) min(1, C / ‖w_i - w‖).

    The inner strategy weighs and combines the clipped updates.

    Attributes:
        norm: C, at least 0; 0: the median of this round's norms, which needs no knowledge of the
            model.
    """

    norm: float = 0.0

    def __post_init__(self) -> None:
        checks.not_negative("norm", self.norm)

    def weigh(self, base: Readable, updates: Sequence[Update]) -> Weighing:
        """See ``Strategy.weigh``."""
        found = vectors.norms(base, updates)
        bound = self.norm or float(np.median(found))
        scales = np.minimum(1, bound / np.where(found > 0, found, 1))
        clipped = [
            Scaled(update, base, float(scale))
            for update, scale in zip(updates, scales, strict=True)
        ]
        inner = self.inner.weigh(base, clipped)
        if inner.scales is not None:
            scales = scales * inner.scales
        return Weighing(inner.weights, scales)
