"""Compiling WebAssembly, once: machine code is kept on disk by the hash of what it is made of."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import tempfile
from functools import cache
from pathlib import Path

import platformdirs
import wasmtime

from pallets_mock.errors import InvalidRuntime

_DIGEST_BYTES = 32
KEPT = 24
"""Compiled modules in the cache, the newest ones; each takes some 5 MB."""


def default_cache_dir() -> Path:
    """Where compiled modules are kept: `~/.cache/decentralml/modules` on Linux."""
    return Path(platformdirs.user_cache_dir("decentralml")) / "modules"


@cache
def engine() -> wasmtime.Engine:
    """The process's one engine. Floats are made the same on every machine."""
    config = wasmtime.Config()
    config.cranelift_nan_canonicalization = True
    config.wasm_threads = False
    return wasmtime.Engine(config)


def compile_module(wasm: bytes, cache_dir: Path | None) -> wasmtime.Module:
    """The module of these bytes, from the cache if it is there.

    What the cache holds is executed, so it is taken only if whole and made by this
    version; a cache that cannot be read or written is the same as none.

    Args:
        cache_dir: None to compile anew and keep nothing.
    Raises:
        InvalidRuntime: the bytes are no WebAssembly module.
    """
    path = None if cache_dir is None else cache_dir / _cache_name(wasm)
    if path is not None and (module := _from_cache(path)) is not None:
        return module
    try:
        module = wasmtime.Module(engine(), wasm)
    except wasmtime.WasmtimeError as error:
        raise InvalidRuntime(f"the runtime does not compile: {error}") from error
    if path is not None:
        _to_cache(path, module)
    return module


def _cache_name(wasm: bytes) -> str:
    # Bump the number whenever `engine` is configured otherwise.
    made_by = f"wasmtime {importlib.metadata.version('wasmtime')} config 1 ".encode()
    return hashlib.blake2b(made_by + wasm, digest_size=20).hexdigest() + ".cwasm"


def _from_cache(path: Path) -> wasmtime.Module | None:
    try:
        data = path.read_bytes()
        digest, code = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
        if hashlib.blake2b(code, digest_size=_DIGEST_BYTES).digest() != digest:
            return None
        return wasmtime.Module.deserialize(engine(), code)
    except (OSError, wasmtime.WasmtimeError):
        return None


def _forget_old(folder: Path) -> None:
    entries = sorted(folder.glob("*.cwasm"), key=lambda entry: entry.stat().st_mtime)
    for entry in entries[:-KEPT]:
        entry.unlink(missing_ok=True)


def _to_cache(path: Path, module: wasmtime.Module) -> None:
    code = bytes(module.serialize())
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.blake2b(code, digest_size=_DIGEST_BYTES).digest() + code)
            Path(name).replace(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
        _forget_old(path.parent)
    except OSError:
        return
