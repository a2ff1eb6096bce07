"""Host functions that are WebAssembly themselves, in a module that shares the runtime's memory.

Most of what a runtime asks of its host is memory, hashes and storage that it has just read
or written. Crossing to Python for those costs far more than doing them, so they are done on
this side: the allocator, twox and blake2, and a cache in front of the storage, handwritten
or generated text of some hundred lines. What they compute is what `host` computes; tests
hold them against each other.
"""

from __future__ import annotations

from importlib.resources import files

import wasmtime

from pallets_mock.executor.companion.blake2 import blake2_functions
from pallets_mock.host.allocator import (
    CACHE_BYTES,
    FREE_LISTS_BYTES,
    HASHING_BYTES,
    HEADER,
    MOST,
    STATE_BYTES,
)
from pallets_mock.host.table import HOST_FUNCTIONS

PYTHON = "python"
"""The module's name for what it needs of the host behind it."""

BEHIND = {
    "$host_get": "ext_storage_get_version_1",
    "$host_exists": "ext_storage_exists_version_1",
    "$host_set": "ext_storage_set_version_1",
    "$host_clear": "ext_storage_clear_version_1",
    "$host_append": "ext_storage_append_version_1",
    "$host_clear_prefix_1": "ext_storage_clear_prefix_version_1",
    "$host_clear_prefix_2": "ext_storage_clear_prefix_version_2",
    "$host_rollback": "ext_storage_rollback_transaction_version_1",
}
"""Host functions in Python that stand behind those of the same name here."""

CACHE_MOST = 4096
"""Longer keys and answers are not cached."""

_ENTRY_BYTES = 16
_TEXTS = ("allocator.wat", "twox.wat", "storage.wat")
_LETTERS = {"i": "i32", "I": "i64"}


def _imports() -> str:
    lines = []
    for own_name, name in BEHIND.items():
        function = HOST_FUNCTIONS[name]
        parameters = "".join(f" (param {_LETTERS[letter]})" for letter in function.parameters)
        results = "".join(f" (result {_LETTERS[letter]})" for letter in function.result)
        kind = f"(func {own_name}{parameters}{results})"
        lines.append(f'  (import "{PYTHON}" "{name}" {kind})\n')
    return "".join(lines)


def companion_wasm(heap: int, pages: int, data: bytes = b"") -> bytes:
    """The module, which makes and exports the memory and the functions beside it.

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
        "CACHE": heap + FREE_LISTS_BYTES + HASHING_BYTES,
        "CACHE_END": heap + FREE_LISTS_BYTES + HASHING_BYTES + CACHE_BYTES,
        "CACHE_SHIFT": 64 - (CACHE_BYTES // _ENTRY_BYTES - 1).bit_length(),
        "CACHE_MOST": CACHE_MOST,
        "FIRST": heap + STATE_BYTES,
        "HEADER": HEADER,
        "MOST": MOST,
    }
    folder = files(__package__)
    texts = [folder.joinpath(name).read_text() for name in _TEXTS]
    text = f"(module\n{_imports()}{''.join(texts)}{blake2_functions()})"
    for name, number in constants.items():
        text = text.replace(f"${{{name}}}", str(number))
    return bytes(wasmtime.wat2wasm(text)) + data
