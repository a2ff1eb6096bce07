"""A first model, and worker processes that the tests of one kind of work share."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from decentralml.learning.datasets import Digits, load_sklearn_digits
from decentralml.learning.weights import WeightsHeader, save_weights
from decentralml.simulation.pool import Pool, ProcessPool
from decentralml.simulation.simulate import Simulation
from decentralml.simulation.turn import Job


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Zeros in two layers, of single and of double precision."""
    path = tmp_path / "first.safetensors"
    layers = {"a": np.zeros((3, 4), np.float32), "b": np.zeros(5, np.float64)}
    save_weights(path, layers, WeightsHeader(examples=1))
    return path


@pytest.fixture(scope="session")
def pool_for() -> Iterator[Callable[[Simulation], Pool]]:
    """A pool for a simulation's work; simulations of the same work share it."""
    pools: dict[object, Pool] = {}
    with ExitStack() as stack:

        def pool(simulation: Simulation) -> Pool:
            job = Job(simulation.work, simulation.measure)
            if job not in pools:
                pools[job] = stack.enter_context(ProcessPool(job, processes=2))
            return pools[job]

        yield pool


@pytest.fixture
def softmax_task(tmp_path: Path) -> Path:
    """A task folder whose scripts need NumPy alone, and its first model beside it."""
    folder = tmp_path / "task"
    shutil.copytree(Path(__file__).parent / "softmax_task", folder)
    layers = {"weight": np.zeros((784, 10), np.float32), "bias": np.zeros(10, np.float32)}
    save_weights(tmp_path / "softmax.safetensors", layers, WeightsHeader(examples=1))
    return folder


@pytest.fixture
def digits() -> Digits:
    """Real handwritten digits, 28 x 28, those that scikit-learn ships."""
    pytest.importorskip("sklearn")
    return load_sklearn_digits("a test needs few")
