"""What is WebAssembly for speed computes what the plain Python beside it computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest
import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

from pallets_mock.errors import HostError
from pallets_mock.host import allocator, hashing
from pallets_mock.host.memory import GuestMemory
from tests.pallets_mock.executor.beside import HEAP, PAGES, Companion

HASHES = {
    "twox_64": (hashing.twox, 64),
    "twox_128": (hashing.twox, 128),
    "twox_256": (hashing.twox, 256),
    "blake2_128": (hashing.blake2, 128),
    "blake2_256": (hashing.blake2, 256),
}


def hash_of(companion: Companion, name: str, data: bytes) -> bytes:
    packed = companion.memory.give(data)
    found = companion.call(f"hashing_{name}_version_1", packed)
    digest = companion.memory.read_at(found, HASHES[name][1] // 8)
    for address in (found, packed & 0xFFFF_FFFF):
        allocator.free(companion.memory, address)
    return digest


@pytest.fixture(scope="module")
def companion() -> Iterator[Companion]:
    yield Companion()


# Where hashes change their way: stripes of 32, words of 8 and 4, blocks of 128.
EDGES = sorted({edge + by for edge in (0, 4, 8, 32, 64, 128, 256, 384) for by in (-1, 0, 1)} - {-1})


@pytest.mark.parametrize("name", HASHES)
@pytest.mark.parametrize("length", EDGES)
def test_a_hash_of_every_critical_length(companion: Companion, name: str, length: int) -> None:
    function, bits = HASHES[name]
    data = bytes((7 * i + length) % 256 for i in range(length))

    assert hash_of(companion, name, data) == function(data, bits)


@pytest.mark.parametrize("name", HASHES)
@settings(max_examples=100)
@given(data=st.binary(max_size=1500))
def test_a_hash_of_anything(companion: Companion, name: str, data: bytes) -> None:
    function, bits = HASHES[name]

    assert hash_of(companion, name, data) == function(data, bits)


STEPS = st.lists(
    st.tuples(st.sampled_from(["malloc", "free"]), st.booleans(), st.integers(0, 3000)),
    max_size=60,
)


@settings(deadline=None)
@given(steps=STEPS)
def test_both_allocators_serve_one_heap_by_turns_and_agree(
    steps: list[tuple[str, bool, int]],
) -> None:
    companion = Companion()
    mixed = companion.memory
    alone = GuestMemory(memoryview(bytearray(PAGES * 65536)), HEAP)
    allocator.start_heap(alone)
    live: list[int] = []
    for step, native, number in steps:
        if step == "malloc":
            expected = attempt(partial(allocator.allocate, alone), number)
            take = companion.malloc if native else partial(allocator.allocate, mixed)
            address = attempt(take, number)
            assert address == expected
            live += [address] if address is not None else []
        elif live:
            address = live.pop(number % len(live))
            allocator.free(alone, address)
            companion.free(address) if native else allocator.free(mixed, address)

    state = slice(HEAP, HEAP + allocator.FREE_LISTS_BYTES)
    assert bytes(mixed.data[state]) == bytes(alone.data[state])


def attempt(allocate: Callable[[int], int], size: int) -> int | None:
    try:
        return allocate(size)
    except (HostError, wasmtime.Trap):
        return None


def test_a_full_memory_traps() -> None:
    companion = Companion()
    companion.malloc(PAGES * 32768)

    with pytest.raises(wasmtime.Trap, match="unreachable"):
        companion.malloc(PAGES * 32768)


@pytest.mark.parametrize("size", [allocator.MOST, allocator.MOST + 1, 2**32 - 1])
def test_too_much_at_once_traps(companion: Companion, size: int) -> None:
    with pytest.raises(wasmtime.Trap, match="unreachable"):
        companion.malloc(size - 2**32 if size >= 2**31 else size)


@pytest.mark.parametrize("offset", [-16, -8, 4, 8, 1000])
def test_freeing_what_was_never_allocated_traps(offset: int) -> None:
    companion = Companion()
    address = companion.malloc(8)

    with pytest.raises(wasmtime.Trap, match="unreachable"):
        companion.free(address + offset)


def test_freeing_twice_traps() -> None:
    companion = Companion()
    address = companion.malloc(8)
    companion.free(address)

    with pytest.raises(wasmtime.Trap, match="unreachable"):
        companion.free(address)


def test_an_overwritten_header_traps() -> None:
    companion = Companion()
    address = companion.malloc(8)
    companion.memory.write_at(address - 8, b"\x17")  # there is no order 23

    with pytest.raises(wasmtime.Trap, match="unreachable"):
        companion.free(address)


def test_a_hash_of_bytes_beyond_the_memory_traps(companion: Companion) -> None:
    end = PAGES * 65536

    for name in HASHES:
        with pytest.raises(wasmtime.Trap, match="out of bounds"):
            companion.call(f"hashing_{name}_version_1", (end - 8) | 9 << 32)
