"""A task folder's own scripts, run for many contributors in processes that import them once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from decentralml.learning.datasets import Digits
from decentralml.learning.models import read_layers
from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.learning.strategies.registry import named
from decentralml.simulation.byzantine import Attack
from decentralml.simulation.errors import BadSimulation, NoResults, NotMeasured, OtherSimulation
from decentralml.simulation.pool import ProcessPool
from decentralml.simulation.shares import Contributor, Split, numbered, sharing
from decentralml.simulation.simulate import Report, Simulation, simulate
from decentralml.simulation.task_folder import FolderMeasure, TaskFolder, check_folder
from decentralml.simulation.turn import Job

Regression = Callable[..., Simulation]


@pytest.fixture
def regression(softmax_task: Path, tmp_path: Path, digits: Digits) -> Regression:
    """Ten contributors with shares of real digits, few labels each."""

    def make(strategy: str = "fedavg", hostile: Mapping[str, str] | None = None) -> Simulation:
        digits.test.save(tmp_path / "test" / "data.npz")
        bad = hostile or {}
        flipped = [name for name, kind in bad.items() if kind == "label-flip"]
        return Simulation(
            TaskFolder(softmax_task),
            tmp_path / "softmax.safetensors",
            sharing(digits.train, 10, tmp_path / "data", Split("dirichlet", 0.3), flipped=flipped),
            named(strategy),
            4,
            measure=FolderMeasure(softmax_task, tmp_path / "test"),
            hostile={name: Attack(kind) for name, kind in bad.items()},
        )

    return make


def run(simulation: Simulation, folder: Path) -> Report:
    """Simulates in one process of its own."""
    with ProcessPool(Job(simulation.work, simulation.measure), processes=1) as pool:
        return simulate(simulation, folder, pool=pool)


def test_contributors_with_few_labels_each_learn_all_digits_together(
    regression: Regression, tmp_path: Path
) -> None:
    report = run(regression(), tmp_path / "simulated")
    accuracy = dict(report.curve("accuracy"))
    assert accuracy[0] < 0.2
    assert accuracy[4] > 0.75
    assert accuracy[4] > accuracy[1]
    assert all(result.used == 10 for result in report.rounds[1:])
    assert set(report.rounds[-1].measured) == {"accuracy"}


def test_a_robust_strategy_holds_against_flipped_signs_where_the_mean_does_not(
    regression: Regression, tmp_path: Path
) -> None:
    bad = dict.fromkeys(("00002", "00005", "00009"), "scale")
    mean = run(regression("fedavg", bad), tmp_path / "mean")
    median = run(regression("median", bad), tmp_path / "median")
    assert dict(median.curve("accuracy"))[4] > dict(mean.curve("accuracy"))[4] + 0.1


def test_what_the_strategy_tells_reaches_the_scripts(
    regression: Regression, tmp_path: Path
) -> None:
    free = run(replace(regression("fedavg"), rounds=1), tmp_path / "free")
    held = run(replace(regression("fedprox"), rounds=1), tmp_path / "held")
    strong = replace(regression(), strategy=named("fedprox", mu=0.4), rounds=1)
    tight = run(strong, tmp_path / "tight")
    sizes = [np.linalg.norm(read_layers(r.model)["weight"]) for r in (free, held, tight)]
    assert sizes[0] > sizes[1] > sizes[2]


def test_other_scripts_are_another_simulation(regression: Regression, tmp_path: Path) -> None:
    simulation = replace(regression(), rounds=1, contributors=regression().contributors[:1])
    run(simulation, tmp_path / "simulated")
    script = tmp_path / "task" / "train_model.py"
    script.write_text(script.read_text().replace("RATE = 20, 0.5", "RATE = 10, 0.5"))
    with pytest.raises(OtherSimulation, match="another work"):
        simulate(simulation, tmp_path / "simulated", resume=True)


def test_data_that_a_script_cannot_read_is_its_failure_by_name(
    softmax_task: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    simulation = Simulation(
        TaskFolder(softmax_task),
        tmp_path / "softmax.safetensors",
        [Contributor("ann", tmp_path / "empty")],
        FedAvg(),
        1,
    )
    with pytest.raises(NoResults, match="ann: FileNotFoundError: there are no data in"):
        run(simulation, tmp_path / "simulated")


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        ("raise SystemExit(3)", "train_model.py ended with 3: about to leave"),
        ("import sys; sys.exit('no more')", "ended with no more: about to leave"),
    ],
)
def test_a_script_that_leaves_with_a_status_has_failed_with_what_it_printed(
    softmax_task: Path, tmp_path: Path, ending: str, words: str
) -> None:
    script = f"def main():\n    print('about to leave')\n    {ending}\n"
    (softmax_task / "train_model.py").write_text(script)
    first = tmp_path / "softmax.safetensors"
    simulation = Simulation(TaskFolder(softmax_task), first, numbered(1), FedAvg(), 1)
    with pytest.raises(NoResults, match=words):
        run(simulation, tmp_path / "simulated")


def test_an_evaluation_that_prints_no_figures_is_named(softmax_task: Path, tmp_path: Path) -> None:
    (softmax_task / "evaluate_model.py").write_text("def main():\n    print('very good')\n")
    first = tmp_path / "softmax.safetensors"
    measure = FolderMeasure(softmax_task, tmp_path)
    task = TaskFolder(softmax_task)
    with pytest.raises(NotMeasured, match="printed no JSON object"):
        run(Simulation(task, first, numbered(1), FedAvg(), 1, measure=measure), tmp_path / "s")


def test_a_folder_without_the_scripts_is_refused(softmax_task: Path) -> None:
    check_folder(softmax_task, evaluate=True)
    (softmax_task / "evaluate_model.py").unlink()
    check_folder(softmax_task, evaluate=False)
    with pytest.raises(BadSimulation, match=r"no evaluate_model\.py"):
        check_folder(softmax_task, evaluate=True)
    shutil.rmtree(softmax_task)
    with pytest.raises(BadSimulation, match=r"no train_model\.py"):
        check_folder(softmax_task, evaluate=False)
