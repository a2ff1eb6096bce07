"""What f wrong updates of n can do: to robust strategies little, to a mean anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decentralml.learning.errors import TooFewUpdates
from decentralml.learning.strategies.driver import aggregate
from decentralml.learning.strategies.registry import named
from decentralml.learning.updates import InMemory
from tests.oracles import slow_strategies as slow

QUICK = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SIZE = 9
LARGEST = float(np.finfo(np.float32).max)
ATTACKS = ("flipped", "scaled", "noise", "collusion", "largest", "base", "other coordinate")


@dataclass
class Round:
    base: Any
    honest: Any
    wrong: Any
    seed: int

    def result(self, name: str, **options: Any) -> Any:
        """The strategy's model; the wrong ones claim ten million examples each."""
        updates = [InMemory({"w": v}, 10, f"h{i}") for i, v in enumerate(self.honest)]
        updates += [InMemory({"w": v}, 10_000_000, f"e{i}") for i, v in enumerate(self.wrong)]
        order = np.random.default_rng(self.seed).permutation(len(updates))
        # Names decide the order that a strategy sees, so they are dealt out at random too.
        for place, index in enumerate(order):
            updates[index].contributor = f"{place:03}"
        layers = dict(aggregate(named(name, **options), InMemory({"w": self.base}), updates))
        return layers["w"].astype(np.float64)

    @property
    def hull(self) -> tuple[Any, Any]:
        return self.honest.min(axis=0).astype(float), self.honest.max(axis=0).astype(float)


@st.composite
def rounds(draw: st.DrawFn, honest_for: Any, most: int = 3) -> Round:
    """``honest_for``: f → how many honest updates there are at least."""
    f = draw(st.integers(0, most))
    honest = honest_for(f) + draw(st.integers(0, 3))
    seed = draw(st.integers(0, 2**32))
    generator = np.random.default_rng(seed)
    base = generator.standard_normal(SIZE).astype(np.float32)
    right = base + 1 + 0.3 * generator.standard_normal((honest, SIZE))
    attack = draw(st.sampled_from(ATTACKS))
    wrong = {
        "flipped": base - 50 * (right.mean(axis=0) - base) + generator.random((f, SIZE)),
        "scaled": base + 100 * (right[:1] - base) + generator.random((f, SIZE)),
        "noise": base + 200 * generator.standard_normal((f, SIZE)),
        "collusion": np.tile(base - 40, (f, 1)),
        "largest": LARGEST * generator.choice([-1, 1], (f, SIZE)),
        "base": np.tile(base, (f, 1)),
        "other coordinate": np.tile(right.mean(axis=0), (f, 1)) + 100 * np.eye(SIZE)[0],
    }[attack]
    return Round(base, right.astype(np.float32), wrong.astype(np.float32), seed)


def assert_within(result: Any, lowest: Any, highest: Any) -> None:
    margin = 1e-5 * (1 + np.abs(highest) + np.abs(lowest))
    assert (result >= lowest - margin).all()
    assert (result <= highest + margin).all()


@QUICK
@given(case=rounds(lambda f: f + 1, most=5))
def test_the_median_lies_within_the_honest_hull_while_fewer_than_half_are_wrong(
    case: Round,
) -> None:
    assert_within(case.result("median"), *case.hull)


@QUICK
@given(case=rounds(lambda f: f + 1, most=4))
def test_the_trimmed_mean_lies_within_the_honest_hull_while_it_trims_as_many_as_are_wrong(
    case: Round,
) -> None:
    count = len(case.honest) + len(case.wrong)
    assert_within(case.result("trimmed-mean", trim=len(case.wrong) / count), *case.hull)


@QUICK
@given(case=rounds(lambda f: f + 3))
def test_krum_returns_an_honest_update_when_the_wrong_ones_are_far_off(case: Round) -> None:
    result = case.result("krum", f=len(case.wrong))
    near = [row for row in (*case.honest, case.base) if np.allclose(row, result)]
    assert near


