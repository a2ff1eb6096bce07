"""A Flower strategy as a job runs it: the rule, and what each round tells the clients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from decentralml.compat.flower.server.strategy import FedAvg
from decentralml.compat.flower.work import settings_for
from decentralml.learning.layers import Layers, Template
from decentralml.learning.strategies.memory import Memory, MemoryStore
from decentralml.learning.strategies.rows import Rows
from decentralml.learning.strategies.strategy import Setting, Weighing, skips, told_by
from decentralml.learning.updates import Readable, Update

Float64 = npt.NDArray[np.float64]


class Flower:
    """A `learning.strategies.Strategy`; its name is what clients are told.

    Args:
        strategy: Flower's, with the configs of its rounds.
    """

    def __init__(self, strategy: FedAvg) -> None:
        self._strategy = strategy
        self._rule = strategy.rule()

    def client_settings(self, server_round: int) -> dict[str, Setting]:
        """What a round publishes for `fit` and `evaluate`."""
        fit = self._strategy.fit_config(server_round)
        # What is measured in a round is the model of the one before.
        return settings_for(fit, self._strategy.evaluate_config(max(1, server_round - 1)))

    def skips(self, layer: str) -> bool:
        """See ``strategy.skips``."""
        return skips(self._rule, layer)

    def tell(self, memory: MemoryStore, template: Template) -> Layers | None:
        """See ``told_by``."""
        return told_by(self._rule, memory, template)

    def weigh(self, base: Readable, updates: Sequence[Update]) -> Weighing:
        """See ``Strategy.weigh``."""
        return self._rule.weigh(base, updates)

    def combine(self, rows: Rows, weights: Float64) -> Float64:
        """See ``Strategy.combine``."""
        return self._rule.combine(rows, weights)

    def step(self, base: Float64, combined: Float64, memory: Memory) -> Float64:
        """See ``Strategy.step``."""
        return self._rule.step(base, combined, memory)
