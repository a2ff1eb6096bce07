"""How much privacy many noisy rounds cost: epsilon, by dp-accounting.

The exact formula where everybody takes part in each round (Balle and Wang 2018), privacy loss
distributions where lots are drawn.

Each round releases a sum to which one contributor adds a vector of length at most ``clip``, with
Gaussian noise of standard deviation ``noise * clip``. Neighbours are two jobs of which one has a
contributor more (all its rounds, all its data): contributor-level (epsilon, delta).
"""

from __future__ import annotations

import importlib
import math
from dataclasses import dataclass
from typing import Any, Final

from decentralml.learning.errors import FrameworkMissing

_MOST_NOISE: Final = 1e4
_NEAR: Final = 1.005
"""How near to the least noise the search ends, as a ratio."""


@dataclass(frozen=True, slots=True)
class Releases:
    """Rounds of one job, each with the same noise.

    Attributes:
        rounds: how many.
        sampling: chance with which each contributor takes part in a round, on its own and unknown
            to others. 1 unless somebody draws lots so: on the market, whoever is there takes part.

    Raises:
        ValueError: fewer than one round, or no probability.
    """

    rounds: int
    sampling: float = 1.0

    def __post_init__(self) -> None:
        if self.rounds < 1 or not 0 < self.sampling <= 1:
            raise ValueError(
                f"{self.rounds} rounds with sampling {self.sampling}: rounds are from 1 on, "
                "sampling is above 0 and at most 1"
            )

    def epsilon(self, noise: float, delta: float) -> float:
        """The epsilon that holds with ``delta`` after all rounds.

        Args:
            noise: standard deviation of the noise on the sum, as a multiple of the clip bound.
            delta: chance that the bound does not hold; far below 1 / contributors.

        Returns: infinity without noise.

        Raises:
            ValueError: noise below 0, or a delta that is no probability.
            FrameworkMissing: dp-accounting is not installed.
        """
        _check_delta(delta)
        if not noise >= 0:
            raise ValueError(f"the noise multiplier is {noise}; it is from 0 on")
        if noise == 0:
            return math.inf
        if self.sampling == 1:
            # Exactly as private as one release with the square root of the rounds less noise.
            alone = noise / math.sqrt(self.rounds)
            return float(_module("dp_accounting").get_epsilon_gaussian(alone, delta))
        accountant = _module("dp_accounting.pld").PLDAccountant()
        accountant.compose(self._sampled(noise))
        return float(accountant.get_epsilon(delta))

    def noise_for(self, epsilon: float, delta: float) -> float:
        """The least noise multiplier (to half a percent) with at most ``epsilon`` after all rounds.

        Raises:
            ValueError: epsilon is not above 0, delta is no probability, or no noise below 10,000
                is enough.
            FrameworkMissing: dp-accounting is not installed.
        """
        _check_delta(delta)
        if not epsilon > 0:
            raise ValueError(f"epsilon is {epsilon}; it is above 0")
        if self.sampling == 1:
            alone = _module("dp_accounting").get_sigma_gaussian(epsilon, delta)
            return _rounded_up(alone * math.sqrt(self.rounds))
        high = _MOST_NOISE
        if self.epsilon(high, delta) > epsilon:
            raise ValueError(f"no noise below {_MOST_NOISE:g} gives epsilon {epsilon}")
        # From above, because accounting takes long where noise is small.
        while self.epsilon(high / 2, delta) <= epsilon:
            high /= 2
        low = high / 2
        while high > low * _NEAR:
            middle = (low + high) / 2
            if self.epsilon(middle, delta) > epsilon:
                low = middle
            else:
                high = middle
        return _rounded_up(high)

    def _sampled(self, noise: float) -> Any:
        dp = _module("dp_accounting")
        release = dp.PoissonSampledDpEvent(self.sampling, dp.GaussianDpEvent(noise))
        return dp.SelfComposedDpEvent(release, self.rounds)


def _rounded_up(noise: float) -> float:
    return math.ceil(noise * 1000) / 1000


def _check_delta(delta: float) -> None:
    if not 0 < delta < 1:
        raise ValueError(f"delta is {delta}; it is above 0 and below 1")


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise FrameworkMissing("privacy") from error
