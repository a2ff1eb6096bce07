"""What hostile contributors send in place of what they trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from decentralml.learning.compression import Compression, write_update
from decentralml.learning.models import read_layers
from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.learning.updates import InMemory
from decentralml.learning.weights import WeightsHeader, save_weights
from decentralml.simulation.byzantine import Attack
from decentralml.simulation.errors import BadSimulation
from decentralml.simulation.pool import Pool
from decentralml.simulation.shares import numbered
from decentralml.simulation.simulate import Simulation, simulate
from tests.decentralml.simulation import trainers


@pytest.fixture
def result(tmp_path: Path) -> Path:
    """A result that moved every number from 1 to 3, with 7 examples."""
    folder = tmp_path / "result"
    folder.mkdir()
    save_weights(tmp_path / "base.safetensors", {"a": np.full(9, 1, np.float32)}, WeightsHeader(1))
    save_weights(folder / "m.safetensors", {"a": np.full(9, 3, np.float32)}, WeightsHeader(7))
    (folder / "result.json").write_text('{"examples": 7}')
    return folder


@pytest.mark.parametrize(
    ("kind", "sent"),
    [("sign-flip", -1.0), ("scale", 21.0), ("same-value", 1.0), ("label-flip", 3.0)],
)
def test_each_attack_changes_what_was_trained(result: Path, kind: str, sent: float) -> None:
    Attack(kind).change(result, result.parent / "base.safetensors", np.random.default_rng(1))
    layers = read_layers(result / "m.safetensors")
    assert layers["a"].dtype == np.float32
    assert (layers["a"] == sent).all()


def test_noise_has_nothing_of_the_training_and_is_the_same_for_the_same_generator(
    result: Path,
) -> None:
    def sent(seed: int) -> np.ndarray:
        base = result.parent / "base.safetensors"
        Attack("noise").change(result, base, np.random.default_rng(seed))
        return read_layers(result / "m.safetensors")["a"]

    first = sent(1)
    assert abs(first.mean() - 1) < 1.5
    assert first.std() > 0.3
    assert (sent(1) == first).all()
    assert (sent(2) != first).any()


def test_an_unknown_attack_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadSimulation, match="known: sign-flip, scale, noise"):
        Attack("magic")


def test_a_compressed_update_is_attacked_and_sent_as_a_whole_model(result: Path) -> None:
    base = result.parent / "base.safetensors"
    (result / "m.safetensors").unlink()
    trained = {"a": np.full(9, 3, np.float32)}
    update = result / "update.safetensors"
    write_update(update, InMemory(read_layers(base)), trained, Compression("float16"))
    Attack("sign-flip").change(result, base, np.random.default_rng(1))
    assert not update.exists()
    assert (read_layers(result / "model.safetensors")["a"] == -1).all()


def test_a_result_with_nothing_in_it_cannot_be_attacked(result: Path) -> None:
    (result / "m.safetensors").unlink()
    with pytest.raises(BadSimulation, match="neither a model nor an update"):
        Attack("scale").change(result, result.parent / "base.safetensors", np.random.default_rng(1))


def test_in_a_simulation_a_hostile_contributor_counts_with_what_it_sends(
    model: Path, tmp_path: Path, pool_for: Callable[[Simulation], Pool]
) -> None:
    simulation = Simulation(
        trainers.ADD, model, numbered(2), FedAvg(), 1, hostile={"00002": Attack("sign-flip")}
    )
    report = simulate(simulation, tmp_path / "simulated", pool=pool_for(simulation))
    # Contributor 1 adds 1 with one example, the second takes 2 away with two.
    assert read_layers(report.model)["b"] == pytest.approx(-1.0)
