"""The driver: any sizes, any order, types kept, and what a broken strategy is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from decentralml.learning.errors import EmptyRound, ShapeMismatch, StrategyFailed
from decentralml.learning.layers import Layers
from decentralml.learning.strategies import Memory, Rows, Weighing
from decentralml.learning.strategies.driver import BLOCK, aggregate
from decentralml.learning.strategies.fedavg import FedAvg
from decentralml.learning.strategies.memory import ArrayMemory
from decentralml.learning.updates import InMemory, Readable, Update


def one(*values: float, dtype: str = "float32", examples: int = 1, name: str = "") -> InMemory:
    return InMemory({"w": np.array(values, dtype)}, examples, name)


@dataclass(frozen=True)
class Returning(FedAvg):
    """FedAvg that answers one question otherwise."""

    weighing: Weighing | None = None
    stepped: Any = None
    slots: tuple[str, ...] = ()

    def weigh(self, base: Readable, updates: Sequence[Update]) -> Weighing:
        return self.weighing or super().weigh(base, updates)

    def step(self, base: Any, combined: Any, memory: Memory) -> Any:
        for slot in self.slots:
            memory[slot] = combined
        return combined if self.stepped is None else self.stepped


def test_weights_of_one_and_three_count_one_and_three_quarters() -> None:
    updates = [one(0, 8, examples=100), one(4, 0, examples=300)]
    assert dict(aggregate(FedAvg(), one(0, 0), updates))["w"].tolist() == [3, 2]


def test_layers_come_in_the_base_s_order_also_empty_scalar_and_longer_than_a_block() -> None:
    layers: Layers = {
        "long": np.arange(2 * BLOCK + 1, dtype=np.float32),
        "none": np.empty((0, 3), np.float32),
        "scalar": np.array(2, np.float64),
    }
    result = dict(aggregate(FedAvg(), InMemory(layers), [InMemory(layers)]))
    assert list(result) == ["long", "none", "scalar"]
    for name, array in layers.items():
        assert (result[name].shape, result[name].dtype) == (array.shape, array.dtype)
        np.testing.assert_array_equal(result[name], array)


def test_updates_of_one_name_count_alike_in_any_order() -> None:
    updates = [one(value, dtype="float64") for value in (1e8, 1, -1e8, 3.3, 1e-7)]
    results = {
        float(dict(aggregate(FedAvg(), one(0, dtype="float64"), order))["w"][0])
        for order in (updates, updates[::-1], updates[2:] + updates[:2])
    }
    assert len(results) == 1


def test_half_precision_sums_do_not_overflow() -> None:
    updates = [one(65504, dtype="float16", examples=10_000_000) for _ in range(5)]
    result = dict(aggregate(FedAvg(), one(0, dtype="float16"), updates))["w"]
    assert (result[0], result.dtype) == (65504, np.float16)


def test_a_step_beyond_the_type_s_range_ends_at_its_largest_number() -> None:
    strategy = Returning(stepped=np.array([1e300, -1e300]))
    result = dict(aggregate(strategy, one(0, 0, dtype="float16"), [one(1, 1, dtype="float16")]))
    assert result["w"].tolist() == [65504, -65504]


def test_whole_numbers_are_rounded_to_the_nearest_and_stay_whole() -> None:
    updates = [one(1, 5, dtype="int64"), one(2, 9, dtype="int64", examples=3)]
    result = dict(aggregate(FedAvg(), one(0, 0, dtype="int64"), updates))["w"]
    assert (result.tolist(), result.dtype) == ([2, 8], np.int64)


def test_clipped_updates_come_nearer_to_the_base() -> None:
    strategy = Returning(Weighing(np.ones(2), np.array([0.5, 1])))
    result = dict(aggregate(strategy, one(10), [one(30, name="a"), one(12, name="b")]))
    assert result["w"].tolist() == [(20 + 12) / 2]


def test_an_update_without_weight_is_not_read() -> None:
    class Unreadable(InMemory):
        def block(self, layer: str, start: int, stop: int) -> Any:
            raise AssertionError("read")

    updates = [one(1, name="a"), Unreadable({"w": np.ones(1, np.float32)}, 1, "b")]
    strategy = Returning(Weighing(np.array([1.0, 0.0])))
    assert dict(aggregate(strategy, one(0), updates))["w"].tolist() == [1]


def test_weights_whose_sum_would_overflow_count_by_their_ratio() -> None:
    strategy = Returning(Weighing(np.array([1.5e308, 0.5e308])))
    result = dict(aggregate(strategy, one(0), [one(4, name="a"), one(0, name="b")]))
    assert result["w"].tolist() == [3]


def test_no_update_is_an_empty_round() -> None:
    with pytest.raises(EmptyRound):
        aggregate(FedAvg(), one(0), [])


def test_an_update_that_does_not_fit_the_base_is_refused_before_any_layer() -> None:
    with pytest.raises(ShapeMismatch):
        aggregate(FedAvg(), one(0), [one(1, 2)])


@pytest.mark.parametrize(
    "weights", [[0.0, 0.0], [1.0], [1.0, -0.1], [1.0, np.nan], [np.inf, 1.0]], ids=str
)
def test_impossible_weights_are_the_strategy_s_fault(weights: list[float]) -> None:
    with pytest.raises(StrategyFailed, match="weights"):
        aggregate(Returning(Weighing(np.array(weights))), one(0), [one(1), one(2)])


@pytest.mark.parametrize("scales", [[1.0], [1.0, 1.1], [-0.1, 1.0], [np.nan, 1.0]], ids=str)
def test_impossible_scales_are_the_strategy_s_fault(scales: list[float]) -> None:
    weighing = Weighing(np.ones(2), np.array(scales))
    with pytest.raises(StrategyFailed, match="scales"):
        aggregate(Returning(weighing), one(0), [one(1), one(2)])


@pytest.mark.parametrize("stepped", [np.array([np.nan]), np.zeros(2), np.float64(1)], ids=repr)
def test_a_step_to_no_number_or_another_shape_is_the_strategy_s_fault(stepped: Any) -> None:
    with pytest.raises(StrategyFailed, match="'w'"):
        dict(aggregate(Returning(stepped=stepped), one(0), [one(1)]))


def test_what_a_step_remembers_is_there_in_the_next_round() -> None:
    seen: list[tuple[int, float]] = []

    class Remembering(FedAvg):
        def step(self, base: Any, combined: Any, memory: Memory) -> Any:
            seen.append((memory.round, float(np.sum(memory.get("last", 0.0)))))
            memory["last"] = combined
            return combined

    memory = ArrayMemory(one(0).template)
    for value in (5, 7):
        dict(aggregate(Remembering(), one(0), [one(value)], memory))
        memory = memory.next()
    assert seen == [(0, 0), (1, 5)]


def test_a_slot_is_named_without_a_slash() -> None:
    with pytest.raises(StrategyFailed, match="a/b"):
        dict(aggregate(Returning(slots=("a/b",)), one(0), [one(1)]))


def test_a_strategy_may_look_at_one_update_after_another() -> None:
    class Largest(FedAvg):
        def combine(self, rows: Rows, weights: Any) -> Any:
            assert (len(rows), rows.layer) == (2, "w")
            return np.maximum.reduce([row.astype(np.float64) for row in rows])

    result = dict(aggregate(Largest(), one(0, 0), [one(1, 5, name="a"), one(3, 2, name="b")]))
    assert result["w"].tolist() == [3, 5]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_strategy_sees_numbers_in_at_least_single_precision(dtype: str) -> None:
    seen = set()

    class Looking(FedAvg):
        def combine(self, rows: Rows, weights: Any) -> Any:
            return rows.apply(lambda matrix: seen.add(str(matrix.dtype)) or matrix[0])

    dict(aggregate(Looking(), one(0, dtype=dtype), [one(1, dtype=dtype)]))
    assert seen == {"float64" if dtype == "float64" else "float32"}
