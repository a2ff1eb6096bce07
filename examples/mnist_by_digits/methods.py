"""Ways to learn the digits together: what each worker does in a round, how models are joined.

The settings were chosen on training images that were held out (``search.py``), never on the test
images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decentralml.learning.strategies import Strategy
from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.learning.strategies.fedavgm import FedAvgM
from decentralml.learning.strategies.memory import Memory
from decentralml.learning.strategies.scaffold import Scaffold

Float64 = npt.NDArray[np.float64]
ROUNDS = 40
DEMO: Mapping[str, object] = {
    "steps": 10,
    "batch_size": 32,
    "learning_rate": 0.1,
    "decay": 0.95,
    "held_out": 0,
}
"""The local work of the demo that this job is known by: 10 batches of 32 images a round."""


@dataclass(frozen=True)
class MovingScaffold(Scaffold):
    """SCAFFOLD whose server moves with Nesterov's momentum, as ``FedAvgM`` does."""

    momentum: float = 0.8

    def step(self, base: Float64, combined: Float64, memory: Memory) -> Float64:
        """See ``Strategy.step``: the control as in SCAFFOLD, the model as in FedAvgM."""
        super().step(base, combined, memory)
        server = FedAvgM(self.momentum, self.learning_rate, nesterov=True)
        return server.step(base, combined[0], memory)


@dataclass(frozen=True)
class Method:
    """A way to do the job.

    Attributes:
        about: in words.
        strategy: how the workers' models become the next one.
        settings: what the workers do (``settings.json`` of the task folder).
    """

    about: str
    strategy: Strategy
    settings: Mapping[str, object]


METHODS: Mapping[str, Method] = {
    "fedavg": Method(
        "plain averaging, the demo's own local work", FedAvg(), {**DEMO, "decay": 0.98}
    ),
    "momentum": Method(
        "Nesterov momentum on the server, the demo's own local work",
        FedAvgM(momentum=0.8, learning_rate=1.0, nesterov=True),
        DEMO,
    ),
    "scaffold": Method(
        "SCAFFOLD and Nesterov momentum on the server, the demo's own local work",
        MovingScaffold(),
        {**DEMO, "control_rate": 0.5},
    ),
    "more-work": Method(
        "the same with 50 batches a round, which spare the outputs for digits not seen",
        MovingScaffold(learning_rate=1.2),
        {**DEMO, "control_rate": 0.5, "steps": 50, "absent": 3.0},
    ),
}
