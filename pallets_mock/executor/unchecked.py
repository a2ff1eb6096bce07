"""Host functions without wasmtime-py's own trampoline, which costs several times the rest.

wasmtime hands an unchecked host function the raw slots of its arguments (16 bytes each)
and reads the result from the first. `wasmtime-py` binds these functions but does not wrap
them, so this file uses its bindings; `available()` says whether this version still has
them, and `instance` goes without where it has not.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, Protocol

import wasmtime

from pallets_mock.errors import ExecutionError
from pallets_mock.host.context import HostContext
from pallets_mock.host.table import HostFunction

ffi: Any
try:
    from wasmtime import _bindings as ffi
except ImportError:  # pragma: no cover - a wasmtime-py that is arranged otherwise
    ffi = None

_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t
)
_NO_FINALIZER = ctypes.cast(0, ctypes.CFUNCTYPE(None, ctypes.c_void_p))
_SLOTS = ctypes.c_uint64 * 8
_MASKS = {"i": 0xFFFF_FFFF, "I": 0xFFFF_FFFF_FFFF_FFFF}
_TYPES = {"i": wasmtime.ValType.i32, "I": wasmtime.ValType.i64}
_MOST_VIEWS = 10_000

_NAMES = (
    "wasmtime_linker_define_func_unchecked",
    "wasmtime_func_call_unchecked",
    "wasmtime_func_unchecked_callback_t",
    "wasmtime_instance_export_get",
    "wasmtime_trap_new",
)


class Machine(Protocol):
    """What the host functions of one linker act for."""

    context: HostContext | None
    failure: BaseException | None


def available() -> bool:
    """Whether wasmtime-py still binds what this file needs."""
    return all(hasattr(ffi, name) for name in _NAMES)


def function_type(function: HostFunction) -> wasmtime.FuncType:
    """The WebAssembly type of a host function."""
    parameters = [_TYPES[letter]() for letter in function.parameters]
    return wasmtime.FuncType(parameters, [_TYPES[letter]() for letter in function.result])


def define(
    linker: wasmtime.Linker, module: str, name: str, function: HostFunction, machine: Machine
) -> object:
    """Define a host function in the linker.

    Returns: what must be kept for as long as the linker is used.
    """
    callback = _CALLBACK(_callback(function, machine))
    kind = function_type(function)  # owns what its pointer points to
    error = ffi.wasmtime_linker_define_func_unchecked(
        linker.ptr(),
        ctypes.create_string_buffer(module.encode()),
        len(module),
        ctypes.create_string_buffer(name.encode()),
        len(name),
        kind.ptr(),
        ctypes.cast(callback, ffi.wasmtime_func_unchecked_callback_t),
        None,
        _NO_FINALIZER,
    )
    if error:
        raise wasmtime.WasmtimeError._from_ptr(error)
    return callback


def _callback(function: HostFunction, machine: Machine) -> Callable[[Any, Any, int, Any], int]:
    call, count, gives = function.call, len(function.parameters), bool(function.result)
    # Every other word: a slot is 16 bytes long.
    takes = [(2 * i, _MASKS[letter]) for i, letter in enumerate(function.parameters)]
    only = takes[0][1] if count == 1 else 0

    def callback(_data: Any, _caller: Any, slots_at: int, _count: Any) -> int:
        try:
            if count == 0 and not gives:
                call(machine.context)
                return 0
            slots = _views.get(slots_at) or _view(slots_at)
            if count == 1:
                result = call(machine.context, slots[0] & only)
            else:
                result = call(machine.context, *[slots[at] & mask for at, mask in takes])
            if gives:
                slots[0] = result
        except BaseException as error:  # noqa: BLE001 - no exception may cross WebAssembly
            machine.failure = error
            return _trap()
        return 0

    return callback


# wasmtime passes the slots on its stack, so few addresses come again and again.
_views: dict[int, memoryview] = {}


def _view(address: int) -> memoryview:
    if len(_views) >= _MOST_VIEWS:
        _views.clear()
    view = memoryview(_SLOTS.from_address(address)).cast("B").cast("Q")
    _views[address] = view
    return view


def _trap() -> int:
    message = b"a host function failed"
    trap = ffi.wasmtime_trap_new(ctypes.create_string_buffer(message), len(message))
    return ctypes.cast(trap, ctypes.c_void_p).value or 0


def export(store: wasmtime.Store, instance: wasmtime.Instance, name: bytes) -> Any | None:
    """The raw export of that name, None if there is none; without listing them all."""
    item = ffi.wasmtime_extern_t()
    found = ffi.wasmtime_instance_export_get(
        store._context(),
        ctypes.byref(instance._instance),
        ctypes.create_string_buffer(name),
        len(name),
        ctypes.byref(item),
    )
    return item if found else None


def memory_of(store: wasmtime.Store, item: Any) -> memoryview:
    """All of an exported memory, writable. It must not grow, nor be used after the store."""
    memory = ctypes.byref(item.of.memory)
    size = ffi.wasmtime_memory_data_size(store._context(), memory)
    data = ffi.wasmtime_memory_data(store._context(), memory)
    array = (ctypes.c_ubyte * size).from_address(ctypes.addressof(data.contents))
    return memoryview(array).cast("B")


def call_entry(store: wasmtime.Store, item: Any, pointer: int, length: int) -> int:
    """Call an exported (pointer, length) → i64 function.

    Raises:
        Trapped: the WebAssembly trapped.
    """
    slots = (ctypes.c_uint64 * 4)(pointer, 0, length, 0)
    trap = ctypes.POINTER(ffi.wasm_trap_t)()
    error = ffi.wasmtime_func_call_unchecked(
        store._context(),
        ctypes.byref(item.of.func),
        ctypes.cast(slots, ctypes.POINTER(ffi.wasmtime_val_raw_t)),
        2,
        ctypes.byref(trap),
    )
    if error:
        raise Trapped(str(wasmtime.WasmtimeError._from_ptr(error)))
    if trap:
        raise Trapped(str(wasmtime.Trap._from_ptr(trap)))
    return int(slots[0])


class Trapped(ExecutionError):
    """WebAssembly stopped; why is in the machine's failure, or in the message."""
