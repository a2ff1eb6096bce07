"""Every strategy over real result folders gives what it gives over arrays in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from decentralml.learning.errors import TooFewUpdates
from decentralml.learning.federate import federate
from decentralml.learning.layers import Layers
from decentralml.learning.strategies.driver import aggregate
from decentralml.learning.strategies.memory import ArrayMemory
from decentralml.learning.strategies.registry import NAMES, named
from decentralml.learning.updates import InMemory
from decentralml.learning.weights import WeightsHeader, read_arrays, save_weights

COUNT = 7


def model(seed: int) -> Layers:
    generator = np.random.default_rng(seed)
    return {
        "dense/kernel": generator.standard_normal((5, 3)).astype(np.float32),
        "dense/bias": generator.standard_normal(3).astype(np.float16),
        "scale": np.asarray(generator.standard_normal()),
    }


def deliver(folder: Path, seed: int) -> Path:
    folder.mkdir(parents=True)
    save_weights(folder / "weights.safetensors", model(seed), WeightsHeader(seed))
    (folder / "result.json").write_text(f'{{"examples": {seed}}}')
    return folder


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("private", "scaffold")])
def test_two_rounds_on_files_equal_two_rounds_in_memory(name: str, tmp_path: Path) -> None:
    strategy = named(name)
    base = tmp_path / "model-0.safetensors"
    save_weights(base, model(0), WeightsHeader(1))
    layers = read_arrays(base)  # in the file's order, in which sums over all layers are made
    memory = ArrayMemory(InMemory(layers).template)
    for round_ in (1, 2):
        seeds = range(10 * round_, 10 * round_ + COUNT)
        folders = [deliver(tmp_path / f"{round_}" / f"{seed}", seed) for seed in seeds]
        out = tmp_path / f"model-{round_}.safetensors"
        federate(
            base,
            reversed(folders),
            strategy,
            out,
            memory=tmp_path / f"memory-{round_ - 1}",
            new_memory=tmp_path / f"memory-{round_}",
        )
        updates = [InMemory(model(seed), seed, f"{seed}") for seed in seeds]
        layers = dict(aggregate(strategy, InMemory(layers), updates, memory))
        base, memory = out, memory.next()
        for layer, array in read_arrays(out).items():
            assert array.tobytes() == layers[layer].tobytes()


def test_a_round_without_a_control_is_no_round_of_scaffold(tmp_path: Path) -> None:
    base = tmp_path / "model.safetensors"
    save_file(model(0), base)
    with pytest.raises(TooFewUpdates, match="control"):
        federate(base, [deliver(tmp_path / "a", 1)], named("scaffold"), tmp_path / "o.safetensors")
