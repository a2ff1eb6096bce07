"""Numbers as whole numbers modulo 2**64: exact sums, bounded errors, nothing wraps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from decentralml.learning.secagg.errors import OutOfRange
from decentralml.learning.secagg.fixed import Encoding


@st.composite
def rounds(draw: st.DrawFn) -> tuple[Encoding, list[tuple[np.ndarray, int]]]:
    """An encoding with any limits, and as many updates as it allows at most, up to the limits."""
    members = draw(st.integers(1, 8))
    bound = draw(st.floats(1e-3, 1e4))
    encoding = Encoding(members, draw(st.integers(1, 10**7)), bound)
    numbers = st_numpy.arrays(np.float32, 5, elements=st.floats(-1, 1, width=32))
    weights = st.integers(1, encoding.max_examples)
    many = draw(st.lists(st.tuples(numbers, weights), min_size=1, max_size=members))
    return encoding, [(n.astype(np.float64) * bound, w) for n, w in many]


@given(rounds())
def test_the_decoded_mean_is_the_weighted_mean_within_the_stated_error(
    many: tuple[Encoding, list[tuple[np.ndarray, int]]],
) -> None:
    encoding, updates = many
    total = sum(weight for _, weight in updates)
    encoded = np.sum([encoding.encode(n, w) for n, w in updates], axis=0, dtype=np.uint64)

    exact = sum(numbers * weight for numbers, weight in updates) / total

    assert np.max(np.abs(encoding.decode(encoded, total) - exact)) <= encoding.error(total)


@given(st.integers(1, 1000), st.integers(1, 10**7), st.floats(1e-6, 1e3))
def test_all_members_at_the_limits_do_not_wrap(members: int, examples: int, bound: float) -> None:
    encoding = Encoding(members, examples, bound)
    for sign in (1, -1):
        one = int(encoding.encode(np.array([sign * bound]), examples).view(np.int64)[0])
        assert -(2**63) <= members * one < 2**63
        assert one * sign > 0


def test_precision_for_a_hundred_members_is_finer_than_single_precision() -> None:
    assert Encoding(100, 1_000_000, 64.0).error(100) < np.finfo(np.float32).eps


@pytest.mark.parametrize("number", [1.0, -1.0])
def test_the_bound_itself_is_held(number: float) -> None:
    Encoding(2, 10, 1.0).encode(np.array([number]), 10)


@pytest.mark.parametrize("number", [1.0000001, -2.0, np.nan, np.inf, -np.inf])
def test_a_number_beyond_the_bound_is_refused(number: float) -> None:
    with pytest.raises(OutOfRange):
        Encoding(2, 10, 1.0).encode(np.array([0.0, number]), 1)


@pytest.mark.parametrize("examples", [0, -1, 11])
def test_a_count_beyond_the_limit_is_refused(examples: int) -> None:
    with pytest.raises(OutOfRange):
        Encoding(2, 10, 1.0).encode(np.array([0.0]), examples)


def test_a_sum_that_no_honest_updates_give_is_refused() -> None:
    encoding = Encoding(2, 10, 1.0)
    noise = np.array([2**62 + 12345], np.uint64)
    with pytest.raises(OutOfRange):
        encoding.decode(noise, 2)


@pytest.mark.parametrize(
    ("members", "examples", "bound"),
    [(0, 1, 1.0), (1, 0, 1.0), (1, 1, 0.0), (1, 1, np.nan), (1, 1, np.inf), (1000, 10**12, 1e6)],
)
def test_limits_that_leave_no_precision_are_refused(
    members: int, examples: int, bound: float
) -> None:
    with pytest.raises(ValueError, match="64 bits"):
        Encoding(members, examples, bound)
