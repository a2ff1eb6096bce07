from __future__ import annotations

import pytest

from pallets_mock.errors import HostError
from pallets_mock.host.memory import GuestMemory


def test_what_is_given_is_read_back(memory: GuestMemory) -> None:
    packed = memory.give(b"answer")

    assert memory.read(packed) == b"answer"
    assert packed >> 32 == 6


def test_a_packed_range_may_come_signed(memory: GuestMemory) -> None:
    high_bit = (1 << 31 | 5) << 32

    with pytest.raises(HostError):
        memory.read(high_bit - (1 << 64))


def test_the_last_byte_is_readable_and_the_next_one_is_not(memory: GuestMemory) -> None:
    end = len(memory.data)

    assert memory.read_at(end - 1, 1) == b"\x00"
    with pytest.raises(HostError, match=f"ends at {end + 1}"):
        memory.read_at(end - 1, 2)


def test_the_last_byte_is_writable_and_the_next_one_is_not(memory: GuestMemory) -> None:
    end = len(memory.data)

    memory.write_at(end - 1, b"x")
    assert memory.data[end - 1 :] == b"x"
    with pytest.raises(HostError):
        memory.write_at(end - 1, b"xy")
