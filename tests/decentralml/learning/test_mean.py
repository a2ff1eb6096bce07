"""The weighted mean: exact where it can be worked out, streaming, order-independent."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decentralml.learning.errors import EmptyRound, LayerMismatch, ShapeMismatch
from decentralml.learning.layers import Layers
from decentralml.learning.mean import weighted_mean

UPDATES = st.lists(
    st.tuples(
        st.lists(st.floats(-1e6, 1e6, width=32), min_size=3, max_size=3), st.integers(1, 10_000)
    ),
    min_size=1,
    max_size=8,
)


def layers(*values: float, dtype: str = "float32") -> Layers:
    return {"kernel": np.array(values, dtype)}


def test_weights_of_one_and_three_count_one_and_three_quarters() -> None:
    mean = weighted_mean([(layers(0, 8), 100), (layers(4, 0), 300)])
    assert mean["kernel"].tolist() == [3.0, 2.0]


def test_one_update_is_its_own_mean() -> None:
    assert (
        weighted_mean([(layers(0.1, -7), 3)])["kernel"].tolist()
        == layers(0.1, -7)["kernel"].tolist()
    )


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_number_type_stays(dtype: str) -> None:
    assert weighted_mean([(layers(1, dtype=dtype), 1)])["kernel"].dtype == dtype


def test_small_differences_survive_a_thousand_updates() -> None:
    value = float(np.float32(0.1))
    mean = weighted_mean((layers(value), 10**9) for _ in range(1000))
    assert mean["kernel"][0] == np.float32(value)


def test_a_scalar_layer_and_a_layer_longer_than_a_block_are_averaged() -> None:
    big = np.arange(100_000, dtype=np.float32)
    mean = weighted_mean(
        [({"s": np.float32(1), "b": big}, 1), ({"s": np.float32(3), "b": -big}, 1)]
    )
    assert mean["s"] == 2
    assert not mean["b"].any()


def test_no_update_has_no_mean() -> None:
    with pytest.raises(EmptyRound):
        weighted_mean([])


@pytest.mark.parametrize("examples", [0, -1])
def test_a_weight_below_one_is_an_error(examples: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        weighted_mean([(layers(1), examples)])


def test_an_update_of_another_shape_is_refused() -> None:
    with pytest.raises(ShapeMismatch):
        weighted_mean([(layers(1), 1), (layers(1, 2), 1)])


def test_an_update_of_other_layers_is_refused() -> None:
    with pytest.raises(LayerMismatch):
        weighted_mean([(layers(1), 1), ({"bias": np.ones(1, np.float32)}, 1)])


@given(UPDATES)
def test_it_equals_numpy_s_average_and_lies_between_the_updates(
    updates: list[tuple[list[float], int]],
) -> None:
    mean = weighted_mean((layers(*values), examples) for values, examples in updates)["kernel"]
    values = np.array([values for values, _ in updates], np.float64)
    expected = np.average(values, axis=0, weights=[examples for _, examples in updates])
    np.testing.assert_allclose(mean, expected, rtol=1e-6, atol=1e-30)
    assert (mean <= values.max(axis=0).astype(np.float32)).all()
    assert (mean >= values.min(axis=0).astype(np.float32)).all()


def test_memory_stays_at_about_three_models_for_fifty_updates() -> None:
    size = 1_000_000
    model_bytes = 4 * size

    def updates() -> Iterator[tuple[Layers, int]]:
        for index in range(50):
            yield (
                {"a": np.full(size // 2, index, np.float32), "b": np.ones(size // 2, np.float32)},
                1,
            )

    tracemalloc.start()
    try:
        weighted_mean(updates())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3.2 * model_bytes
