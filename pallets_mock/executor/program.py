"""A runtime's module, checked: what it imports is there, where its heap starts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import wasmtime

from pallets_mock.errors import InvalidRuntime, MissingImport
from pallets_mock.executor.module import compile_module, engine
from pallets_mock.executor.sharing import split_data
from pallets_mock.host.allocator import align
from pallets_mock.host.table import HOST_FUNCTIONS, HostFunction

IMPORTS = "env"
MEMORY = "memory"
_ENTRY = ("ii", "I")
EXTRA_PAGES = 2048
"""Heap beside what the module asks for: 128 MiB, Substrate's default. Untouched pages cost
nothing, so all of it is there from the start and the memory never moves."""


@dataclass(frozen=True, slots=True)
class Program:
    """A runtime that can be instantiated.

    Args:
        module: compiled.
        data: the data section that its memory must start with, if that is not in the module.
        functions: host functions that it imports, by name.
        entries: functions that it exports and that may be called: (pointer, length) → i64.
        pages: size of its memory, in pages of 64 KiB.
        heap: where the allocator's state goes.
    """

    module: wasmtime.Module
    data: bytes
    functions: dict[str, HostFunction]
    entries: frozenset[str]
    pages: int
    heap: int


def load(wasm: bytes, cache_dir: Path | None, *, share_data: bool) -> Program:
    """Compile a runtime and check what it asks of its host.

    Args:
        share_data: keep its data apart from the module, if it can be (see `sharing`).
    Raises:
        MissingImport: it imports what the table does not have, or with another type.
        InvalidRuntime: it is no runtime that this host can execute.
    """
    code, data = split_data(wasm) if share_data else (wasm, b"")
    module = compile_module(code, cache_dir)
    functions, missing, pages = {}, [], 0
    for item in module.imports:
        kind = item.type
        if isinstance(kind, wasmtime.MemoryType) and (item.module, item.name) == (IMPORTS, MEMORY):
            pages = kind.limits.min + EXTRA_PAGES
        elif isinstance(kind, wasmtime.FuncType) and item.module == IMPORTS:
            function = HOST_FUNCTIONS.get(str(item.name))
            if function is None or _signature(kind) != (function.parameters, function.result):
                missing.append(f"{item.name}{_words(kind)}")
            else:
                functions[str(item.name)] = function
        else:
            missing.append(f"{item.module}.{item.name}")
    if missing:
        raise MissingImport(missing)
    if not pages:
        raise InvalidRuntime("the runtime brings its own memory; build it with --import-memory")
    heap = align(_heap_base(module, pages))
    return Program(module, data, functions, frozenset(_entries(module)), pages, heap)


def _entries(module: wasmtime.Module) -> Iterator[str]:
    for item in module.exports:
        if isinstance(item.type, wasmtime.FuncType) and _signature(item.type) == _ENTRY:
            yield str(item.name)


def _signature(kind: wasmtime.FuncType) -> tuple[str, str]:
    letters = {"i32": "i", "i64": "I"}
    parameters, results = (
        "".join(letters.get(str(one), "?") for one in types)
        for types in (kind.params, kind.results)
    )
    return parameters, results


def _words(kind: wasmtime.FuncType) -> str:
    results = ", ".join(map(str, kind.results))
    return f"({', '.join(map(str, kind.params))}){' -> ' + results if results else ''}"


def _heap_base(module: wasmtime.Module, pages: int) -> int:
    """The value of `__heap_base`, which only an instance tells."""
    store = wasmtime.Store(engine())
    linker = wasmtime.Linker(engine())
    limits = wasmtime.Limits(pages, pages)
    memory = wasmtime.Memory(store, wasmtime.MemoryType(limits))
    linker.define(store, IMPORTS, MEMORY, memory)
    linker.define_unknown_imports_as_traps(module)
    base = linker.instantiate(store, module).exports(store).get("__heap_base")
    if not isinstance(base, wasmtime.Global):
        raise InvalidRuntime("the runtime does not export __heap_base")
    return int(base.value(store)) & 0xFFFF_FFFF
