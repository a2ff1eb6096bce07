from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from pallets_mock.errors import (
    InvalidRuntime,
    MissingImport,
    MissingNode,
    RuntimePanic,
    UnknownEntry,
)
from pallets_mock.executor import Executor, unchecked
from pallets_mock.runtime import compress
from pallets_mock.state.overlay import Overlay
from tests.oracles.slow_overlay import DictView
from tests.pallets_mock.executor.conftest import MakeExecutor, runtime, with_version

IMPORTS = """
  (import "env" "ext_storage_set_version_1" (func $set (param i64 i64)))
  (import "env" "ext_storage_get_version_1" (func $get (param i64) (result i64)))
  (import "env" "ext_storage_start_transaction_version_1" (func $start))
  (import "env" "ext_storage_rollback_transaction_version_1" (func $rollback))
  (import "env" "ext_logging_log_version_1" (func $log (param i32 i64 i64)))
  (import "env" "ext_hashing_blake2_256_version_1" (func $blake2 (param i64) (result i32)))
  (import "env" "ext_hashing_keccak_256_version_1" (func $keccak (param i64) (result i32)))
  (import "env" "ext_allocator_malloc_version_1" (func $malloc (param i32) (result i32)))
  (import "env" "ext_offchain_index_set_version_1" (func $index (param i64 i64)))
"""

BODY = """
  (data (i32.const 16) "key")
  (data (i32.const 32) "target")
  (global $count (mut i32) (i32.const 0))
  (func $key (result i64) (call $pack (i32.const 16) (i32.const 3)))

  ;; Every entry is given its argument as (pointer, length).
  (func (export "echo") (param i32 i32) (result i64) (call $pack (local.get 0) (local.get 1)))
  (func (export "write") (param i32 i32) (result i64)
    (call $set (call $key) (call $pack (local.get 0) (local.get 1))) (i64.const 0))
  (func (export "read") (param i32 i32) (result i64) (call $get (call $key)))
  (func (export "write_then_trap") (param i32 i32) (result i64)
    (call $set (call $key) (call $pack (local.get 0) (local.get 1)))
    (call $log (i32.const 0)
      (call $pack (i32.const 32) (i32.const 6)) (call $pack (local.get 0) (local.get 1)))
    unreachable)
  (func (export "trap") (param i32 i32) (result i64) unreachable)
  (func (export "left_open") (param i32 i32) (result i64)
    (call $start)
    (call $set (call $key) (call $pack (local.get 0) (local.get 1))) (i64.const 0))
  (func (export "rollback_too_much") (param i32 i32) (result i64)
    (call $rollback) (i64.const 0))
  (func (export "remember") (param i32 i32) (result i64)
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (i32.store (i32.const 64) (i32.add (i32.load (i32.const 64)) (i32.const 1)))
    (i32.store (i32.const 68) (global.get $count))
    (call $pack (i32.const 64) (i32.const 8)))
  (func (export "blake2") (param i32 i32) (result i64)
    (call $pack (call $blake2 (call $pack (local.get 0) (local.get 1))) (i32.const 32)))
  (func (export "keccak") (param i32 i32) (result i64)
    (call $pack (call $keccak (call $pack (local.get 0) (local.get 1))) (i32.const 32)))
  (func (export "beyond") (param i32 i32) (result i64)
    (call $get (call $pack (i32.const -8) (i32.const 9))))
  (func (export "too_much") (param i32 i32) (result i64)
    (i64.extend_i32_u (call $malloc (i32.const 33554433))))
  (func (export "bad_output") (param i32 i32) (result i64)
    (call $pack (i32.const -8) (i32.const 9)))
  (func (export "index") (param i32 i32) (result i64)
    (call $index (call $key) (call $pack (local.get 0) (local.get 1))) (i64.const 0))
"""

WASM = runtime(IMPORTS, BODY)
STATE = DictView({b"key": b"old"})


@pytest.fixture
def executor(make_executor: MakeExecutor) -> Executor:
    return make_executor(WASM)


