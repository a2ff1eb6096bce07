"""The PyTorch task folder in a simulation: its own scripts, processes that load torch once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from decentralml.learning.datasets import Examples
from decentralml.learning.strategies.registry import named
from decentralml.roles.templates import new_task_folder
from decentralml.simulation.pool import ProcessPool
from decentralml.simulation.shares import SHARD, Split, sharing
from decentralml.simulation.simulate import Simulation, simulate
from decentralml.simulation.task_folder import FolderMeasure, TaskFolder
from decentralml.simulation.turn import Job


@pytest.mark.timeout(900)
@pytest.mark.parametrize("strategy", ["fedavg", "scaffold"])
def test_contributors_with_few_labels_each_learn_all_of_them(
    tmp_path: Path, make_blots: Callable[..., Examples], strategy: str
) -> None:
    settings = {"steps": 8, "batch_size": 16, "learning_rate": 0.05}
    folder = new_task_folder("pytorch", tmp_path / "task", settings)
    first = tmp_path / "first.safetensors"
    program = (
        "import sys, torch; from pathlib import Path; from model import build_model; "
        "from weights import save; torch.manual_seed(1); save(build_model(), Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", program, first], cwd=folder, check=True, env=os.environ)
    make_blots(200, 1).save(tmp_path / "test" / SHARD)
    people = sharing(make_blots(400, 2), 4, tmp_path / "data", Split("by-label", 0.7))
    measure = FolderMeasure(folder, tmp_path / "test")
    simulation = Simulation(TaskFolder(folder), first, people, named(strategy), 4, measure=measure)
    with ProcessPool(Job(simulation.work, measure), processes=2) as pool:
        report = simulate(simulation, tmp_path / "simulated", pool=pool)
    assert [(each.used, each.failed, each.refused) for each in report.rounds[1:]] == [
        (4, {}, {})
    ] * 4
    accuracy = dict(report.curve("accuracy"))
    assert accuracy[0] < 0.3
    assert accuracy[4] > 0.6
    assert (tmp_path / "simulated" / "states").exists() == (strategy == "scaffold")
