"""Federated averaging (McMahan, Moore, Ramage, Hampson, Agüera y Arcas, AISTATS 2017)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from decentralml.learning.layers import Layers
from decentralml.learning.mean import weighted_mean


class FedAvg:
    """The next model is the mean of the contributors' models, weighted by training examples."""

    def aggregate(
        self,
        base: Callable[[], Layers],
        updates: Iterable[tuple[Layers, int]],
    ) -> Layers:
        """See ``Strategy.aggregate``."""
        return weighted_mean(updates)
