"""A chain with the real runtime, and people on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pallets_mock.testing import DevChain
from tests.chains import SharedChain
from tests.decentralml.roles.town import Town


@pytest.fixture
def chain(a_chain: DevChain | SharedChain) -> DevChain | SharedChain:
    return a_chain


@pytest.fixture
def town(chain: DevChain | SharedChain, tmp_path: Path) -> Iterator[Town]:
    town = Town(chain.url, tmp_path)
    yield town
    town.close()
