"""One pass over an update: is it finite, and is it somebody else's?"""

from __future__ import annotations

import numpy as np
import pytest

from decentralml.learning.errors import NotFinite
from decentralml.learning.inspection import Inspector, check_readable, same_numbers
from decentralml.learning.layers import Array
from decentralml.learning.updates import InMemory

LARGE = (1 << 18) + 3
"""Numbers that take more than one block."""


def model(**changed: Array) -> InMemory:
    layers = {"kernel": np.arange(LARGE, dtype=np.float32), "bias": np.zeros(3, np.float32)}
    return InMemory({**layers, **changed})


def test_the_second_owner_of_the_same_numbers_is_told_the_first() -> None:
    inspector = Inspector()
    assert inspector.inspect(model(), "ann") is None
    assert inspector.inspect(model(bias=np.ones(3, np.float32)), "ben") is None
    assert inspector.inspect(model(), "eve") == "ann"


@pytest.mark.parametrize("place", [0, LARGE - 1])
def test_one_changed_bit_makes_other_numbers(place: int) -> None:
    kernel = np.arange(LARGE, dtype=np.float32)
    kernel.view(np.uint32)[place] ^= 1
    inspector = Inspector()
    inspector.inspect(model(), "ann")
    assert inspector.inspect(model(kernel=kernel), "ben") is None


def test_the_order_of_the_layers_does_not_hide_a_copy() -> None:
    inspector = Inspector()
    inspector.inspect(InMemory({"a": np.ones(1), "b": np.zeros(1)}), "ann")
    assert inspector.inspect(InMemory({"b": np.zeros(1), "a": np.ones(1)}), "eve") == "ann"


def test_the_same_numbers_in_another_shape_or_under_another_name_are_no_copy() -> None:
    inspector = Inspector()
    inspector.inspect(InMemory({"a": np.ones((2, 3))}), "ann")
    assert inspector.inspect(InMemory({"a": np.ones((3, 2))}), "ben") is None
    assert inspector.inspect(InMemory({"b": np.ones((2, 3))}), "cid") is None


def test_equal_fingerprints_alone_accuse_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Inspector, "_fingerprint", lambda self, update: b"always the same")
    inspector = Inspector()
    assert inspector.inspect(model(), "ann") is None
    assert inspector.inspect(model(bias=np.ones(3, np.float32)), "ben") is None
    assert inspector.inspect(model(bias=np.ones(3, np.float32)), "eve") == "ben"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, LARGE - 1])
def test_a_value_that_is_not_finite_is_found_in_the_same_pass(value: float, place: int) -> None:
    kernel = np.zeros(LARGE, np.float32)
    kernel[place] = value
    with pytest.raises(NotFinite, match="'kernel' has 1 values"):
        Inspector().inspect(model(kernel=kernel), "eve")
    with pytest.raises(NotFinite, match="'kernel' has 1 values"):
        check_readable(model(kernel=kernel))


def test_what_was_refused_is_not_remembered() -> None:
    inspector = Inspector()
    broken = model(bias=np.array([np.nan, 0, 0], np.float32))
    for owner in ("ann", "ben"):
        with pytest.raises(NotFinite):
            inspector.inspect(broken, owner)


def test_minus_zero_and_zero_are_other_numbers() -> None:
    assert not same_numbers(InMemory({"a": np.array([0.0])}), InMemory({"a": np.array([-0.0])}))
    assert same_numbers(model(), model())
