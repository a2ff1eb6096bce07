"""What can stop a simulation: a part of the learning branch of the error tree.

LearningError
└── SimulationError
    ├── BadSimulation        settings that do not fit together
    ├── OtherSimulation      the folder holds another simulation, or other files
    ├── NoResults            in one round nobody left a result
    ├── NotMeasured          the model could not be evaluated
    └── WorkersDied          a process ended in the middle of its work
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from decentralml.errors import LearningError


class SimulationError(LearningError):
    """A simulation that cannot begin, or cannot go on."""


class BadSimulation(SimulationError):
    """Settings that do not fit together; nothing was started."""


class OtherSimulation(SimulationError):
    """A folder that is not this simulation's."""

    def __init__(self, folder: Path, differs: Sequence[str] = ()) -> None:
        if differs:
            why = f"holds a simulation with another {', '.join(differs)}"
            step = "name a new folder, or resume it as it was begun"
        else:
            why, step = "is not empty", "name a new folder, or resume the simulation in it"
        super().__init__(f"{folder} {why}; {step}")
        self.folder, self.differs = folder, tuple(differs)


class NoResults(SimulationError):
    """Everybody who took part in a round failed.

    Attributes:
        failures: contributor → why.
    """

    def __init__(self, number: int, failures: Mapping[str, str]) -> None:
        first = next(iter(failures.items()), None)
        said = f"; {first[0]}: {first[1]}" if first else ""
        super().__init__(
            f"round {number}: none of {len(failures)} contributors left a result{said}"
        )
        self.round, self.failures = number, dict(failures)


class NotMeasured(SimulationError):
    """The evaluation failed."""

    def __init__(self, model: Path, why: str) -> None:
        super().__init__(f"{model.name} could not be evaluated: {why}")
        self.model, self.why = model, why


class WorkersDied(SimulationError):
    """A worker process was killed: often the machine had no memory left for it."""

    def __init__(self) -> None:
        super().__init__(
            "a worker process ended in the middle of its work (was there memory for so many?); "
            "resume the simulation with fewer processes"
        )
