"""A fresh instance for every call: nothing of one call is left in memory for the next.

Linking is done once and kept in a machine; a machine makes one instance after another.
There are two kinds, which do the same: `NativeMachine` leaves what it can to
WebAssembly, `PlainMachine` has every host function in Python, through wasmtime-py's public
interface alone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import wasmtime

from pallets_mock.executor import unchecked
from pallets_mock.executor.companion import BEHIND, PYTHON, companion_wasm
from pallets_mock.executor.module import compile_module, engine
from pallets_mock.executor.program import IMPORTS, MEMORY, Program
from pallets_mock.executor.unchecked import Trapped
from pallets_mock.host.allocator import start_heap
from pallets_mock.host.context import HostContext
from pallets_mock.host.memory import GuestMemory
from pallets_mock.host.table import HOST_FUNCTIONS

MakeContext = Callable[[GuestMemory], HostContext]


class Machine(Protocol):
    """Runs one call at a time."""

    failure: BaseException | None
    """Why the last call trapped, if a host function was why."""

    def run(self, entry: str, argument: bytes, make_context: MakeContext) -> bytes:
        """Output of an entry point.

        Args:
            entry: one of the program's entries; nothing checks that again.
        Raises:
            Trapped: it did not return.
        """


@lru_cache(maxsize=8)
def _companion(heap: int, pages: int, data: bytes, cache_dir: Path | None) -> wasmtime.Module:
    return compile_module(companion_wasm(heap, pages, data), cache_dir)


class NativeMachine:
    """What the companion offers in WebAssembly, the rest in Python by unchecked functions."""

    def __init__(self, program: Program, cache_dir: Path | None) -> None:
        self._program = program
        companion = _companion(program.heap, program.pages, program.data, cache_dir)
        own = {item.name for item in companion.exports}
        self._linker = wasmtime.Linker(engine())
        self._linker.allow_shadowing = True
        self._kept: list[object] = [
            unchecked.define(self._linker, IMPORTS, name, function, self)
            for name, function in program.functions.items()
            if name not in own
        ]
        self._kept += [
            unchecked.define(self._linker, PYTHON, name, HOST_FUNCTIONS[name], self)
            for name in BEHIND.values()
        ]
        self._companion = self._linker.instantiate_pre(companion)
        self.context: HostContext | None = None
        self.failure: BaseException | None = None

    def run(self, entry: str, argument: bytes, make_context: MakeContext) -> bytes:
        """See `Machine.run`."""
        self.failure = None
        store = wasmtime.Store(engine())
        try:
            companion = self._companion.instantiate(store)
            self._linker.define_instance(store, IMPORTS, companion)
            instance = self._linker.instantiate(store, self._program.module)
            function = unchecked.export(store, instance, entry.encode())
            data = unchecked.memory_of(store, unchecked.export(store, companion, b"memory"))
            memory = GuestMemory(data, self._program.heap)
            self.context = make_context(memory)
            given = memory.give(argument)
            return memory.read(
                unchecked.call_entry(store, function, given & 0xFFFF_FFFF, len(argument))
            )
        finally:
            self.context = None  # a block's whole overlay
            store.close()


class PlainMachine:
    """Every host function in Python."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._linker = wasmtime.Linker(engine())
        self._linker.allow_shadowing = True
        for name, function in program.functions.items():
            self._linker.define_func(
                IMPORTS, name, unchecked.function_type(function), self._called(function.call)
            )
        self.context: HostContext | None = None
        self.failure: BaseException | None = None

    def _called(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: int) -> Any:
            try:
                # wasmtime-py hands over signed numbers.
                return function(self.context, *[number & (2**64 - 1) for number in arguments])
            except BaseException as error:
                self.failure = error
                raise

        return call

    def run(self, entry: str, argument: bytes, make_context: MakeContext) -> bytes:
        """See `Machine.run`."""
        self.failure = None
        store = wasmtime.Store(engine())
        try:
            limits = wasmtime.Limits(self._program.pages, self._program.pages)
            own = wasmtime.Memory(store, wasmtime.MemoryType(limits))
            self._linker.define(store, IMPORTS, MEMORY, own)
            instance = self._linker.instantiate(store, self._program.module)
            function: Any = instance.exports(store)[entry]
            data = memoryview(own.get_buffer_ptr(store)).cast("B")
            memory = GuestMemory(data, self._program.heap)
            start_heap(memory)
            self.context = make_context(memory)
            given = memory.give(argument)
            return memory.read(function(store, given & 0xFFFF_FFFF, len(argument)))
        except wasmtime.Trap as trap:
            raise Trapped(str(trap)) from trap
        finally:
            self.context = None  # a block's whole overlay
            store.close()
