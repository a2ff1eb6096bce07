"""The runtime's blob in the package: is it what the sources give, and is it a whole runtime?"""

import hashlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import wasmtime

from pallets_mock import runtime

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def build_runtime() -> ModuleType:
    """`scripts/build_runtime.py` as a module; scripts are no package."""
    specification = importlib.util.spec_from_file_location(
        "build_runtime", ROOT / "scripts" / "build_runtime.py"
    )
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["build_runtime"] = module
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A copy of the sources that a test may change."""
    for name in runtime.manifest()["sources"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / "substrate" / name).read_bytes())
    return tmp_path


@pytest.fixture(scope="module")
def module() -> wasmtime.Module:
    """The blob, compiled."""
    return wasmtime.Module(wasmtime.Engine(), runtime.blob())


def sources_hash(build_runtime: ModuleType, workspace: Path) -> str:
    return str(build_runtime.sources_hash(workspace, runtime.manifest()["sources"]))


def test_the_blob_was_built_from_the_sources_beside_it(build_runtime: ModuleType) -> None:
    build_runtime.check()


def test_the_blob_is_the_one_that_the_manifest_names() -> None:
    manifest = runtime.manifest()
    assert hashlib.sha256(runtime.blob()).hexdigest() == manifest["blob_sha256"]
    assert (
        hashlib.blake2b(runtime.blob(), digest_size=32).hexdigest() == (manifest["blob_blake2_256"])
    )
    compressed = hashlib.sha256(runtime.compressed_blob()).hexdigest()
    assert compressed == manifest["compressed_sha256"]
    assert len(runtime.blob()) == manifest["blob_bytes"]


def test_the_kept_blob_is_the_one_that_debians_compiler_gives() -> None:
    assert "built from a source tarball" in runtime.manifest()["compiler"]
    assert runtime.manifest()["features"] == []


def test_the_blob_names_its_own_version(build_runtime: ModuleType) -> None:
    name, version = build_runtime.runtime_version(runtime.blob())
    assert name == "decentralml" == runtime.manifest()["spec_name"]
    assert version == runtime.manifest()["spec_version"]


def test_the_hash_does_not_depend_on_the_folder(build_runtime: ModuleType, workspace: Path) -> None:
    assert sources_hash(build_runtime, workspace) == runtime.manifest()["sources_sha256"]


@pytest.mark.parametrize(
    "source",
    [
        "Cargo.lock",
        "Cargo.toml",
        "pallet/Cargo.toml",
        "pallet/runtime-api/src/lib.rs",
        "pallet/src/lib.rs",
        "runtime/Cargo.toml",
        "runtime/src/lib.rs",
    ],
)
def test_a_changed_source_changes_the_hash(
    build_runtime: ModuleType, workspace: Path, source: str
) -> None:
    file = workspace / source
    file.write_bytes(file.read_bytes() + b"\n")
    assert sources_hash(build_runtime, workspace) != runtime.manifest()["sources_sha256"]


def test_a_missing_source_is_named(build_runtime: ModuleType, workspace: Path) -> None:
    (workspace / "runtime" / "src" / "lib.rs").unlink()
    with pytest.raises(build_runtime.BuildFailed, match=r"runtime/src/lib\.rs"):
        sources_hash(build_runtime, workspace)


def test_the_sources_are_the_files_that_the_compiler_read(
    build_runtime: ModuleType, tmp_path: Path
) -> None:
    workspace = tmp_path / "my sources"
    (workspace / "pallet" / "src").mkdir(parents=True)
    (workspace / "Cargo.toml").touch()
    (workspace / "pallet" / "Cargo.toml").touch()
    escaped = str(workspace).replace(" ", "\\ ")
    dependencies = tmp_path / "blob.d"
    dependencies.write_text(f"blob.wasm: {escaped}/pallet/src/lib.rs /elsewhere/crate/src/lib.rs\n")

    files = build_runtime.sources(dependencies, workspace)

    assert files == ["Cargo.lock", "Cargo.toml", "pallet/Cargo.toml", "pallet/src/lib.rs"]


def test_tests_are_no_sources() -> None:
    assert not [name for name in runtime.manifest()["sources"] if "test" in name]


def test_a_blob_without_its_version_is_refused(build_runtime: ModuleType) -> None:
    with pytest.raises(build_runtime.BuildFailed, match="runtime_version"):
        build_runtime.runtime_version(b"\0asm\1\0\0\0")


def test_without_a_compiler_the_error_says_how_to_get_one(
    build_runtime: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_runtime, "debian", lambda: None)
    monkeypatch.setattr(build_runtime, "rustup", lambda: None)
    with pytest.raises(build_runtime.BuildFailed, match=r"install_rust\.sh"):
        build_runtime.toolchain("auto")


def test_another_compiler_is_not_compared(build_runtime: ModuleType) -> None:
    other = build_runtime.Toolchain(cargo="cargo", rustc="/bin/echo", build_std=False)
    with pytest.raises(build_runtime.BuildFailed, match="cannot be compared"):
        build_runtime.rebuild_check(other, None)


@pytest.fixture
def builds(build_runtime: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that were built, each in no time and to the blob that is kept."""
    built: list[Path] = []

    def build(workspace: Path, *_: object) -> bytes:
        built.append(workspace)
        return runtime.blob()

    monkeypatch.setattr(build_runtime, "build", build)
    return built


