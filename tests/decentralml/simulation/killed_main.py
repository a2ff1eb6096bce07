"""A simulation in a process of its own, to be killed: MODEL FOLDER ROUNDS."""

from __future__ import annotations

import sys
from pathlib import Path

from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.simulation.shares import numbered
from decentralml.simulation.simulate import Simulation, simulate
from tests.decentralml.simulation import trainers

if __name__ == "__main__":
    model, folder, rounds = sys.argv[1:]
    simulation = Simulation(trainers.NOISE, Path(model), numbered(6), FedAvg(), int(rounds))
    simulate(simulation, Path(folder), resume=True)
