"""From updates to masked files, and from their sum to the next model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decentralml.learning.layers import Layers, template_of
from decentralml.learning.models import open_model, read_layers
from decentralml.learning.secagg.errors import OutOfRange
from decentralml.learning.secagg.fixed import Encoding
from decentralml.learning.secagg.keys import new_secret
from decentralml.learning.secagg.masks import BLOCK, Mask
from decentralml.learning.strategies import Strategy
from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.learning.strategies.fedavgm import FedAvgM
from decentralml.learning.updates import InMemory
from decentralml.learning.weights import WeightsHeader, save_weights
from decentralml.roles.secure.summing import (
    add_up,
    masked_size,
    unmasked,
    write_masked,
    write_next,
)

ENCODING = Encoding(5, 1000, 8.0)
BASE: Layers = {
    "single": np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3),
    "double": np.array(0.25, np.float64),
    "half": np.array([0.5, -0.5], np.float16),
    "none": np.zeros((0, 3), np.float32),
    "long": np.full(BLOCK + 3, 0.125, np.float32),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("summing")
    save_weights(folder / "base.safetensors", BASE, WeightsHeader(examples=1))
    return folder


def summed(
    folder: Path, updates: list[tuple[Layers, int]], strategy: Strategy | None = None
) -> Layers:
    """The next model by the project's functions, each member with a mask of its own."""
    base_file = folder / "base.safetensors"
    base = open_model(base_file, folder)
    masks = [Mask(new_secret(), added=True) for _ in updates]
    files = []
    for at, ((layers, examples), mask) in enumerate(zip(updates, masks, strict=True)):
        files.append(folder / f"{at}.u64")
        write_masked(files[-1], base, InMemory(layers, examples), ENCODING, [mask])
        assert files[-1].stat().st_size == masked_size(base_file)
    add_up(files, masked_size(base_file), folder / "sum.u64")
    found = unmasked(folder / "sum.u64", masks)
    out = folder / "next.safetensors"
    write_next(base_file, base, ENCODING, found, strategy or FedAvg(), out)
    return read_layers(out)


@settings(max_examples=30, deadline=None)
@given(
    weights=st.lists(st.integers(1, 1000), min_size=1, max_size=5), seed=st.integers(0, 2**32 - 1)
)
def test_the_next_model_is_the_weighted_mean_within_the_stated_error(
    folder: Path, weights: list[int], seed: int
) -> None:
    random = np.random.default_rng(seed)
    updates = [
        (
            {
                name: (layer + random.uniform(-7, 7, layer.shape)).astype(layer.dtype)
                for name, layer in BASE.items()
            },
            weight,
        )
        for weight in weights
    ]
    found = summed(folder, updates)

    assert template_of(found) == template_of(BASE)
    for name, layer in found.items():
        exact = sum(u[name].astype(np.float64) * weight for u, weight in updates) / sum(weights)
        rounding = np.finfo(layer.dtype).eps * 8
        error = np.abs(layer - exact)
        assert error.size == 0 or error.max() <= ENCODING.error(sum(weights)) + rounding


def test_the_servers_step_is_taken_from_the_mean(folder: Path) -> None:
    update = {name: (layer + 1).astype(layer.dtype) for name, layer in BASE.items()}
    found = summed(folder, [(update, 3)], FedAvgM(momentum=0.0, learning_rate=0.5))
    np.testing.assert_allclose(found["single"], BASE["single"] + 0.5, atol=1e-6)


def test_a_number_that_moved_beyond_the_bound_is_not_written_as_another(folder: Path) -> None:
    far = {name: (layer + 8.5).astype(layer.dtype) for name, layer in BASE.items()}
    with pytest.raises(OutOfRange):
        summed(folder, [(far, 1)])


def test_more_examples_than_one_may_have_are_refused(folder: Path) -> None:
    with pytest.raises(OutOfRange):
        summed(folder, [(BASE, 1001)])


@pytest.mark.parametrize("examples", [0, 5 * 1000 + 1, 2**63])
def test_a_sum_of_examples_that_no_members_have_is_refused(folder: Path, examples: int) -> None:
    base_file, out = folder / "base.safetensors", folder / "refused.safetensors"
    numbers = np.zeros(masked_size(base_file) // 8 - 1, np.uint64)
    base = open_model(base_file, folder)
    with pytest.raises(OutOfRange):
        write_next(base_file, base, ENCODING, (examples, numbers), FedAvg(), out)
    assert not out.exists()


def test_masks_that_were_not_taken_off_are_noticed(folder: Path) -> None:
    base_file = folder / "base.safetensors"
    base = open_model(base_file, folder)
    write_masked(folder / "m.u64", base, InMemory(BASE), ENCODING, [Mask(new_secret(), added=True)])
    found = unmasked(folder / "m.u64", [])
    with pytest.raises(OutOfRange):
        write_next(base_file, base, ENCODING, found, FedAvg(), folder / "refused.safetensors")