@QUICK
@given(case=rounds(lambda f: f + 3))
def test_multi_krum_lies_within_the_hull_of_the_honest_and_of_who_changed_nothing(
    case: Round,
) -> None:
    lowest, highest = case.hull
    result = case.result("multi-krum", f=len(case.wrong))
    assert_within(result, np.minimum(lowest, case.base), np.maximum(highest, case.base))


@QUICK
@given(case=rounds(lambda f: 3 * f + 3))
def test_bulyan_is_as_near_to_the_honest_as_they_are_to_one_another(case: Round) -> None:
    lowest, highest = case.hull
    width = highest - lowest
    assert_within(case.result("bulyan", f=len(case.wrong)), lowest - width, highest + width)


@QUICK
@given(case=rounds(lambda f: f + 1, most=4))
def test_the_geometric_median_is_as_near_to_the_honest_as_its_breakdown_point_says(
    case: Round,
) -> None:
    """Minsker 2015, lemma 2.1: within 2 (1 - a) / (1 - 2 a) times the honest radius."""
    share = len(case.wrong) / (len(case.wrong) + len(case.honest))
    centre = case.honest.mean(axis=0, dtype=float)
    radius = max(float(np.linalg.norm(row - centre)) for row in case.honest)
    off = float(np.linalg.norm(case.result("geometric-median") - centre))
    assert off <= 2 * (1 - share) / (1 - 2 * share) * radius * 1.01 + 1e-4


@QUICK
@given(case=rounds(lambda f: f + 1, most=4), norm=st.sampled_from([0.01, 1.0, 7.0]))
def test_norm_clipping_moves_the_model_no_farther_than_the_norm(case: Round, norm: float) -> None:
    moved = case.result("norm-clipping", norm=norm) - case.base
    assert np.linalg.norm(moved) <= norm * (1 + 1e-4) + 1e-5


@QUICK
@given(case=rounds(lambda f: f + 1, most=4))
def test_norm_clipping_by_the_median_moves_it_no_farther_than_an_honest_update(case: Round) -> None:
    longest = max(float(np.linalg.norm(row - case.base)) for row in case.honest)
    moved = case.result("norm-clipping") - case.base
    assert np.linalg.norm(moved) <= longest * (1 + 1e-4)


def test_one_wrong_update_of_ten_moves_the_mean_anywhere() -> None:
    honest = np.ones((9, SIZE), np.float32)
    case = Round(honest[0] * 0, honest, np.full((1, SIZE), -1000, np.float32), 0)
    assert (case.result("fedavg") < -900).all()


def test_ten_of_21_who_return_the_model_unchanged_do_not_hold_the_geometric_median_there() -> None:
    honest = np.random.default_rng(1).normal(5, 1, (11, SIZE)).astype(np.float32)
    idle = np.zeros((10, SIZE), np.float32)
    found = Round(idle[0], honest, idle, 0).result("geometric-median")
    updates = [row.astype(float) for row in (*honest, *idle)]
    least = slow.distance_sum(slow.geometric_median(idle[0], updates, []), updates)
    assert slow.distance_sum(found, updates) < 1.001 * least


@pytest.mark.parametrize(
    ("name", "options", "needed"),
    [
        ("krum", {"f": 0}, 3),
        ("krum", {"f": 1}, 5),
        ("krum", {"f": 2}, 7),
        ("multi-krum", {"f": 1, "m": 4}, 7),
        ("bulyan", {"f": 1}, 7),
        ("bulyan", {"f": 2}, 11),
        ("trimmed-mean", {"trim": 0.2}, 3),
        ("trimmed-mean", {"trim": 0.45}, 11),
    ],
)
def test_with_one_update_less_than_it_needs_a_strategy_says_how_many(
    name: str, options: dict[str, Any], needed: int
) -> None:
    base = InMemory({"w": np.zeros(2, np.float32)})
    updates = [InMemory({"w": np.full(2, i, np.float32)}, 1, str(i)) for i in range(needed)]
    strategy = named(name, **options)

    assert dict(aggregate(strategy, base, updates))["w"].shape == (2,)
    with pytest.raises(TooFewUpdates) as few:
        aggregate(strategy, base, updates[:-1])
    assert (few.value.needed, few.value.found) == (needed, needed - 1)
