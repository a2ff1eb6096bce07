from __future__ import annotations

import pytest

from pallets_mock.executor.executor import encoded_version_of
from pallets_mock.host.allocator import start_heap
from pallets_mock.host.context import HostContext
from pallets_mock.host.keystore import Keystore
from pallets_mock.host.memory import GuestMemory
from pallets_mock.state.overlay import Overlay
from tests.oracles.slow_overlay import DictView

HEAP = 1024
SIZE = 1 << 22


@pytest.fixture
def memory() -> GuestMemory:
    memory = GuestMemory(memoryview(bytearray(SIZE)), HEAP)
    start_heap(memory)
    return memory


@pytest.fixture
def context(memory: GuestMemory) -> HostContext:
    """A call on a state in which `old` and `older` have values."""
    view = DictView({b"old": b"below", b"older": b"deep"})
    return HostContext(memory, Overlay(view), Keystore(), encoded_version_of)
