"""Who is asked, who drops out and who is hostile: by the seed alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decentralml.simulation import plan


@given(st.data())
def test_a_round_asks_so_many_different_ones_in_order(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 200))
    asked = data.draw(st.integers(1, count))
    drop_out = data.draw(st.floats(0, 0.99))
    names = [f"{number:05}" for number in range(count)]
    made = plan.round_of(names, data.draw(st.integers(1, 50)), asked, drop_out, seed=3)
    assert len(made.asked) == asked
    assert list(made.asked) == sorted(set(made.asked))
    assert set(made.asked) <= set(names)
    assert sorted([*made.dropped, *made.working]) == list(made.asked)


def test_rounds_and_seeds_ask_different_ones_and_the_same_ones_again() -> None:
    names = [str(number) for number in range(1000)]
    first = plan.round_of(names, 1, 10, 0.5, seed=0)
    assert first == plan.round_of(names, 1, 10, 0.5, seed=0)
    assert first.asked != plan.round_of(names, 2, 10, 0.5, seed=0).asked
    assert first.asked != plan.round_of(names, 1, 10, 0.5, seed=1).asked


def test_over_many_rounds_everybody_is_asked_and_the_right_share_drops_out() -> None:
    names = [str(number) for number in range(10)]
    rounds = [plan.round_of(names, number, 5, 0.2, seed=0) for number in range(1, 401)]
    asked = [name for each in rounds for name in each.asked]
    assert all(160 <= asked.count(name) <= 240 for name in names)
    assert 300 <= sum(len(each.dropped) for each in rounds) <= 500


def test_nobody_drops_out_at_probability_nought() -> None:
    assert plan.round_of(["a", "b"], 1, 2, 0.0, seed=0).working == ("a", "b")


@given(st.integers(1, 50), st.integers(0, 50), st.integers(0, 9))
def test_so_many_are_hostile(count: int, hostile: int, seed: int) -> None:
    names = [str(number) for number in range(count)]
    chosen = plan.hostile(names, min(count, hostile), seed)
    assert len(set(chosen)) == min(count, hostile)
    assert set(chosen) <= set(names)


@pytest.mark.parametrize(
    ("count", "fraction", "asked"), [(100, 0.1, 10), (3, 0.1, 1), (7, 1.0, 7), (1000, 0.0005, 1)]
)
def test_a_fraction_is_rounded_to_at_least_one(count: int, fraction: float, asked: int) -> None:
    assert plan.share_of(count, fraction) == asked
