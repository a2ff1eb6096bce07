"""Host functions that are WebAssembly themselves, in a module that shares the runtime's memory.

Most of what a runtime asks of its host is memory and hashes. Crossing to Python for those
costs far more than doing them, so they are done on this side: the allocator, twox and
blake2, handwritten or generated text of some hundred lines. What they compute is what
`host.allocator` and `host.hashing` compute; tests hold them against each other.
"""

from __future__ import annotations

from importlib.resources import files

import wasmtime

from pallets_mock.executor.companion.blake2 import blake2_functions
from pallets_mock.host.allocator import FREE_LISTS_BYTES, HEADER, MOST, STATE_BYTES


def companion_wasm(heap: int, pages: int, data: bytes = b"") -> bytes:
    """The module, which makes and exports the memory and the functions that use only it.

    Args:
        heap: where the allocator's state lies, a multiple of eight.
        pages: the memory's size, which is fixed, in pages of 64 KiB.
        data: a data section, which the memory starts with.
    """
    constants = {
        "PAGES": pages,
        "END": pages * 65536,
        "HEAP": heap,
        "FREE_LISTS": heap + 4,
        "STATE": heap + FREE_LISTS_BYTES,
        "BLOCK": heap + FREE_LISTS_BYTES + 64,
        "FIRST": heap + STATE_BYTES,
        "HEADER": HEADER,
        "MOST": MOST,
    }
    folder = files(__package__)
    texts = [folder.joinpath(name).read_text() for name in ("allocator.wat", "twox.wat")]
    text = f"(module\n{''.join(texts)}{blake2_functions()})"
    for name, number in constants.items():
        text = text.replace(f"${{{name}}}", str(number))
    return bytes(wasmtime.wat2wasm(text)) + data
