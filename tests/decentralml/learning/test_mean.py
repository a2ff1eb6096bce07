"""The weighted sum: exact where it can be worked out, of any number of rows, one held at a time."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decentralml.learning.mean import weighted_sum

NUMBERS = st.floats(-1e6, 1e6, width=32)


def total(rows: list[list[float]], weights: list[float], dtype: str = "float32") -> list[float]:
    arrays = [np.array(row, dtype) for row in rows]
    found = weighted_sum(iter(arrays), np.array(weights), len(rows[0]))
    assert found.dtype == np.float64
    return found.tolist()


def test_each_row_counts_by_its_weight() -> None:
    assert total([[0, 8], [4, 0]], [0.25, 0.75]) == [3, 2]


@pytest.mark.parametrize("count", [1, 7, 8, 9, 16, 17])
def test_no_row_is_lost_at_the_end_of_a_group(count: int) -> None:
    assert total([[2**index, 1] for index in range(count)], [1] * count) == [2**count - 1, count]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64"])
def test_every_number_type_is_summed_in_double_precision(dtype: str) -> None:
    assert total([[30_000], [30_001], [30_002]], [1, 1, 1], dtype)[0] in (90_003, 90_000)


def test_half_precision_s_largest_numbers_do_not_overflow() -> None:
    assert total([[65504]] * 10, [1] * 10, "float16") == [655_040]


def test_small_differences_survive_a_thousand_rows() -> None:
    value = float(np.float32(0.1))
    (found,) = total([[value]] * 1000, [1 / 1000] * 1000)
    assert np.float32(found) == np.float32(value)


def test_rows_longer_than_what_is_multiplied_at_once_are_summed_to_their_end() -> None:
    long = np.arange(100_003, dtype=np.float32)
    np.testing.assert_array_equal(weighted_sum([long, -long, long], np.ones(3), 100_003), long)


def test_a_row_without_numbers_has_an_empty_sum() -> None:
    assert total([[], []], [0.5, 0.5]) == []


@given(
    st.lists(
        st.tuples(st.lists(NUMBERS, min_size=3, max_size=3), st.floats(0, 1)),
        min_size=1,
        max_size=20,
    )
)
def test_it_equals_the_sum_row_by_row(pairs: list[tuple[list[float], float]]) -> None:
    expected = [sum(row[at] * weight for row, weight in pairs) for at in range(3)]
    found = total([row for row, _ in pairs], [weight for _, weight in pairs])
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-6)


def test_no_more_than_a_group_of_rows_is_held() -> None:
    size = 1 << 17

    def rows() -> Iterator[Any]:
        for index in range(100):
            yield np.full(size, index, np.float32)

    tracemalloc.start()
    try:
        weighted_sum(rows(), np.ones(100), size)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 25 * 4 * size
