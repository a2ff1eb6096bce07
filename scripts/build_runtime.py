"""Build the runtime's WebAssembly from `substrate/` and keep it as package data.

Without options: build, compress, write blob and manifest into `pallets_mock/runtime/`.
`--check`: fail when the sources are not those that the manifest names (no compiler needed).
`--rebuild-check`: build a copy of the sources in another folder, with another target folder, and
fail when one byte differs from the blob in the package. What agreed once on this machine is not
built again for the same sources, blob, compiler and recipe; `--afresh` builds it all the same.

Two compilers give two blobs, so the one in the repository is always built by Debian's
(`rustc-web cargo-web rust-web-src lld-22`); a blob that another compiler built works, but
`--rebuild-check` will tell it apart. `scripts/install_rust.sh` installs what is missing.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pallets_mock.runtime import (  # noqa: E402
    BLOB_NAME,
    MANIFEST_NAME,
    Manifest,
    blob,
    compress,
    manifest,
)

PACKAGE = "decentralml-runtime"
TARGET = "wasm32v1-none"
PROFILE = "wasm"
WASM = Path(TARGET, PROFILE, f"{PACKAGE.replace('-', '_')}.wasm")
WORKSPACE = ROOT / "substrate"
DATA = ROOT / "pallets_mock" / "runtime"
# From the recipe in the design; whatever of these the caller's environment sets would change the
# bytes, so it is dropped first.
FLAGS = (
    "-Clink-arg=--export-table",
    "-Clink-arg=--import-memory",
    "-Ctarget-cpu=mvp",
    "-Cstrip=symbols",
    "--cfg=substrate_runtime",
)
FOREIGN_SETTINGS = ("CARGO_", "RUSTFLAGS", "RUSTC", "RUSTUP_TOOLCHAIN")
KEPT_SETTINGS = {"CARGO_HOME", "CARGO_NET_OFFLINE", "CARGO_HTTP_CAINFO"}


class BuildFailed(Exception):
    """The blob was not built, or is not what it should be; says what to do."""


@dataclass(frozen=True)
class Toolchain:
    """A compiler that can build for `wasm32v1-none`."""

    cargo: str
    rustc: str
    build_std: bool  # it has no compiled core for the target, but its source

    def version(self) -> str:
        return _output([self.rustc, "--version"])


def debian() -> Toolchain | None:
    """Debian's compiler, when it and the linker are installed."""
    cargo, rustc = Path("/usr/bin/cargo"), Path("/usr/bin/rustc")
    parts = [cargo, rustc, Path("/usr/bin/rust-lld")]
    if not all(part.exists() for part in parts):
        return None
    library = Path(_output([str(rustc), "--print", "sysroot"]), "lib/rustlib/src/rust/library")
    return Toolchain(str(cargo), str(rustc), build_std=True) if library.exists() else None


def rustup() -> Toolchain | None:
    """The developer's own compiler, when it has the target."""
    if shutil.which("rustup") is None or TARGET not in _output(
        ["rustup", "target", "list", "--installed"]
    ):
        return None
    cargo, rustc = (_output(["rustup", "which", tool]) for tool in ("cargo", "rustc"))
    return Toolchain(cargo, rustc, build_std=False)


def toolchain(name: str) -> Toolchain:
    """The compiler of that name; `auto` prefers Debian's, which made the repository's blob.

    Raises:
        BuildFailed: it is not there.
    """
    candidates = {"debian": [debian], "rustup": [rustup], "auto": [debian, rustup]}[name]
    for find in candidates:
        if found := find():
            return found
    raise BuildFailed(
        "no compiler for wasm32v1-none: run scripts/install_rust.sh on Debian, "
        "or `rustup target add wasm32v1-none`"
    )


def sources(dependencies: Path, workspace: Path) -> list[str]:
    """The files that decided a build's bytes, sorted, relative to the workspace.

    Args:
        dependencies: what cargo wrote beside the blob: every file that it read, in make's syntax.
        workspace: files elsewhere are the registry's, which the lock file names by their hashes.
    """
    # A space in a path is escaped.
    words = re.split(r"(?<!\\)\s+", dependencies.read_text().split(": ", 1)[1].strip())
    read = [Path(word.replace("\\ ", " ")) for word in words]
    here = {path.relative_to(workspace) for path in read if path.is_relative_to(workspace)}
    manifests = {
        folder / "Cargo.toml"
        for path in here
        for folder in path.parents
        if (workspace / folder / "Cargo.toml").exists()
    }
    return sorted(path.as_posix() for path in here | manifests | {Path("Cargo.lock")})


