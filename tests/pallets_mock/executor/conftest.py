from __future__ import annotations

from collections.abc import Callable

import pytest
import wasmtime

from pallets_mock.executor import Executor

HEAP = 2000
"""Not a multiple of sixteen, nor of a page."""

FRAME = """
(module
  (import "env" "memory" (memory 1))
  {imports}
  (global (export "__heap_base") i32 (i32.const {heap}))
  (func $pack (param $at i32) (param $length i32) (result i64)
    (i64.or
      (i64.extend_i32_u (local.get $at))
      (i64.shl (i64.extend_i32_u (local.get $length)) (i64.const 32))))
  {body})
"""


def runtime(imports: str, body: str) -> bytes:
    """A small runtime: a module with the parts that every runtime has."""
    return bytes(wasmtime.wat2wasm(FRAME.format(imports=imports, body=body, heap=HEAP)))


MakeExecutor = Callable[[bytes], Executor]


@pytest.fixture(params=["native", "plain"])
def make_executor(request: pytest.FixtureRequest) -> MakeExecutor:
    """Both ways to execute; neither touches the cache of the machine."""

    def make(wasm: bytes) -> Executor:
        return Executor(with_version(wasm), python_hosts=request.param == "plain")

    return make


def with_version(wasm: bytes) -> bytes:
    """The module with the sections of a runtime that is called `test`, version 7."""
    version = b"\x10test\x10test" + (1).to_bytes(4, "little") + (7).to_bytes(4, "little")
    version += bytes(4) + b"\x00" + (1).to_bytes(4, "little") + b"\x01"
    apis = bytes.fromhex("df6acb689907609b") + (5).to_bytes(4, "little")
    return wasm + section("runtime_version", version) + section("runtime_apis", apis)


def section(name: str, data: bytes) -> bytes:
    content = bytes([len(name)]) + name.encode() + data
    return b"\x00" + leb128(len(content)) + content


def leb128(number: int) -> bytes:
    out = b""
    while number >= 128:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])
