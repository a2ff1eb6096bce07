from __future__ import annotations

import os
from pathlib import Path

import pytest

from pallets_mock.errors import InvalidRuntime
from pallets_mock.executor import Executor
from pallets_mock.executor import module as module_room
from pallets_mock.executor.module import compile_module
from tests.oracles.slow_overlay import DictView
from tests.pallets_mock.executor.conftest import runtime, with_version

ECHO = """
  (func (export "echo") (param i32 i32) (result i64) (call $pack (local.get 0) (local.get 1)))"""
CODE = with_version(runtime("", ECHO))


def echoes(cache: Path | None) -> bool:
    output = Executor(CODE, cache_dir=cache).call("echo", b"hello", DictView({})).output
    return output == b"hello"


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiling is an error; what is cached still loads."""

    class Refusing(module_room.wasmtime.Module):  # type: ignore[name-defined]
        def __init__(self, *_: object) -> None:
            raise AssertionError("compiled")

    monkeypatch.setattr(module_room.wasmtime, "Module", Refusing)


def test_what_was_compiled_once_is_loaded(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    compile_module(CODE, tmp_path)
    request.getfixturevalue("no_compiler")

    compile_module(CODE, tmp_path)
    with pytest.raises(AssertionError, match="compiled"):
        compile_module(CODE, None)


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "junk"])
def test_a_damaged_cache_is_not_executed_but_made_anew(tmp_path: Path, damage: str) -> None:
    assert echoes(tmp_path)
    whole = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for path, data in whole.items():
        middle = len(data) // 2
        path.write_bytes(
            {
                "flip": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :],
                "cut": data[:middle],
                "empty": b"",
                "junk": b"junk" * 100,
            }[damage]
        )

    assert echoes(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()}.keys() == whole.keys()


def test_nothing_half_written_stays_in_the_cache(tmp_path: Path) -> None:
    echoes(tmp_path)

    assert {path.suffix for path in tmp_path.iterdir()} == {".cwasm"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_cache_that_cannot_be_written_is_no_hindrance(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    assert echoes(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_cache_that_is_a_file_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    assert echoes(tmp_path / "file" / "cache")
    assert echoes(Path("/dev/null/cache"))


def test_a_cache_entry_that_cannot_be_replaced_is_no_hindrance(tmp_path: Path) -> None:
    compile_module(CODE, tmp_path)
    entry = next(tmp_path.iterdir())
    entry.unlink()
    entry.mkdir()

    compile_module(CODE, tmp_path)

    assert list(tmp_path.iterdir()) == [entry]


def test_the_oldest_entries_make_room_for_new_ones(tmp_path: Path) -> None:
    for age in range(module_room.KEPT + 3):
        old = tmp_path / f"{age}.cwasm"
        old.write_bytes(b"")
        os.utime(old, (age, age))

    compile_module(CODE, tmp_path)

    left = {path.name for path in tmp_path.iterdir()}
    assert len(left) == module_room.KEPT
    assert not {f"{age}.cwasm" for age in range(4)} & left


def test_other_code_is_another_entry(tmp_path: Path) -> None:
    compile_module(CODE, tmp_path)
    compile_module(with_version(CODE), tmp_path)

    assert len(list(tmp_path.iterdir())) == 2


def test_bytes_that_are_no_module_do_not_compile() -> None:
    with pytest.raises(InvalidRuntime, match="does not compile"):
        compile_module(b"\x00asm\x01\x00\x00\x00\x63", None)
