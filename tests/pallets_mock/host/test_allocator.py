from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pallets_mock.errors import HostError
from pallets_mock.host.allocator import (
    HEADER,
    MOST,
    STATE_BYTES,
    align,
    allocate,
    free,
    start_heap,
)
from pallets_mock.host.memory import GuestMemory
from tests.pallets_mock.host.conftest import HEAP, SIZE


class AllocationsNeverOverlap(RuleBasedStateMachine):
    """Each allocation keeps its bytes until it is freed, whatever else happens."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = GuestMemory(memoryview(bytearray(SIZE)), HEAP)
        start_heap(self.memory)
        self.live: dict[int, bytes] = {}
        self.mark = 0

    @rule(size=st.integers(0, 700))
    def allocate(self, size: int) -> None:
        address = allocate(self.memory, size)
        self.mark = self.mark % 255 + 1
        content = bytes([self.mark]) * size
        self.memory.write_at(address, content)
        assert address % 8 == 0
        assert address not in self.live
        self.live[address] = content

    @precondition(lambda self: self.live)
    @rule(which=st.integers(0, 1000))
    def free(self, which: int) -> None:
        address = sorted(self.live)[which % len(self.live)]
        free(self.memory, address)
        del self.live[address]

    @invariant()
    def contents_are_kept(self) -> None:
        for address, content in self.live.items():
            assert self.memory.read_at(address, len(content)) == content


TestAllocationsNeverOverlap = AllocationsNeverOverlap.TestCase


def test_the_first_block_follows_the_state(memory: GuestMemory) -> None:
    assert allocate(memory, 1) == HEAP + STATE_BYTES + HEADER


def test_a_freed_block_is_the_next_one_of_its_size(memory: GuestMemory) -> None:
    first = allocate(memory, 100)
    allocate(memory, 100)
    free(memory, first)

    assert allocate(memory, 60) != first
    assert allocate(memory, 65) == first  # 65 to 128 bytes are one size


@pytest.mark.parametrize(("size", "takes"), [(0, 8), (8, 8), (9, 16), (16, 16), (17, 32)])
def test_sizes_are_rounded_up_to_a_power_of_two(memory: GuestMemory, size: int, takes: int) -> None:
    first = allocate(memory, size)

    assert allocate(memory, 1) == first + takes + HEADER


def test_freeing_twice_is_refused(memory: GuestMemory) -> None:
    address = allocate(memory, 10)
    free(memory, address)

    with pytest.raises(HostError):
        free(memory, address)


@pytest.mark.parametrize("address", [0, 8, HEAP, HEAP + 8, HEAP + STATE_BYTES + 12, SIZE + 8])
def test_freeing_what_was_never_allocated_is_refused(memory: GuestMemory, address: int) -> None:
    allocate(memory, 10)

    with pytest.raises(HostError, match=str(address)):
        free(memory, address)


def test_an_overwritten_header_is_noticed(memory: GuestMemory) -> None:
    address = allocate(memory, 10)
    memory.write_at(address - HEADER, (23).to_bytes(4, "little"))

    with pytest.raises(HostError, match="overwritten"):
        free(memory, address)


def test_a_full_memory_is_refused_and_stays_usable(memory: GuestMemory) -> None:
    allocate(memory, SIZE // 2)

    with pytest.raises(HostError, match="full"):
        allocate(memory, SIZE // 2)
    assert allocate(memory, 8)


def test_more_than_32_mib_at_once_is_refused(memory: GuestMemory) -> None:
    with pytest.raises(HostError, match="full"):
        allocate(memory, MOST)
    with pytest.raises(HostError, match="at once"):
        allocate(memory, MOST + 1)


def test_addresses_are_aligned_upwards() -> None:
    assert [align(n) for n in (0, 1, 7, 8, 9)] == [0, 8, 8, 8, 16]
