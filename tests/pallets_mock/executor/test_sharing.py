from __future__ import annotations

import pytest
import wasmtime

from pallets_mock.executor.sections import sections
from pallets_mock.executor.sharing import split_data
from pallets_mock.runtime import blob
from tests.oracles.slow_overlay import DictView
from tests.pallets_mock.executor.conftest import MakeExecutor, runtime

DATA = """
  (data (i32.const 16) "first")
  (data (i32.const 70000) "far off")
  (data (i32.const 18) "RS")
  (func (export "look") (param $at i32) (param i32) (result i64)
    (call $pack (i32.load (local.get $at)) (i32.load offset=4 (local.get $at))))
  (func (export "spoil") (param i32 i32) (result i64)
    (i64.store (i32.const 16) (i64.const 0)) (call $pack (i32.const 16) (i32.const 5)))
"""
WASM = runtime("", DATA)


def look(executor, at: int, length: int) -> bytes:
    argument = at.to_bytes(4, "little") + length.to_bytes(4, "little")
    return executor.call("look", argument, DictView({})).output


def test_every_instance_starts_with_the_data(make_executor: MakeExecutor) -> None:
    executor = make_executor(WASM)

    for _ in range(2):
        assert look(executor, 16, 5) == b"fiRSt"  # segments are copied in order
        assert look(executor, 70000, 7) == b"far off"
        assert executor.call("spoil", b"", DictView({})).output == bytes(5)


def test_the_data_section_moves_whole() -> None:
    module, data = split_data(WASM)

    assert 11 not in {kind for kind, _, _ in sections(module)}
    assert len(module) + len(data) == len(WASM)
    wasmtime.Module(wasmtime.Engine(), module)


def test_the_chains_own_runtime_shares_its_data() -> None:
    module, data = split_data(blob())

    assert len(data) > 100_000
    wasmtime.Module.validate(wasmtime.Engine(), module)


@pytest.mark.parametrize(
    "body",
    [
        "",
        '(data "passive")',
        '(global $at i32 (i32.const 5)) (data (global.get $at) "by a global")',
        '(data $d "x") (func (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1)))',
    ],
    ids=["none", "passive", "at a global", "referred to"],
)
def test_data_that_cannot_move_stays(body: str) -> None:
    wasm = runtime("", body)

    assert split_data(wasm) == (wasm, b"")


@pytest.mark.parametrize("cut", [1, 3, 10])
def test_a_damaged_data_section_stays_for_the_compiler_to_refuse(cut: int) -> None:
    (start, end) = next((start, end) for kind, start, end in sections(WASM) if kind == 11)
    damaged = WASM[:start] + bytes([WASM[start] + cut]) + WASM[start + 1 : end] + WASM[end:]

    assert split_data(damaged) == (damaged, b"")
