"""SCAFFOLD (Karimireddy, Kale, Mohri, Reddi, Stich, Suresh, ICML 2020), with option II."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decentralml.learning.errors import TooFewUpdates
from decentralml.learning.layers import Layers, Template
from decentralml.learning.strategies import checks
from decentralml.learning.strategies.memory import Memory, MemoryStore
from decentralml.learning.strategies.rows import Rows
from decentralml.learning.strategies.strategy import Setting, Weighing
from decentralml.learning.updates import Readable, Update, size_of

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scaffold:
    """Control variates take the contributors' drift out of their steps.

    The server keeps a control c, contributor i a control c_i; both begin at 0. A contributor takes
    K steps y ← y - η_l (g(y) - c_i + c) from the round's model x, then
    c_i⁺ = c_i - c + (x - y) / (K η_l), and sends y with Δc_i = c_i⁺ - c_i (as ``Update.extras``,
    one array for each layer of the model). The server:

        x ← x + η_g mean(y - x);   c ← c + (|S| / N) mean(Δc_i)

    Contributors are told ``scaffold`` and, as arrays, c. An update without Δc_i does not count.

    Attributes:
        learning_rate: η_g, above 0.
        contributors: N, how many there are in all; 0: everyone takes part in every round (|S| = N).
        by_examples: means weighted by training examples, which is how FedAvg's objective weighs;
            False: plain means, as the paper writes them.
    """

    learning_rate: float = 1.0
    contributors: int = 0
    by_examples: bool = True

    def __post_init__(self) -> None:
        checks.positive("learning_rate", self.learning_rate)
        checks.at_least("contributors", self.contributors, 0)

    @property
    def client_settings(self) -> dict[str, Setting]:
        """``scaffold``: contributors correct their steps and send the change of their control."""
        return {"scaffold": True}

    def tell(self, memory: MemoryStore, template: Template) -> Layers:
        """The server's control c, in single precision, with the model's names and shapes."""
        told = {}
        for name, spec in template.items():
            size = size_of(spec)
            control = memory.read(name, 0, size).get("control")
            flat = np.zeros(size, np.float32) if control is None else control
            told[name] = flat.reshape(spec.shape)
        return told

    def weigh(self, base: Readable, updates: Sequence[Update]) -> Weighing:
        """See ``Strategy.weigh``."""
        weights = [
            0 if update.extras is None else update.examples if self.by_examples else 1
            for update in updates
        ]
        if not any(weights):
            why = "with the change of the contributor's control"
            raise TooFewUpdates("scaffold", 1, 0, why)
        return Weighing(np.array(weights, np.float64))

    def combine(self, rows: Rows, weights: Float64) -> Float64:
        """(2, k): the mean model, and by how much the control changes."""
        assert rows.extras is not None  # noqa: S101 - weigh left out those without
        part = min(1.0, len(rows) / self.contributors) if self.contributors else 1.0
        return np.stack([rows.mean(weights), part * rows.extras.mean(weights)])

    def step(self, base: Float64, combined: Float64, memory: Memory) -> Float64:
        """See ``Strategy.step``; remembers c."""
        model, change = combined
        memory["control"] = memory.get("control", 0.0) + change
        moved: Float64 = base + self.learning_rate * (model - base)
        return moved
