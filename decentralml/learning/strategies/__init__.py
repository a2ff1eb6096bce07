"""How a round's updates become the next model. A strategy sees arrays, never a framework."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from decentralml.learning.layers import Layers


class Strategy(Protocol):
    """One rule of federating.

    Every update that arrives was checked against the round's model: names, shapes, types, finite
    values, a count of examples from 1 on.
    """

    def aggregate(
        self, base: Callable[[], Layers], updates: Iterable[tuple[Layers, int]]
    ) -> Layers:
        """The next model's arrays.

        Args:
            base: reads the model that the round began with; costs its memory only where called.
            updates: (layers, examples), read from disk one at a time; may be consumed once.

        Raises:
            EmptyRound: no update arrived.
        """
        ...
