"""The companion module on its own, with the real host functions behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import wasmtime

from pallets_mock.executor import unchecked
from pallets_mock.executor.companion import BEHIND, PYTHON, companion_wasm
from pallets_mock.executor.module import engine
from pallets_mock.host.context import HostContext
from pallets_mock.host.keystore import Keystore
from pallets_mock.host.memory import GuestMemory
from pallets_mock.host.table import HOST_FUNCTIONS
from pallets_mock.state.overlay import Overlay
from tests.oracles.slow_overlay import DictView

HEAP, PAGES = 2000, 4


@cache
def _module() -> wasmtime.Module:
    return wasmtime.Module(engine(), companion_wasm(HEAP, PAGES))


class Companion:
    """One instance, called from outside as a runtime would call it.

    Args:
        pairs: the state below.
    """

    def __init__(self, pairs: Mapping[bytes, bytes] | None = None) -> None:
        self._store = wasmtime.Store(engine())
        self.asked: list[str] = []
        linker = wasmtime.Linker(engine())
        for name in BEHIND.values():
            kind = unchecked.function_type(HOST_FUNCTIONS[name])
            linker.define_func(PYTHON, name, kind, self._behind(name))
        self._exports = linker.instantiate(self._store, _module()).exports(self._store)
        data = memoryview(self._exports["memory"].get_buffer_ptr(self._store)).cast("B")
        self.memory = GuestMemory(data, HEAP)
        overlay = Overlay(DictView(pairs or {}))
        self.context = HostContext(self.memory, overlay, Keystore(), lambda _: None)

    def _behind(self, name: str) -> Callable[..., Any]:
        def call(*arguments: int) -> Any:
            self.asked.append(name.removeprefix("ext_storage_"))
            return HOST_FUNCTIONS[name].call(self.context, *arguments)

        return call

    def call(self, name: str, *arguments: int) -> Any:
        return self._exports[f"ext_{name}"](self._store, *arguments)

    def malloc(self, size: int) -> int:
        return self.call("allocator_malloc_version_1", size)

    def free(self, address: int) -> None:
        self.call("allocator_free_version_1", address)

    def storage(self, name: str, *arguments: bytes) -> bytes | int | None:
        """Call a storage function with byte strings; its answer, read and freed."""
        packed = [self.memory.give(argument) for argument in arguments]
        result = self.call(f"storage_{name}", *packed)
        for argument in packed:
            self.free(argument & 0xFFFF_FFFF)
        if "I" not in HOST_FUNCTIONS[f"ext_storage_{name}"].result:
            return result
        answer = self.memory.read(result)
        self.free(result & 0xFFFF_FFFF)
        return answer
