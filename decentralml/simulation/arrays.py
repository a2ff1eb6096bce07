"""Work given as a function from arrays to arrays, for those who have no task folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from decentralml.learning import models
from decentralml.learning.layers import Layers
from decentralml.learning.results import NOTE
from decentralml.learning.weights import WeightsHeader
from decentralml.simulation.turn import Turn


@dataclass(frozen=True, slots=True)
class Trained:
    """What a function on arrays made: the new weights, and how many examples are behind them."""

    layers: Layers
    examples: int
    metrics: Mapping[str, float] = field(default_factory=dict)


Train = Callable[[Layers, Turn], Trained]
MODEL: Final = "model"


@dataclass(frozen=True, slots=True)
class OnArrays:
    """Makes `Work` of a function on arrays: reads the round's model, writes the result.

    Args:
        train: a module's function (other processes import it): gets the round's layers, its own to
            change, and the turn; returns what was trained.
    """

    train: Train

    def __call__(self, turn: Turn) -> None:
        trained = self.train(models.read_layers(turn.model), turn)
        note = {"examples": trained.examples, "metrics": dict(trained.metrics)}
        (turn.result / NOTE).write_text(json.dumps(note, allow_nan=False))
        header = WeightsHeader(
            trained.examples, dict(trained.metrics), turn.round, None, turn.contributor
        )
        file = turn.result / f"{MODEL}-{turn.contributor}{turn.model.suffix}"
        models.write_like(turn.model, trained.layers, file, header)
