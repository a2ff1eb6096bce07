"""A chain, and a house for a coordinator."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pallets_mock.testing import DevChain
from tests.decentralml.compat.coordinator.house import House


@pytest.fixture
def chain() -> Iterator[DevChain]:
    with DevChain() as chain:
        yield chain


@pytest.fixture
def house(chain: DevChain, tmp_path: Path) -> House:
    return House(chain, tmp_path)
