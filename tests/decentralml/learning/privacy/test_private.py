"""One contributor moves what is published by no more than the clip bound, whatever it sends."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decentralml.learning.layers import Layers
from decentralml.learning.privacy.central import Private
from decentralml.learning.privacy.local import LocalPrivacy, privatize
from decentralml.learning.privacy.noise import Noise
from decentralml.learning.strategies.driver import aggregate
from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.learning.updates import InMemory

KEY = bytes(range(32))
BASE: Layers = {
    "a": np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3),
    "b": np.array([0.5], np.float64),
}


def updates(seed: int, lengths: list[float]) -> list[InMemory]:
    """One update for each length: a random direction from the base."""
    random = np.random.default_rng(seed)
    made = []
    for at, length in enumerate(lengths):
        change = random.normal(size=7)
        change *= length / np.linalg.norm(change)
        layers: Layers = {
            "a": (BASE["a"] + change[:6].reshape(2, 3)).astype(np.float32),
            "b": BASE["b"] + change[6:],
        }
        made.append(InMemory(layers, examples=1 + at * 1000, contributor=str(at)))
    return made


def federated(strategy: Private, many: list[InMemory]) -> np.ndarray:
    layers = dict(aggregate(strategy, InMemory(BASE), many))
    return np.concatenate([layer.reshape(-1).astype(np.float64) for layer in layers.values()])


@settings(max_examples=200, deadline=None)
@given(
    lengths=st.lists(st.floats(0, 1e6), min_size=2, max_size=6),
    clip=st.floats(1e-2, 1e2),
    expected=st.integers(1, 8),
    seed=st.integers(0, 1000),
)
def test_leaving_a_contributor_out_moves_the_sum_by_the_clip_bound_at_most(
    lengths: list[float], clip: float, expected: int, seed: int
) -> None:
    strategy = Private(FedAvg(), clip, 0.0, expected)
    many = updates(seed, lengths)

    moved = np.linalg.norm(federated(strategy, many) - federated(strategy, many[1:]))

    rounding = 1e-6 * (1 + clip)  # of the model's single precision, after the sum
    assert moved * expected <= clip + rounding * expected


def test_examples_do_not_weigh() -> None:
    many = updates(1, [0.5, 0.5])
    once = InMemory({n: many[0].block(n, 0, s.size).reshape(s.shape) for n, s in BASE.items()})
    strategy = Private(FedAvg(), 1.0, 0.0, 2)
    assert np.array_equal(federated(strategy, many), federated(strategy, [once, many[1]]))


def test_a_short_update_is_not_clipped() -> None:
    many = updates(2, [0.9])
    private = federated(Private(FedAvg(), 1.0, 0.0, 1), many)
    plain = federated(FedAvg(), many)  # type: ignore[arg-type]
    assert np.allclose(private, plain, atol=1e-7)


def test_fewer_than_expected_make_a_smaller_step() -> None:
    many = updates(3, [1.0])
    base = federated(Private(FedAvg(), 1e-9, 0.0, 1), many)
    whole = federated(Private(FedAvg(), 9.0, 0.0, 1), many) - base
    half = federated(Private(FedAvg(), 9.0, 0.0, 2), many) - base
    assert np.allclose(half, whole / 2, atol=1e-6)


def test_the_noise_is_the_multiple_of_the_clip_bound_over_the_expected_number() -> None:
    zeros: Layers = {"w": np.zeros(50_000)}
    strategy = Private(FedAvg(), 3.0, 2.0, 12, source=Noise(KEY))

    ((_, noisy),) = aggregate(strategy, InMemory(zeros), [InMemory(zeros)])

    deviation = 3.0 * 2.0 / 12
    assert np.std(noisy) == pytest.approx(deviation, rel=0.02)
    assert abs(np.mean(noisy)) < 4 * deviation / math.sqrt(50_000)


def test_each_round_has_noise_of_its_own() -> None:
    many = updates(4, [1.0, 1.0])
    strategy = Private(FedAvg(), 1.0, 1.0, 2)
    assert not np.array_equal(federated(strategy, many), federated(strategy, many))


def test_the_curves_tell_epsilon_round_by_round() -> None:
    strategy = Private(FedAvg(), 1.0, 5.0, 10)
    first, second = strategy.figures(1), strategy.figures(2)
    assert first["delta"] == 1e-5
    assert 0 < first["epsilon"] < second["epsilon"]
    assert Private(FedAvg(), 1.0, 0.0, 10).figures(1) == {}


@pytest.mark.parametrize(
    ("clip", "noise", "expected"),
    [(0.0, 1.0, 1), (-1.0, 1.0, 1), (math.nan, 1.0, 1), (math.inf, 1.0, 1),
     (1.0, -1.0, 1), (1.0, math.nan, 1), (1.0, math.inf, 1), (1.0, 1.0, 0)],
)  # fmt: skip
def test_numbers_out_of_range_are_refused(clip: float, noise: float, expected: int) -> None:
    with pytest.raises(ValueError, match="is"):
        Private(FedAvg(), clip, noise, expected)


def test_a_strategy_that_publishes_more_than_the_model_is_refused() -> None:
    class Telling(FedAvg):
        def tell(self) -> None: ...

    with pytest.raises(ValueError, match="publishes more"):
        Private(Telling(), 1.0, 1.0, 1)


class TestLocal:
    """The noise is on the update before it leaves."""

    @settings(max_examples=100, deadline=None)
    @given(length=st.floats(0, 1e6), clip=st.floats(1e-2, 1e2), seed=st.integers(0, 1000))
    def test_without_noise_it_is_clipped(self, length: float, clip: float, seed: int) -> None:
        (update,) = updates(seed, [length])
        trained = {n: update.block(n, 0, s.size).reshape(s.shape) for n, s in BASE.items()}
        private = privatize(BASE, trained, clip, 0.0)
        change = np.concatenate([(private[n] - BASE[n]).reshape(-1) for n in BASE])
        assert np.linalg.norm(change) <= clip + 1e-6 * (1 + clip)

    def test_the_noise_covers_any_two_clipped_updates(self) -> None:
        zeros: Layers = {"w": np.zeros((100, 500), np.float32)}
        private = privatize(zeros, zeros, 3.0, 2.0, Noise(KEY))["w"]
        assert private.dtype == np.float32
        assert np.std(private) == pytest.approx(2 * 3.0 * 2.0, rel=0.02)

    def test_a_negative_noise_is_refused(self) -> None:
        with pytest.raises(ValueError, match="noise"):
            privatize(BASE, BASE, 1.0, -1.0)

    @pytest.mark.parametrize(
        ("clip", "noise"), [(0.0, 1.0), (math.nan, 1.0), (1.0, -1.0), (1.0, math.inf)]
    )
    def test_numbers_out_of_range_are_no_wish(self, clip: float, noise: float) -> None:
        with pytest.raises(ValueError, match="is"):
            LocalPrivacy(clip, noise)
