"""A strategy around another one: everything is the inner one's but what a wrapper changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.learning.strategies.memory import Memory
from decentralml.learning.strategies.rows import Rows
from decentralml.learning.strategies.strategy import (
    Setting,
    Strategy,
    Weighing,
    settings_of,
    skips,
)
from decentralml.learning.updates import Readable, Update

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Wrapper:
    """Hands every question on.

    Attributes:
        inner: the strategy within, plain averaging where none is named.
    """

    inner: Strategy = field(default_factory=FedAvg)

    @property
    def client_settings(self) -> dict[str, Setting]:
        """See ``settings_of``."""
        return settings_of(self.inner)

    def skips(self, layer: str) -> bool:
        """See ``strategy.skips``."""
        return skips(self.inner, layer)

    def __getattr__(self, name: str) -> Any:
        # A wrapper tells contributors arrays only where the inner strategy does: whoever asks
        # whether it has ``tell`` gets the inner one's answer.
        if name == "tell":
            return getattr(self.inner, name)
        raise AttributeError(f"{type(self).__name__} has no {name!r}")

    def weigh(self, base: Readable, updates: Sequence[Update]) -> Weighing:
        """See ``Strategy.weigh``."""
        return self.inner.weigh(base, updates)

    def combine(self, rows: Rows, weights: Float64) -> Float64:
        """See ``Strategy.combine``."""
        return self.inner.combine(rows, weights)

    def step(self, base: Float64, combined: Float64, memory: Memory) -> Float64:
        """See ``Strategy.step``."""
        return self.inner.step(base, combined, memory)
