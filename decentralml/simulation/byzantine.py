"""Hostile contributors: they train as everybody does, and send something else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from decentralml.learning import models
from decentralml.learning.layers import Array, Layers
from decentralml.learning.results import read_result
from decentralml.learning.weights import WeightsHeader
from decentralml.simulation.errors import BadSimulation

SCALE: Final = 10.0
LABEL_FLIP: Final = "label-flip"

Change = Callable[[Array, Array, np.random.Generator], Array]
"""(round's layer, trained layer, random numbers) → layer that is sent; in double precision."""

CHANGES: Final[dict[str, Change]] = {
    "sign-flip": lambda base, trained, _: base - (trained - base),
    "scale": lambda base, trained, _: base + SCALE * (trained - base),
    "noise": lambda base, _, random: base + random.standard_normal(base.shape),
    "same-value": lambda base, _, __: np.full_like(base, 1.0),
}
KINDS: Final = (*CHANGES, LABEL_FLIP)
"""``label-flip`` trains honestly on labels that were changed: see ``shares.flip_labels``."""


@dataclass(frozen=True, slots=True)
class Attack:
    """What a hostile contributor makes of what it trained: one of `KINDS`."""

    kind: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise BadSimulation(f"{self.kind!r} is no attack; known: {', '.join(KINDS)}")

    def change(self, result: Path, base: Path, random: np.random.Generator) -> None:
        """Puts the attack's weights into a result folder in place of the trained ones.

        Args:
            result: as a contributor's script left it, with a whole model.
            base: the round's model.

        Raises:
            BadSimulation: the result holds a compressed difference, and no model.
        """
        if self.kind == LABEL_FLIP:
            return
        found = read_result(result)
        if found.model is None:
            raise BadSimulation("hostile contributors need results with a whole model")
        before, trained = models.read_layers(base), models.read_layers(found.model)
        sent: Layers = {}
        for name, array in trained.items():
            double = before[name].astype(np.float64), array.astype(np.float64)
            sent[name] = CHANGES[self.kind](*double, random).astype(array.dtype)
        models.write_like(base, sent, found.model, WeightsHeader(examples=found.examples))
