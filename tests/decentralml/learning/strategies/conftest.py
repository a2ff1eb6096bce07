"""Rounds of any sizes, and blocks so small that their bounds lie within them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from decentralml.learning.strategies import driver, rows, vectors


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Blocks of 7 coordinates, matrices of a few, so that every small layer has several."""
    monkeypatch.setattr(driver, "BLOCK", 7)
    monkeypatch.setattr(rows, "MATRIX_BYTES", 100)
    monkeypatch.setattr(vectors, "BYTES", 200)
    yield


@pytest.fixture
def flat() -> Callable[[Any], Any]:
    """All layers in one vector, in double precision."""

    def joined(layers: Any) -> Any:
        parts = [np.asarray(array, np.float64).reshape(-1) for array in layers.values()]
        return np.concatenate(parts)

    return joined
