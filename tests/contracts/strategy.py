"""What every strategy must do; a test class per strategy inherits it and supplies ``strategy``."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from decentralml.learning.layers import Layers, LayerSpec
from decentralml.learning.strategies import Strategy
from decentralml.learning.strategies.driver import BLOCK, aggregate
from decentralml.learning.strategies.memory import ArrayMemory
from decentralml.learning.strategies.strategy import settings_of
from decentralml.learning.updates import InMemory, Readable, Update

SHAPES = {"conv": (3, 2, 2), "none": (0, 4), "scalar": (), "long": (BLOCK + 3,)}
COUNT = 11
"""Enough for every strategy's default tolerance."""


def model(seed: int, dtype: str = "float32", factor: float = 1.0) -> Layers:
    generator = np.random.default_rng(seed)
    return {
        name: (np.asarray(generator.uniform(-1, 1, shape)) * factor).astype(dtype)
        for name, shape in SHAPES.items()
    }


def update(layers: Layers, index: int = 0) -> InMemory:
    control = InMemory({name: np.full_like(array, 0.25) for name, array in layers.items()})
    return InMemory(layers, 1 + index, f"contributor {index}", control)


def some_updates(dtype: str = "float32", factor: float = 1.0) -> list[InMemory]:
    return [update(model(index + 1, dtype, factor), index) for index in range(COUNT)]


def same(one: Layers, other: Layers) -> bool:
    return list(one) == list(other) and all(
        one[name].tobytes() == other[name].tobytes() for name in one
    )


class StrategyContract:
    """Inherit it, and supply the fixture ``strategy``."""

    def result(
        self, strategy: Strategy, base: Readable, updates: Sequence[Update], memory: Any = None
    ) -> Layers:
        return dict(aggregate(strategy, base, updates, memory))

    @pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
    def test_names_shapes_and_number_types_are_the_base_s(
        self, strategy: Strategy, dtype: str
    ) -> None:
        result = self.result(strategy, InMemory(model(0, dtype)), some_updates(dtype))
        assert {name: (a.shape, str(a.dtype)) for name, a in result.items()} == {
            name: (shape, dtype) for name, shape in SHAPES.items()
        }

    def test_the_order_of_arrival_does_not_matter_to_the_last_bit(self, strategy: Strategy) -> None:
        updates, base = some_updates(), InMemory(model(0))
        first = self.result(strategy, base, updates)
        shuffled = [updates[i] for i in np.random.default_rng(5).permutation(COUNT)]
        assert same(first, self.result(strategy, base, shuffled))

    def test_two_contributors_names_may_be_equal_in_any_order(self, strategy: Strategy) -> None:
        base = InMemory(model(0))
        updates = [InMemory(model(i + 1), 1, "", base) for i in range(COUNT)]
        first = self.result(strategy, base, updates)
        assert same(first, self.result(strategy, base, updates[::-1]))

    def test_updates_equal_to_the_base_leave_it(self, strategy: Strategy) -> None:
        base = model(0)
        result = self.result(
            strategy, InMemory(base), [update(base, index) for index in range(COUNT)]
        )
        for name, array in base.items():
            np.testing.assert_allclose(result[name], array, rtol=1e-6, atol=1e-9)

    @pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
    def test_the_largest_numbers_do_not_overflow(self, strategy: Strategy, dtype: str) -> None:
        largest = float(min(np.finfo(dtype).max, np.finfo(np.float32).max))
        updates = some_updates(dtype, largest)
        base = InMemory(model(0, dtype, largest))
        memory = ArrayMemory(base.template)
        for _ in range(3):
            result = self.result(strategy, base, updates, memory)
            memory = memory.next()
            for array in result.values():
                assert np.isfinite(array).all()

    def test_the_same_round_again_gives_the_same(self, strategy: Strategy) -> None:
        base = InMemory(model(0))
        first = ArrayMemory(base.template)
        self.result(strategy, base, some_updates(), first)
        second = first.next()
        results = [self.result(strategy, base, some_updates(), second) for _ in range(2)]
        assert same(results[0], results[1])

    def test_neither_base_nor_updates_are_changed(self, strategy: Strategy) -> None:
        base, layers = model(0), [model(index + 1) for index in range(COUNT)]
        self.result(strategy, InMemory(base), [update(each, i) for i, each in enumerate(layers)])
        assert same(base, model(0))
        assert all(same(each, model(index + 1)) for index, each in enumerate(layers))

    def test_what_contributors_are_told_is_small_and_plain(self, strategy: Strategy) -> None:
        for name, value in settings_of(strategy).items():
            assert name.isidentifier()
            assert type(value) in (int, float, str, bool)

    def test_memory_does_not_hold_the_updates(self, strategy: Strategy) -> None:
        size, count = 100_000, 128
        updates = [Made(size, index) for index in range(count)]
        tracemalloc.start()
        try:
            self.result(strategy, Made(size, 0), updates)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 32 << 20 < count * size * 4


class Made:
    """A model whose numbers are made when they are read: a row of a pattern, by its index."""

    examples = 1
    pattern = np.random.default_rng(0).standard_normal(1 << 16).astype(np.float32)

    def __init__(self, size: int, index: int) -> None:
        self.template = {"w": LayerSpec((size,), "float32")}
        self.contributor, self._index = f"{index:04}", index

    @property
    def extras(self) -> Readable:
        return self

    def block(self, layer: str, start: int, stop: int) -> Any:
        places = np.arange(start + 31 * self._index, stop + 31 * self._index)
        return self.pattern.take(places, mode="wrap")
