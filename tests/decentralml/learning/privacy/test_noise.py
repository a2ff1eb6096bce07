"""Noise: standard normal, another one each time, never predictable."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from decentralml.learning.privacy.noise import Noise
from decentralml.learning.secagg.masks import BLOCK

KEY = bytes(range(32))


def test_it_is_standard_normal() -> None:
    """Kolmogorov and Smirnov's test; the key is fixed, so it holds or fails for good."""
    numbers = Noise(KEY).normal(200_000)
    assert stats.kstest(numbers, "norm").pvalue > 0.01


def test_neighbours_and_halves_are_independent() -> None:
    """The two numbers of a pair come from one radius and angle."""
    numbers = Noise(KEY).normal(2 * (BLOCK // 2))
    half = numbers.size // 2
    limit = 4 / math.sqrt(half)
    assert abs(np.corrcoef(numbers[:half], numbers[half:])[0, 1]) < limit
    assert abs(np.corrcoef(numbers[:half] ** 2, numbers[half:] ** 2)[0, 1]) < limit
    assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < limit


def test_it_differs_from_call_to_call_and_from_source_to_source() -> None:
    source = Noise()
    assert not np.array_equal(source.normal(8), source.normal(8))
    assert not np.array_equal(Noise().normal(8), Noise().normal(8))


@pytest.mark.parametrize("count", [0, 1, 2, 3, BLOCK - 1, BLOCK, BLOCK + 1])
def test_any_count_is_finite_and_never_twice_the_same(count: int) -> None:
    numbers = Noise(KEY).normal(count)
    assert numbers.shape == (count,)
    assert np.isfinite(numbers).all()
    assert np.unique(numbers).size == count