def sources_hash(workspace: Path, files: list[str]) -> str:
    """sha256 over name and content of these files, whatever the workspace is called.

    Raises:
        BuildFailed: one is missing.
    """
    total = hashlib.sha256()
    for name in files:
        try:
            content = (workspace / name).read_bytes()
        except FileNotFoundError as error:
            raise BuildFailed(f"substrate/{name} is gone: run `make runtime`") from error
        total.update(f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode())
    return total.hexdigest()


def build(workspace: Path, target_dir: Path, compiler: Toolchain, features: list[str]) -> bytes:
    """Compile the runtime.

    Returns: the WebAssembly, the same bytes wherever `workspace` and `target_dir` are.
    Raises:
        BuildFailed: cargo failed; its words are on stderr.
    """
    environment = build_environment(compiler)
    _run([compiler.cargo, "fetch", "--locked", "--quiet"], workspace, environment)
    # Known only now: the folders that the crates were unpacked to.
    flags = [*FLAGS, *_remaps(workspace, environment)]
    environment["CARGO_ENCODED_RUSTFLAGS"] = "\x1f".join(flags)
    command = [compiler.cargo, "build", "--locked", "--profile", PROFILE, "-p", PACKAGE]
    command += ["--no-default-features", "--target", TARGET, "--target-dir", str(target_dir)]
    if features:
        command += ["--features", ",".join(features)]
    if compiler.build_std:
        command += ["-Z", "build-std=core,alloc"]
    _run(command, workspace, environment)
    return (target_dir / WASM).read_bytes()


def write(wasm: bytes, files: list[str], compiler: Toolchain, features: list[str]) -> Manifest:
    """Put blob and manifest into the package."""
    name, version = runtime_version(wasm)
    compressed = compress(wasm)
    description = Manifest(
        spec_name=name,
        spec_version=version,
        sources=files,
        sources_sha256=sources_hash(WORKSPACE, files),
        compiler=compiler.version(),
        features=features,
        blob_bytes=len(wasm),
        blob_sha256=hashlib.sha256(wasm).hexdigest(),
        blob_blake2_256=hashlib.blake2b(wasm, digest_size=32).hexdigest(),
        compressed_sha256=hashlib.sha256(compressed).hexdigest(),
    )
    _replace(DATA / BLOB_NAME, compressed)
    _replace(DATA / MANIFEST_NAME, (json.dumps(description, indent=2) + "\n").encode())
    return description


def check() -> None:
    """Raises BuildFailed when the blob in the package is not built from the sources."""
    if sources_hash(WORKSPACE, manifest()["sources"]) != manifest()["sources_sha256"]:
        raise BuildFailed("substrate/ has changed since the blob was built: run `make runtime`")
    if hashlib.sha256(blob()).hexdigest() != manifest()["blob_sha256"]:
        raise BuildFailed("the blob is not the one that its manifest names: run `make runtime`")