@pytest.mark.parametrize("argument", [b"", b"a", b"word" * 1000, bytes(1 << 20)])
def test_argument_and_output_cross_unchanged(executor: Executor, argument: bytes) -> None:
    assert executor.call("echo", argument, STATE).output == argument


def test_a_call_tells_what_it_would_write_and_writes_nothing(executor: Executor) -> None:
    result = executor.call("write", b"new", STATE)

    assert result.diff == {b"key": b"new"}
    assert executor.call("read", b"", STATE).output == b"\x01\x0cold"


def test_what_is_executed_on_an_overlay_is_seen_by_the_next_call(executor: Executor) -> None:
    overlay = Overlay(STATE)

    executor.execute("write", b"new", overlay)

    assert executor.execute("read", b"", overlay) == b"\x01\x0cnew"
    assert overlay.depth == 0


def test_a_panic_says_what_the_runtime_said_and_keeps_nothing(executor: Executor) -> None:
    overlay = Overlay(STATE)
    overlay.set(b"before", b"kept")

    with pytest.raises(RuntimePanic) as caught:
        executor.execute("write_then_trap", b"the reason", overlay)

    assert caught.value.entry == "write_then_trap"
    assert caught.value.message == "the reason"
    assert caught.value.logs == ("target: the reason",)
    assert overlay.diff() == {b"before": b"kept"}
    assert overlay.depth == 0


def test_a_trap_without_a_word_is_a_panic_too(executor: Executor) -> None:
    with pytest.raises(RuntimePanic, match="unreachable"):
        executor.call("trap", b"", STATE)


def test_a_call_after_a_panic_works(executor: Executor) -> None:
    with pytest.raises(RuntimePanic):
        executor.call("trap", b"", STATE)

    assert executor.call("echo", b"still here", STATE).output == b"still here"


def test_a_transaction_that_the_runtime_leaves_open_is_rolled_back(executor: Executor) -> None:
    overlay = Overlay(STATE)

    executor.execute("left_open", b"new", overlay)

    assert executor.call("left_open", b"new", STATE).diff == {}
    assert (overlay.depth, overlay.diff()) == (0, {})


def test_the_runtime_cannot_roll_back_what_was_before_its_call(executor: Executor) -> None:
    overlay = Overlay(STATE)
    overlay.start_transaction()
    overlay.set(b"before", b"kept")

    with pytest.raises(RuntimePanic, match="did not start"):
        executor.execute("rollback_too_much", b"", overlay)
    assert (overlay.depth, overlay.get(b"before")) == (1, b"kept")


def test_no_call_finds_anything_of_the_one_before(executor: Executor) -> None:
    outputs = {executor.call("remember", b"", STATE).output for _ in range(3)}

    assert outputs == {b"\x01\x00\x00\x00\x01\x00\x00\x00"}


@pytest.mark.parametrize(
    ("entry", "digest"),
    [
        ("blake2", "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"),
        ("keccak", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
    ],
)
def test_hashes_of_the_host_arrive(executor: Executor, entry: str, digest: str) -> None:
    assert executor.call(entry, b"abc", STATE).output.hex() == digest


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("beyond", "the memory|out of bounds"),
        ("too_much", "unreachable|at once"),
        ("bad_output", "the memory"),
    ],
)
def test_what_the_host_must_refuse_ends_the_call(
    executor: Executor, entry: str, words: str
) -> None:
    with pytest.raises(RuntimePanic, match=words):
        executor.call(entry, b"", STATE)


def test_an_argument_larger_than_an_allocation_is_refused(executor: Executor) -> None:
    with pytest.raises(RuntimePanic, match="at once"):
        executor.call("echo", bytes((32 << 20) + 1), STATE)


def test_an_unknown_entry_is_named(executor: Executor) -> None:
    with pytest.raises(UnknownEntry) as caught:
        executor.call("Core_fly", b"", STATE)
    assert caught.value.entry == "Core_fly"


