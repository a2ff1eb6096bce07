"""What simulated contributors do in tests: functions that worker processes import."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from decentralml.learning.layers import Layers
from decentralml.learning.models import read_layers
from decentralml.simulation.arrays import OnArrays, Trained
from decentralml.simulation.turn import Turn


def add_own_number(layers: Layers, turn: Turn) -> Trained:
    """Contributor 3 adds 3 to every number, with 3 examples behind it."""
    number = int(turn.contributor)
    return Trained({name: array + number for name, array in layers.items()}, number)


def add_noise(layers: Layers, turn: Turn) -> Trained:
    """Random numbers of the turn's own, and of the global generator."""
    random = turn.generator()
    moved = {
        name: (array + random.standard_normal(array.shape) + np.random.rand()).astype(array.dtype)
        for name, array in layers.items()
    }
    return Trained(moved, 1 + int(random.integers(10)))


def count_turns(layers: Layers, turn: Turn) -> Trained:
    """Adds how many turns this contributor has had, itself counted, plus a sign of who it is."""
    counter = turn.state / "turns"
    turns = 1 + (int(counter.read_text()) if counter.exists() else 0)
    counter.write_text(str(turns))
    own = 1e-6 * int(turn.contributor)
    return Trained({name: array + turns + own for name, array in layers.items()}, 1)


def odd_ones_work(turn: Turn) -> None:
    """Even numbers raise, the third counts no examples, all others send the same numbers."""
    if int(turn.contributor) % 2 == 0:
        raise LookupError(f"no data for {turn.contributor}")
    OnArrays(add_one)(turn)
    if turn.contributor == "00003":
        (turn.result / "result.json").write_text('{"examples": 0}')


def add_one(layers: Layers, turn: Turn) -> Trained:
    """Adds 1 to every number."""
    return Trained({name: array + 1 for name, array in layers.items()}, 1)


def leave(layers: Layers, turn: Turn) -> Trained:
    """Ends as a script does that calls ``sys.exit``."""
    raise SystemExit("cannot go on")


@dataclass(frozen=True)
class DieOnce:
    """The process of contributor 2 is killed in round 2, the first time; else as `add_noise`."""

    marker: Path
    identity: str = "dies once"

    def __call__(self, turn: Turn) -> None:
        if (turn.round, turn.contributor) == (2, "00002") and not self.marker.exists():
            self.marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        NOISE(turn)


def first_number(model: Path) -> dict[str, float]:
    """Measures a model by its first number."""
    return {"first": float(next(iter(read_layers(model).values())).reshape(-1)[0])}


def cannot_measure(model: Path) -> dict[str, float]:
    """Fails."""
    raise LookupError("no test data")


ADD = OnArrays(add_own_number)
NOISE = OnArrays(add_noise)
COUNT = OnArrays(count_turns)
LEAVE = OnArrays(leave)
