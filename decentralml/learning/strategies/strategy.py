"""What a strategy is: three functions over arrays, called by the driver; never a framework.

The driver reads the round's updates block by block, so that no more than a few blocks are in memory
however many contributors there are and however large the model is. A strategy says in three steps
what becomes of them:

1. ``weigh``    looks at whole updates (norms, distances) and says how much each counts,
2. ``combine``  joins the updates that count into one, a block of coordinates at a time,
3. ``step``     moves the round's model there, or in its direction, and remembers what it needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from decentralml.learning.layers import Layers, Template
from decentralml.learning.strategies.memory import Memory, MemoryStore
from decentralml.learning.strategies.rows import Rows
from decentralml.learning.updates import Readable, Update

Float64 = npt.NDArray[np.float64]
Setting = float | int | str | bool


@dataclass(frozen=True, slots=True)
class Weighing:
    """How much each update counts, in the order in which they were given."""

    weights: Float64
    """(n,), each at least 0, their sum above 0 (the driver makes it 1); 0 leaves an update out."""
    scales: Float64 | None = field(default=None)
    """(n,), factors of 0 to 1 on (update - base), by which updates are clipped; None: all 1."""


class Strategy(Protocol):
    """One rule of federating.

    Every update was checked against the round's model: names, shapes, types, finite values, a count
    of examples from 1 on. Updates come in an order of their own, not that of their arrival, so a
    strategy may break ties by position. It keeps nothing between calls but through ``Memory``.

    Optional, where a strategy needs it (see ``settings_of``, ``skips``, ``told_by``):
    ``client_settings``, ``skips`` and ``tell``.
    """

    def weigh(self, base: Readable, updates: Sequence[Update]) -> Weighing:
        """How much each update counts.

        Args:
            base: the model that the round began with.
            updates: at least one; may be read any number of times.

        Raises:
            TooFewUpdates: it cannot keep its promise with so few.
        """
        ...

    def combine(self, rows: Rows, weights: Float64) -> Float64:
        """One block of the updates that count, joined.

        Args:
            rows: n blocks of k numbers; those of weight 0 are not among them.
            weights: (n,), above 0, their sum 1.

        Returns: (k,), or whatever else this strategy's ``step`` takes.
        """
        ...

    def step(self, base: Float64, combined: Float64, memory: Memory) -> Float64:
        """One block of the next model.

        Args:
            base: (k,), this block of the round's model.
            combined: what ``combine`` returned.
            memory: what former rounds left for this block, to be changed in place.

        Returns: (k,), finite; what is beyond the model's number type becomes its largest number.
        """
        ...


def settings_of(strategy: Strategy) -> dict[str, Setting]:
    """What contributors are to be told: the strategy's ``client_settings``, else nothing."""
    settings: Mapping[str, Setting] = getattr(strategy, "client_settings", {})
    return dict(settings)


def skips(strategy: Strategy, layer: str) -> bool:
    """Whether a layer stays the round's model's own: by the strategy's ``skips(layer)``, if any."""
    decide = getattr(strategy, "skips", None)
    return decide is not None and bool(decide(layer))


def told_by(strategy: Strategy, memory: MemoryStore, template: Template) -> Layers | None:
    """Arrays that contributors are to be given besides the model (SCAFFOLD's control), if any.

    By the strategy's ``tell(memory, template)``; ``memory`` is what the former round left.
    """
    tell = getattr(strategy, "tell", None)
    layers: Layers | None = None if tell is None else tell(memory, template)
    return layers
