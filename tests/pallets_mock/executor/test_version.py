from __future__ import annotations

import pytest

from pallets_mock.errors import InvalidRuntime
from pallets_mock.executor import Executor, RuntimeVersion
from pallets_mock.executor.sections import custom_section
from pallets_mock.executor.version import CORE_API, embedded_version
from pallets_mock.runtime import blob
from tests.oracles.slow_overlay import DictView
from tests.pallets_mock.executor.conftest import leb128, runtime, section, with_version

EMPTY = DictView({})
VERSION = RuntimeVersion("spec", "impl", 1, 2, 3, ((CORE_API, 5), (bytes(8), 1)), 4, 1)


def test_the_embedded_version_is_the_one_that_the_runtime_tells() -> None:
    executor = Executor(blob())

    embedded = embedded_version(blob())
    told = RuntimeVersion.decode(executor.call("Core_version", b"", EMPTY).output)

    assert embedded is not None
    assert embedded == executor.version
    # The linker orders the section's APIs as it likes.
    assert sorted(embedded.apis) == sorted(told.apis)
    assert (embedded.spec_name, embedded.spec_version) == (told.spec_name, told.spec_version)
    assert (embedded.layout, told.layout) == (1, 1)


def test_a_runtime_without_sections_is_asked() -> None:
    encoded = VERSION.encode()
    data = "".join(f"\\{byte:02x}" for byte in encoded)
    entry = f"""
      (data (i32.const 64) "{data}")
      (func (export "Core_version") (param i32 i32) (result i64)
        (call $pack (i32.const 64) (i32.const {len(encoded)})))"""

    assert Executor(runtime("", entry)).version == VERSION


def test_a_version_decodes_to_what_it_was() -> None:
    assert RuntimeVersion.decode(VERSION.encode()) == VERSION


@pytest.mark.parametrize(("system", "layout"), [(0, 0), (1, 1), (2, 1)])
def test_the_system_version_says_the_layout(system: int, layout: int) -> None:
    version = RuntimeVersion("", "", 0, 0, 0, (), 0, system)

    assert version.layout == layout


@pytest.mark.parametrize(("core", "transaction", "system"), [(2, 1, 0), (3, 4, 0), (4, 4, 1)])
def test_older_runtimes_say_less(core: int, transaction: int, system: int) -> None:
    encoded = RuntimeVersion("s", "i", 1, 2, 3, ((CORE_API, core),), 4, 1).encode()

    version = RuntimeVersion.decode(encoded)

    assert (version.transaction_version, version.system_version) == (transaction, system)


@pytest.mark.parametrize("cut", range(len(VERSION.encode())))
def test_a_version_that_is_cut_short_is_refused(cut: int) -> None:
    with pytest.raises(InvalidRuntime, match="no runtime version"):
        RuntimeVersion.decode(VERSION.encode()[:cut])


def test_a_section_of_apis_must_have_whole_ones() -> None:
    wasm = runtime("", "") + section("runtime_version", b"") + section("runtime_apis", bytes(13))

    with pytest.raises(InvalidRuntime, match="runtime_apis"):
        embedded_version(wasm)


def test_sections_are_found_among_others() -> None:
    wasm = with_version(runtime("", "") + section("other", b"x" * 300))

    assert custom_section(wasm, "other") == b"x" * 300
    assert custom_section(wasm, "runtime_apis") is not None
    assert custom_section(wasm, "none") is None


@pytest.mark.parametrize(
    "wasm",
    [
        b"",
        b"\x00asm\x02\x00\x00\x00",
        b"\x00asm\x01\x00\x00\x00\x00\x05ab",
        b"\x00asm\x01\x00\x00\x00\x00" + leb128(300)[:1],
    ],
)
def test_sections_of_what_is_no_webassembly_are_refused(wasm: bytes) -> None:
    with pytest.raises(InvalidRuntime):
        custom_section(wasm, "any")
