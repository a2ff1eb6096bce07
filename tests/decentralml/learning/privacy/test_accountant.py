"""Epsilon of many rounds, against closed forms and published figures."""

from __future__ import annotations

import math

import pytest

from decentralml.learning.privacy.accountant import Releases


def delta_of_gaussian(epsilon: float, noise: float, rounds: int) -> float:
    """The exact trade-off of composed Gaussian noise (Balle and Wang, ICML 2018, theorem 8)."""
    mu = math.sqrt(rounds) / noise

    def normal(x: float) -> float:
        return math.erfc(-x / math.sqrt(2)) / 2

    return normal(mu / 2 - epsilon / mu) - math.exp(epsilon) * normal(-mu / 2 - epsilon / mu)


@pytest.mark.parametrize(("noise", "rounds"), [(1.0, 1), (5.0, 40), (2.0, 10), (20.0, 1000)])
def test_epsilon_is_that_of_the_exact_formula(noise: float, rounds: int) -> None:
    epsilon = Releases(rounds).epsilon(noise, 1e-5)
    assert delta_of_gaussian(epsilon, noise, rounds) == pytest.approx(1e-5, rel=1e-6)


def test_with_sampling_it_is_within_the_moments_accountants_published_figure() -> None:
    """Abadi and others (CCS 2016), section 3.2: q 0.01, noise 4, 10,000 steps: 1.26 at 1e-5."""
    epsilon = Releases(10_000, sampling=0.01).epsilon(4.0, 1e-5)
    assert 0.9 < epsilon <= 1.26


@pytest.mark.parametrize("sampling", [1.0, 0.1])
def test_the_noise_for_an_epsilon_is_the_least_that_gives_it(sampling: float) -> None:
    releases = Releases(40, sampling)
    noise = releases.noise_for(3.0, 1e-5)
    assert releases.epsilon(noise, 1e-5) <= 3.0
    assert releases.epsilon(noise / 1.01, 1e-5) > 3.0


def test_taking_part_now_and_then_costs_less() -> None:
    assert Releases(40, 0.1).epsilon(2.0, 1e-5) < Releases(40, 0.5).epsilon(2.0, 1e-5)
    assert Releases(40, 0.99).epsilon(2.0, 1e-5) < Releases(40).epsilon(2.0, 1e-5)


def test_more_rounds_cost_more() -> None:
    assert Releases(41).epsilon(5.0, 1e-5) > Releases(40).epsilon(5.0, 1e-5)


def test_no_noise_is_no_privacy() -> None:
    assert Releases(1).epsilon(0.0, 1e-5) == math.inf


@pytest.mark.parametrize(
    ("rounds", "sampling"), [(0, 1.0), (1, 0.0), (1, 1.1), (1, -0.1), (1, math.nan)]
)
def test_impossible_jobs_are_refused(rounds: int, sampling: float) -> None:
    with pytest.raises(ValueError, match="rounds"):
        Releases(rounds, sampling)


@pytest.mark.parametrize("delta", [0.0, 1.0, -1.0, math.nan])
def test_a_delta_that_is_no_probability_is_refused(delta: float) -> None:
    with pytest.raises(ValueError, match="delta"):
        Releases(1).epsilon(1.0, delta)


@pytest.mark.parametrize("epsilon", [0.0, -1.0, math.nan])
def test_an_epsilon_of_nothing_is_refused(epsilon: float) -> None:
    with pytest.raises(ValueError, match="epsilon"):
        Releases(1).noise_for(epsilon, 1e-5)


def test_a_negative_noise_is_refused() -> None:
    with pytest.raises(ValueError, match="noise"):
        Releases(1).epsilon(-1.0, 1e-5)
