"""The same simulation on a real Ray, started on this machine: the same models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from decentralml.learning.datasets import Examples
from decentralml.learning.errors import FrameworkMissing
from decentralml.learning.models import read_layers
from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.learning.strategies.fedprox import FedProx
from decentralml.simulation.errors import NotMeasured, WorkersDied
from decentralml.simulation.pool import Pool, ProcessPool
from decentralml.simulation.ray_pool import RayPool
from decentralml.simulation.shares import Split, numbered, sharing
from decentralml.simulation.simulate import Simulation, simulate
from decentralml.simulation.task_folder import FolderMeasure, TaskFolder
from decentralml.simulation.turn import Job
from tests.decentralml.simulation import trainers

TRIES = 5
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def ray_started() -> Iterator[object]:
    """A Ray of this machine, for all tests of this file."""
    ray = pytest.importorskip("ray")
    # Ray gives its own processes 30 s to start, which a busy machine may not keep.
    for left in reversed(range(TRIES)):
        try:
            ray.init(
                num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
            )
            break
        except Exception:
            ray.shutdown()
            if not left:
                raise
    yield ray
    ray.shutdown()


@pytest.mark.slow
@pytest.mark.parametrize("work", [trainers.NOISE, trainers.COUNT, trainers.odd_ones_work])
def test_a_cluster_gives_the_model_that_this_machine_s_processes_give(
    ray_started: object,
    pool_for: Callable[[Simulation], Pool],
    model: Path,
    tmp_path: Path,
    work: Callable[..., None],
) -> None:
    simulation = Simulation(
        work, model, numbered(6), FedAvg(), 3, per_round=5, measure=trainers.first_number
    )
    with RayPool(Job(simulation.work, simulation.measure)) as cluster:
        far = simulate(simulation, tmp_path / "far", pool=cluster)
    near = simulate(simulation, tmp_path / "near", pool=pool_for(simulation))
    a, b = read_layers(far.model), read_layers(near.model)
    assert all((a[name] == b[name]).all() for name in a)
    assert [(r.measured, r.failed, r.refused) for r in far.rounds] == [
        (r.measured, r.failed, r.refused) for r in near.rounds
    ]


@pytest.mark.slow
def test_a_killed_worker_ends_the_simulation_and_resuming_goes_on(
    ray_started: object, model: Path, tmp_path: Path
) -> None:
    simulation = Simulation(trainers.DieOnce(tmp_path / "killed"), model, numbered(4), FedAvg(), 3)
    with RayPool(Job(simulation.work)) as cluster, pytest.raises(WorkersDied):
        simulate(simulation, tmp_path / "far", pool=cluster)
    with RayPool(Job(simulation.work)) as cluster:
        report = simulate(simulation, tmp_path / "far", pool=cluster, resume=True)
    assert [each.used for each in report.rounds] == [4, 4, 4]


@pytest.mark.slow
def test_a_measure_that_fails_on_the_cluster_is_named(
    ray_started: object, model: Path, tmp_path: Path
) -> None:
    simulation = Simulation(
        trainers.NOISE, model, numbered(2), FedAvg(), 1, measure=trainers.cannot_measure
    )
    job = Job(simulation.work, simulation.measure)
    with RayPool(job) as cluster, pytest.raises(NotMeasured, match="no test data"):
        simulate(simulation, tmp_path / "far", pool=cluster)


@pytest.mark.slow
def test_a_task_folder_travels_to_the_cluster_with_what_the_strategy_tells(
    ray_started: object, softmax_task: Path, tmp_path: Path
) -> None:
    random = np.random.default_rng(1)
    images = random.integers(0, 256, (60, 28, 28)).astype(np.uint8)
    examples = Examples(images, random.integers(0, 10, 60).astype(np.uint8))
    simulation = Simulation(
        TaskFolder(softmax_task),
        tmp_path / "softmax.safetensors",
        sharing(examples, 3, tmp_path / "data", Split()),
        FedProx(mu=0.1),
        2,
        measure=FolderMeasure(softmax_task, tmp_path / "data" / "00001"),
    )
    job = Job(simulation.work, simulation.measure)
    with RayPool(job) as cluster:
        far = simulate(simulation, tmp_path / "far", pool=cluster)
    with ProcessPool(job, processes=1) as pool:
        near = simulate(simulation, tmp_path / "near", pool=pool)
    a, b = read_layers(far.model), read_layers(near.model)
    assert all((a[name] == b[name]).all() for name in a)
    assert far.curve("accuracy") == near.curve("accuracy")


def test_without_ray_it_says_how_to_get_it() -> None:
    try:
        import ray  # noqa: F401
    except ImportError:
        with pytest.raises(FrameworkMissing, match=r"decentralml\[ray\]"):
            RayPool(Job(trainers.NOISE))
    else:
        pytest.skip("Ray is installed here")