def agreed_folder() -> Path:
    """Where this machine notes which second builds agreed, an empty file for each."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache, "decentralml", "rebuilds")


def build_name() -> str:
    """sha256 of all that a build's bytes come from, and of the bytes that it should give.

    The manifest names sources (with their lock file), compiler, features and blob; how they are
    put together stands in this file.
    """
    recipe = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    return hashlib.sha256(f"{json.dumps(manifest(), sort_keys=True)} {recipe}".encode()).hexdigest()


def rebuild_check(compiler: Toolchain, agreed: Path | None) -> str:
    """Build again elsewhere and compare.

    Args:
        agreed: where it is noted what agreed before, and need not be built again; None for
            building it whatever was before.
    Returns: the sha256 that both builds have.
    Raises:
        BuildFailed: the compiler is another than the blob's, or the bytes differ.
    """
    if compiler.version() != manifest()["compiler"]:
        raise BuildFailed(
            f"the blob was built by {manifest()['compiler']}, this is {compiler.version()}: "
            "the bytes cannot be compared; run `make runtime` and commit the blob"
        )
    check()
    note = None if agreed is None else agreed / build_name()
    if note is not None and note.exists():
        return str(manifest()["blob_sha256"])
    with tempfile.TemporaryDirectory(prefix="decentralml-rebuild-") as folder:
        copy = Path(folder, "elsewhere")
        shutil.copytree(WORKSPACE, copy, ignore=shutil.ignore_patterns("target"))
        again = build(copy, Path(folder, "target"), compiler, manifest()["features"])
    digest = hashlib.sha256(again).hexdigest()
    if digest != manifest()["blob_sha256"]:
        raise BuildFailed(
            f"a build of the same sources in another folder gives {digest}, the package has "
            f"{manifest()['blob_sha256']}: run `make runtime` and look for what differs"
        )
    if note is not None:
        note.parent.mkdir(parents=True, exist_ok=True)
        note.touch()
    return digest


def runtime_version(wasm: bytes) -> tuple[str, int]:
    """Name and version of the spec, from the blob's own `runtime_version` section.

    Raises:
        BuildFailed: there is no such section: the linker's flags were lost.
    """
    for name, content in _custom_sections(wasm):
        if name == b"runtime_version":
            length = content[0] >> 2  # SCALE compact; names are shorter than 64 bytes
            spec_name = content[1 : 1 + length]
            rest = content[1 + length :]
            rest = rest[1 + (rest[0] >> 2) :]
            return spec_name.decode(), int.from_bytes(rest[4:8], "little")
    raise BuildFailed("the blob has no runtime_version section")


def _custom_sections(wasm: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 8  # magic and version
    while position < len(wasm):
        identifier = wasm[position]
        size, start = _leb128(wasm, position + 1)
        position = start + size
        if identifier == 0:
            name_size, name_start = _leb128(wasm, start)
            content = name_start + name_size
            yield wasm[name_start:content], wasm[content:position]


def _leb128(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position


def build_environment(compiler: Toolchain) -> dict[str, str]:
    """The caller's environment without what would change the bytes, set up for that compiler."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in KEPT_SETTINGS or not name.startswith(FOREIGN_SETTINGS)
    }
    # A rustup in front of Debian's compiler would answer for the helpers that cargo calls.
    environment["PATH"] = f"{Path(compiler.rustc).parent}:{environment['PATH']}"
    environment["RUSTC"] = compiler.rustc
    environment["CARGO_TARGET_WASM32V1_NONE_LINKER"] = "rust-lld"
    if compiler.build_std:
        environment["RUSTC_BOOTSTRAP"] = "1"
    return environment


def _remaps(workspace: Path, environment: dict[str, str]) -> Iterator[str]:
    cargo_home = Path(environment.get("CARGO_HOME", Path.home() / ".cargo"))
    yield f"--remap-path-prefix={workspace}=/build"
    # Later ones win, and the name of a registry's folder depends on where crates come from.
    yield f"--remap-path-prefix={cargo_home}=/cargo"
    for registry in sorted(cargo_home.glob("registry/src/*")):
        yield f"--remap-path-prefix={registry}=/crates"


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    if subprocess.run(command, cwd=folder, env=environment, check=False).returncode:
        raise BuildFailed(f"failed: {' '.join(command)}")


def _output(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(content)
    temporary.replace(path)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="are sources and blob of one piece?")
    mode.add_argument("--rebuild-check", action="store_true", help="does a second build agree?")
    parser.add_argument("--afresh", action="store_true", help="rebuild-check: forget what agreed")
    parser.add_argument("--toolchain", choices=["auto", "debian", "rustup"], default="auto")
    parser.add_argument("--features", action="append", default=[], help="of the runtime crate")
    parser.add_argument("--target-dir", type=Path, default=WORKSPACE / "target" / "wasm")
    parser.add_argument("--output", type=Path, help="write the bare WebAssembly there instead")
    return parser.parse_args()


def _do(arguments: argparse.Namespace) -> str:
    if arguments.check:
        check()
        return "sources and blob are of one piece"
    compiler = toolchain(arguments.toolchain)
    if arguments.rebuild_check:
        agreed = None if arguments.afresh else agreed_folder()
        return f"a second build gives the same bytes: sha256 {rebuild_check(compiler, agreed)}"
    target_dir = arguments.target_dir.resolve()
    started = time.time()
    wasm = build(WORKSPACE, target_dir, compiler, arguments.features)
    if arguments.output:
        _replace(arguments.output, wasm)
        return f"{len(wasm)} bytes in {arguments.output}"
    files = sources((target_dir / WASM).with_suffix(".d"), WORKSPACE)
    edited = [name for name in files if (WORKSPACE / name).stat().st_mtime > started]
    if edited:
        raise BuildFailed(f"edited while the blob was built: {edited}; run it again")
    description = write(wasm, files, compiler, arguments.features)
    return f"spec {description['spec_version']}, {len(wasm)} bytes, {description['blob_sha256']}"


def main() -> None:
    try:
        sys.stdout.write(_do(_arguments()) + "\n")
    except BuildFailed as error:
        raise SystemExit(f"error: {error}") from error


if __name__ == "__main__":
    main()