@pytest.mark.parametrize("entry", ["__heap_base"])
def test_an_export_that_is_no_function_is_no_entry(executor: Executor, entry: str) -> None:
    with pytest.raises(UnknownEntry):
        executor.call(entry, b"", STATE)


def test_an_error_of_the_host_itself_is_not_taken_for_a_panic(executor: Executor) -> None:
    class Broken(DictView):
        def get(self, key: bytes) -> bytes | None:
            raise MissingNode(key)

    with pytest.raises(MissingNode):
        executor.call("read", b"", Broken({}))
    assert executor.call("echo", b"on", STATE).output == b"on"


def test_the_offchain_index_comes_with_the_result(executor: Executor) -> None:
    assert executor.call("index", b"value", STATE).offchain == {b"key": b"value"}


def test_argument_slots_at_ever_new_addresses_are_no_leak(
    executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unchecked, "_MOST_VIEWS", 1)
    monkeypatch.setattr(unchecked, "_views", {})

    for _ in range(3):
        assert executor.call("read", b"", STATE).output == b"\x01\x0cold"
        assert executor.call("keccak", b"abc", STATE).output
    assert len(unchecked._views) <= 1


def test_without_wasmtimes_private_bindings_the_plain_way_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(unchecked.ffi, "wasmtime_func_call_unchecked")
    executor = Executor(with_version(WASM))

    assert not unchecked.available()
    assert executor.call("echo", b"plain", STATE).output == b"plain"


def test_several_threads_may_call_at_once(executor: Executor) -> None:
    arguments = [bytes([n]) * (n + 1) for n in range(60)]

    with ThreadPoolExecutor(4) as threads:
        outputs = list(threads.map(lambda a: executor.call("echo", a, STATE).output, arguments))

    assert outputs == arguments


def test_a_call_within_a_call_of_the_same_runtime_is_a_call_of_its_own(executor: Executor) -> None:
    class Asking(DictView):
        def get(self, key: bytes) -> bytes | None:
            return executor.call("echo", b"inner", STATE).output

    assert executor.call("read", b"", Asking({})).output == b"\x01\x14inner"


def test_compressed_code_is_the_same_runtime(make_executor: MakeExecutor) -> None:
    plain = make_executor(WASM)
    packed = Executor(compress(with_version(WASM)))

    assert packed.version == plain.version
    assert packed.call("echo", b"x", STATE).output == b"x"
    assert packed.code_hash != plain.code_hash


def test_a_missing_import_is_named_with_its_type() -> None:
    imports = '(import "env" "ext_moon_fly_version_1" (func (param i32 i64) (result i32)))'

    with pytest.raises(MissingImport) as caught:
        Executor(runtime(imports, ""))
    assert caught.value.names == ["ext_moon_fly_version_1(i32, i64) -> i32"]


def test_an_import_of_another_type_is_missing() -> None:
    imports = '(import "env" "ext_storage_set_version_1" (func (param i32)))'

    with pytest.raises(MissingImport, match=r"ext_storage_set_version_1\(i32\)"):
        Executor(runtime(imports, ""))


def test_an_import_from_elsewhere_is_missing() -> None:
    with pytest.raises(MissingImport, match=r"wasi\.proc_exit"):
        Executor(runtime('(import "wasi" "proc_exit" (func))', ""))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (b"", "no WebAssembly"),
        (b"no wasm at all", "no WebAssembly"),
        (b"\x00asm\x01\x00\x00\x00\x01\x01", "compile|cut short"),
        (b"\x00asm\x01\x00\x00\x00", "own memory"),
        (bytes.fromhex("52bc537646db8e05") + b"damaged", "damaged"),
    ],
)
def test_code_that_is_no_runtime_is_refused(code: bytes, words: str) -> None:
    with pytest.raises(InvalidRuntime, match=words):
        Executor(code)


def test_a_runtime_without_a_heap_base_is_refused() -> None:
    import wasmtime

    wasm = wasmtime.wat2wasm('(module (import "env" "memory" (memory 1)))')

    with pytest.raises(InvalidRuntime, match="__heap_base"):
        Executor(bytes(wasm))
