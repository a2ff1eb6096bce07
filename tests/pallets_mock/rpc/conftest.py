from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from pallets_mock.testing import DevChain
from tests.pallets_mock.offline import OfflineChain, OfflineClient
from tests.pallets_mock.wire import Wire


@pytest.fixture
def wire(dev_chain: DevChain) -> Iterator[Wire]:
    with Wire(dev_chain.url) as wire:
        yield wire


@pytest.fixture(scope="session")
def signer() -> OfflineClient:
    """Signs transactions of the well-known accounts for any development chain."""
    return OfflineChain().client


@pytest.fixture
def connect() -> Iterator[Callable[[DevChain], Wire]]:
    wires: list[Wire] = []

    def open_wire(chain: DevChain) -> Wire:
        wires.append(Wire(chain.url))
        return wires[-1].__enter__()

    yield open_wire
    for wire in wires:
        wire.__exit__()
