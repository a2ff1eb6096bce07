"""Hostile contributors: they train as everybody does, and send something else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from decentralml.learning import models
from decentralml.learning.decompression import open_update
from decentralml.learning.layers import Array, Layers
from decentralml.learning.results import ContributorResult, read_result
from decentralml.learning.updates import InMemory, read_whole
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
            result: as a contributor's script left it; a compressed update becomes a whole model.
            base: the round's model.

        Raises:
            BadSimulation: the result holds neither a model nor an update.
        """
        if self.kind == LABEL_FLIP:
            return
        found = read_result(result)
        before = models.read_layers(base)
        trained, target = _trained(found, before, base.suffix)
        sent: Layers = {}
        for name, array in trained.items():
            double = before[name].astype(np.float64), array.astype(np.float64)
            sent[name] = CHANGES[self.kind](*double, random).astype(array.dtype)
        models.write_like(base, sent, target, WeightsHeader(examples=found.examples))


def _trained(found: ContributorResult, before: Layers, suffix: str) -> tuple[Layers, Path]:
    """What was trained, and the file that takes what is sent in its place."""
    if found.model is not None:
        return models.read_layers(found.model), found.model
    if found.update is None:
        raise BadSimulation("a hostile contributor left neither a model nor an update to change")
    layers = read_whole(open_update(found.update, InMemory(before)))
    found.update.unlink()
    return layers, found.folder / f"model{suffix}"
