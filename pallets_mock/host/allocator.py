"""The runtime's heap: free lists by power of two, and a bump pointer.

The allocator's whole state lies in the runtime's memory, where the heap starts, so that
this file and its twin in WebAssembly (`executor/companion/allocator.wat`) can serve one
instance by turns:

    heap + 0            address of the first byte that was never handed out
    heap + 4 + 4 k      first free block of order k (8 << k bytes), 0 if there is none
    heap + STATE_BYTES  the first block

A block is a header of 8 bytes and its bytes. The header's low word is the order of a
block in use, or the next free block; the high word is 1 in a block that is in use.

Source: polkadot-sdk's sc-allocator, `freeing_bump.rs` (same orders, same refusals).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pallets_mock.errors import HostError

if TYPE_CHECKING:
    from pallets_mock.host.context import HostContext
    from pallets_mock.host.memory import GuestMemory

ORDERS = 23
HEADER = 8
MOST = 8 << (ORDERS - 1)
"""A runtime may not ask for more at once: 32 MiB."""

FREE_LISTS_BYTES = 4 * (1 + ORDERS)
HASHING_BYTES = 192
CACHE_BYTES = 2048
"""For what stands beside the WebAssembly allocator: hashing, a cache of the storage."""
STATE_BYTES = FREE_LISTS_BYTES + HASHING_BYTES + CACHE_BYTES


def align(address: int) -> int:
    """The next multiple of eight."""
    return (address + 7) & ~7


def start_heap(memory: GuestMemory) -> None:
    """Make the heap of a fresh instance empty."""
    memory.words[memory.heap >> 2] = memory.heap + STATE_BYTES


def allocate(memory: GuestMemory, size: int) -> int:
    """Address of `size` new bytes. Raises HostError: too large, or the memory is full."""
    if size > MOST:
        raise HostError(f"the runtime asked for {size} bytes at once, {MOST} is the most")
    order = 0 if size <= 8 else (size - 1).bit_length() - 3
    words = memory.words
    slot = (memory.heap >> 2) + 1 + order
    block = words[slot]
    if block:
        words[slot] = words[block >> 2]
    else:
        bump = memory.heap >> 2
        block = words[bump]
        end = block + HEADER + (8 << order)
        if end > len(memory.data):
            raise HostError(f"the runtime's memory of {len(memory.data)} bytes is full")
        words[bump] = end
    at = block >> 2
    words[at], words[at + 1] = order, 1
    return block + HEADER


def free(memory: GuestMemory, address: int) -> None:
    """Give an allocation back. Raises HostError: there is none at this address."""
    block = address - HEADER
    first = memory.heap + STATE_BYTES
    words = memory.words
    at = block >> 2
    if block % 8 or not first <= block < words[memory.heap >> 2] or words[at + 1] != 1:
        raise HostError(f"nothing is allocated at {address}")
    order = words[at]
    if order >= ORDERS:
        raise HostError(f"the header of the allocation at {address} was overwritten")
    slot = (memory.heap >> 2) + 1 + order
    words[at], words[at + 1] = words[slot], 0
    words[slot] = block


def malloc_version_1(context: HostContext, size: int) -> int:
    """`ext_allocator_malloc_version_1`."""
    return allocate(context.memory, size)


def free_version_1(context: HostContext, address: int) -> None:
    """`ext_allocator_free_version_1`."""
    free(context.memory, address)
