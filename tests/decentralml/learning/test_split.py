"""Parts of a data set: disjoint, complete, the same again for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decentralml.learning.split import (
    split_by_label,
    split_dirichlet,
    split_evenly,
    split_mostly_by_label,
)

LABELS = np.repeat(np.arange(10, dtype=np.uint8), 30)


@given(st.integers(1, 200), st.integers(1, 20), st.integers(0, 2**32))
def test_even_parts_are_a_partition_of_like_sizes(count: int, parts: int, seed: int) -> None:
    if parts > count:
        with pytest.raises(ValueError, match="cannot be split"):
            split_evenly(count, parts, seed)
        return
    split = split_evenly(count, parts, seed)
    assert sorted(np.concatenate(split).tolist()) == list(range(count))
    assert max(map(len, split)) - min(map(len, split)) <= 1


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=60),
    st.integers(1, 12),
    st.floats(0.01, 100),
    st.integers(0, 2**32),
)
def test_dirichlet_parts_are_a_partition_without_an_empty_part(
    labels: list[int], parts: int, concentration: float, seed: int
) -> None:
    array = np.array(labels, np.uint8)
    if parts > len(labels):
        with pytest.raises(ValueError, match="cannot be split"):
            split_dirichlet(array, parts, concentration, seed)
        return
    split = split_dirichlet(array, parts, concentration, seed)
    assert sorted(np.concatenate(split).tolist()) == list(range(len(labels)))
    assert all(len(part) for part in split)


def test_the_seed_decides() -> None:
    first, again, other = (split_dirichlet(LABELS, 3, 0.5, seed) for seed in (1, 1, 2))
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert any(len(a) != len(b) or (a != b).any() for a, b in zip(first, other, strict=True))


def test_a_small_concentration_is_more_uneven_than_a_large_one() -> None:
    def unevenness(concentration: float) -> float:
        parts = split_dirichlet(LABELS, 3, concentration, 1)
        counts = np.array([np.bincount(LABELS[part], minlength=10) for part in parts])
        return float(counts.std(axis=0).mean())

    assert unevenness(0.1) > 3 * unevenness(100)


@given(
    st.lists(st.integers(0, 9), min_size=12, max_size=60),
    st.integers(1, 12),
    st.floats(0, 1),
    st.integers(0, 2**32),
)
def test_parts_of_mostly_own_labels_are_a_partition_without_an_empty_part(
    labels: list[int], parts: int, own: float, seed: int
) -> None:
    split = split_mostly_by_label(np.array(labels, np.uint8), parts, own, seed)
    assert sorted(np.concatenate(split).tolist()) == list(range(len(labels)))
    assert all(len(part) for part in split)


def test_nine_tenths_of_a_label_are_with_its_owner_and_the_rest_evenly_with_the_others() -> None:
    counts = [
        np.bincount(LABELS[part], minlength=10).tolist()
        for part in split_mostly_by_label(LABELS, 4, 0.9, 1)
    ]
    assert counts[0] == [27, 1, 1, 1, 27, 1, 1, 1, 27, 1]
    assert np.sum(counts, axis=0).tolist() == [30] * 10


@pytest.mark.parametrize("own", [-0.1, 1.1, float("nan")])
def test_a_share_of_own_labels_outside_zero_to_one_is_an_error(own: float) -> None:
    with pytest.raises(ValueError, match="within 0 to 1"):
        split_mostly_by_label(LABELS, 3, own, 1)


@pytest.mark.parametrize("concentration", [0, -1, float("nan")])
def test_a_concentration_not_above_zero_is_an_error(concentration: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        split_dirichlet(LABELS, 3, concentration, 1)


@pytest.mark.parametrize(("count", "parts"), [(5, 0), (5, 6), (0, 1)])
def test_more_parts_than_examples_or_none_is_an_error(count: int, parts: int) -> None:
    with pytest.raises(ValueError, match="cannot be split"):
        split_evenly(count, parts, 1)


def test_groups_of_labels_become_parts() -> None:
    first, second = split_by_label(LABELS, [[0, 1], [9]])
    assert np.unique(LABELS[first]).tolist() == [0, 1]
    assert second.tolist() == list(range(270, 300))


@pytest.mark.parametrize("groups", [[[0, 1], [1, 2]], [[0], [77]], []])
def test_shared_labels_and_empty_parts_are_errors(groups: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="part"):
        split_by_label(LABELS, groups)
