"""Federating under central differential privacy: the creator clips, sums, adds noise once.

DP-FedAvg with a fixed denominator (McMahan, Ramage, Talwar, Zhang, *Learning Differentially Private
Recurrent Language Models*, ICLR 2018), with any server step after it (Reddi and others 2021), since
what is computed from a private sum stays private.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from decentralml.learning.errors import FrameworkMissing
from decentralml.learning.privacy.accountant import Releases
from decentralml.learning.privacy.clip import clip_factor, distance
from decentralml.learning.privacy.noise import Noise
from decentralml.learning.strategies.memory import Memory
from decentralml.learning.strategies.rows import Rows
from decentralml.learning.strategies.strategy import Setting, Strategy, Weighing, settings_of
from decentralml.learning.strategies.strategy import skips as skipped_by
from decentralml.learning.updates import Readable, Update

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Private:
    """The sum of clipped updates, divided by a fixed number, with noise: then ``inner``'s step.

    One contributor moves the sum by ``clip`` at most: every update has the same weight, whatever
    number of examples it claims, and the denominator does not depend on who came. Only ``step`` of
    the inner strategy is used, so its ``combine`` must be a mean (as of FedAvg, FedAvgM, FedAdam,
    FedYogi, FedAdagrad, FedProx).

    Args:
        inner: gives the server's step.
        clip: bound on the L2 length of each contributor's whole update (trained - round's model).
        noise: standard deviation of the noise on the sum, as a multiple of ``clip``; 0 for none.
        expected: the denominator: how many contributors are expected. With fewer the step is
            smaller, with more it is larger; the privacy is the same.
        source: of the noise; the default cannot be predicted. For tests.

    Raises:
        ValueError: a number is out of range, or the inner strategy needs more than a mean.
    """

    inner: Strategy
    clip: float
    noise: float
    expected: int
    source: Noise = field(default_factory=Noise, repr=False, compare=False)

    def __post_init__(self) -> None:
        clip_factor(0.0, self.clip)
        if not 0 <= self.noise < np.inf:
            raise ValueError(f"the noise multiplier is {self.noise}; it is a number from 0 on")
        if self.expected < 1:
            raise ValueError(f"{self.expected} contributors are expected; it is at least 1")
        if hasattr(self.inner, "tell"):
            raise ValueError(
                f"{type(self.inner).__name__} publishes more than the model, which this noise does "
                "not cover; use FedAvg, FedAvgM, FedAdam, FedYogi, FedAdagrad or FedProx"
            )

    @property
    def client_settings(self) -> dict[str, Setting]:
        """See ``settings_of``: those of the inner strategy."""
        return settings_of(self.inner)

    def skips(self, layer: str) -> bool:
        """See ``strategy.skips``: those of the inner strategy, which are not published."""
        return skipped_by(self.inner, layer)

    def weigh(self, base: Readable, updates: Sequence[Update]) -> Weighing:
        """See ``Strategy.weigh``: all alike, and clipped."""
        factors = [clip_factor(distance(base, update, self.skips), self.clip) for update in updates]
        return Weighing(np.ones(len(updates)), np.array(factors))

    def combine(self, rows: Rows, weights: Float64) -> Float64:
        """See ``Strategy.combine``: the noisy mean, over ``expected``."""
        change = (rows.mean(weights) - rows.base) * (len(rows) / self.expected)
        deviation = self.noise * self.clip / self.expected
        if deviation:
            change += deviation * self.source.normal(change.size)
        noisy: Float64 = rows.base + change
        return noisy

    def step(self, base: Float64, combined: Float64, memory: Memory) -> Float64:
        """See ``Strategy.step``."""
        return self.inner.step(base, combined, memory)

    def figures(self, round_: int, delta: float = 1e-5) -> dict[str, float]:
        """What the job's curves say of a round: epsilon after it, the first round being 1.

        Without noise, or where dp-accounting is not installed, they say nothing of it.
        """
        try:
            epsilon = Releases(round_).epsilon(self.noise, delta)
        except FrameworkMissing:
            return {}
        return {"epsilon": epsilon, "delta": delta} if np.isfinite(epsilon) else {}