@pytest.fixture
def compiler(build_runtime: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The compiler of the kept blob, as far as its version goes."""
    compiler = build_runtime.Toolchain("cargo", "rustc", build_std=False)
    monkeypatch.setattr(
        build_runtime.Toolchain, "version", lambda _: runtime.manifest()["compiler"]
    )
    return compiler


def test_what_agreed_once_on_this_machine_is_not_built_a_third_time(
    build_runtime: ModuleType, builds: list[Path], compiler: Any, tmp_path: Path
) -> None:
    first = build_runtime.rebuild_check(compiler, tmp_path / "agreed")
    assert build_runtime.rebuild_check(compiler, tmp_path / "agreed") == first
    assert len(builds) == 1

    build_runtime.rebuild_check(compiler, None)
    assert len(builds) == 2


def test_what_did_not_agree_is_built_again_the_next_time(
    build_runtime: ModuleType, compiler: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[Path] = []

    def build(workspace: Path, *_: object) -> bytes:
        built.append(workspace)
        return b"other bytes"

    monkeypatch.setattr(build_runtime, "build", build)
    for _ in range(2):
        with pytest.raises(build_runtime.BuildFailed, match="look for what differs"):
            build_runtime.rebuild_check(compiler, tmp_path)
    assert len(built) == 2


@pytest.mark.parametrize("name", ["sources_sha256", "blob_sha256", "compiler", "features"])
def test_what_agreed_says_nothing_of_another_build(
    build_runtime: ModuleType, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    before = build_runtime.build_name()
    assert build_runtime.build_name() == before

    changed = {**runtime.manifest(), name: "another"}
    monkeypatch.setattr(build_runtime, "manifest", lambda: changed)
    assert build_runtime.build_name() != before


def test_settings_that_change_the_bytes_are_dropped(
    build_runtime: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RUSTFLAGS", "CARGO_PROFILE_WASM_LTO", "CARGO_TARGET_DIR", "RUSTC_WRAPPER"):
        monkeypatch.setenv(name, "changed")
    monkeypatch.setenv("CARGO_HOME", "/kept")
    compiler = build_runtime.Toolchain("/usr/bin/cargo", "/usr/bin/rustc", build_std=True)

    environment = build_runtime.build_environment(compiler)

    assert "changed" not in environment.values()
    assert environment["CARGO_HOME"] == "/kept"


def test_the_blob_takes_its_memory_from_the_host_and_shows_its_heap(
    module: wasmtime.Module,
) -> None:
    imports = {(entry.module, entry.name) for entry in module.imports}
    exports = {entry.name for entry in module.exports}
    assert ("env", "memory") in imports
    assert {"__heap_base", "__indirect_function_table"} <= exports


@pytest.mark.parametrize(
    "entry",
    [
        "Core_version",
        "Core_execute_block",
        "Metadata_metadata_at_version",
        "RuntimeViewFunction_execute_view_function",
        "BlockBuilder_check_inherents",
        "TaggedTransactionQueue_validate_transaction",
        "OffchainWorkerApi_offchain_worker",
        "AuraApi_slot_duration",
        "SessionKeys_generate_session_keys",
        "GrandpaApi_grandpa_authorities",
        "AccountNonceApi_account_nonce",
        "TransactionPaymentApi_query_info",
        "TransactionPaymentCallApi_query_call_info",
        "DecentralMLApi_open_tasks",
        "GenesisBuilder_build_state",
    ],
)
def test_the_runtime_answers(module: wasmtime.Module, entry: str) -> None:
    assert entry in {export.name for export in module.exports}


def test_code_that_is_not_compressed_is_taken_as_it_is() -> None:
    assert runtime.decompress(b"\0asm\1\0\0\0") == b"\0asm\1\0\0\0"


def test_compressing_loses_nothing() -> None:
    assert runtime.decompress(runtime.compress(b"\0asm" * 1000)) == b"\0asm" * 1000


def test_damaged_code_is_refused() -> None:
    with pytest.raises(ValueError, match="damaged"):
        runtime.decompress(runtime.COMPRESSED_PREFIX + b"no zstd")


@pytest.mark.parametrize("cut", [1, 1000])
def test_code_that_was_cut_off_is_refused(cut: int) -> None:
    with pytest.raises(ValueError, match="damaged"):
        runtime.decompress(runtime.compressed_blob()[:-cut])


def test_code_of_the_greatest_size_is_taken_and_one_byte_more_is_not() -> None:
    largest = runtime.compress(bytes(runtime.MAX_BLOB_BYTES))
    assert len(runtime.decompress(largest)) == runtime.MAX_BLOB_BYTES
    with pytest.raises(ValueError, match="larger"):
        runtime.decompress(runtime.compress(bytes(runtime.MAX_BLOB_BYTES + 1)))
