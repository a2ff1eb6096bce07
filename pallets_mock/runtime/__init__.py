"""The chain's runtime as package data: the WebAssembly that production executes, and its manifest.

`scripts/build_runtime.py` builds the blob from `substrate/` and writes it here; a check fails when
the blob was not built from the sources beside it.
"""

import json
from functools import cache
from importlib.resources import files
from typing import TypedDict, cast

import zstandard

BLOB_NAME = "decentralml_runtime.compact.compressed.wasm"
MANIFEST_NAME = "runtime.json"

# Substrate's mark of a compressed blob (sp-maybe-compressed-blob), and its limit for one.
COMPRESSED_PREFIX = bytes.fromhex("52bc537646db8e05")
MAX_BLOB_BYTES = 50 * 1024 * 1024


class Manifest(TypedDict):
    """What the blob was built from, and what it is. Hashes are hexadecimal."""

    spec_name: str
    spec_version: int
    sources: list[str]  # every file of substrate/ that the blob was compiled from
    sources_sha256: str  # over their names and contents
    compiler: str  # rustc's own words
    features: list[str]
    blob_bytes: int
    blob_sha256: str  # of the blob as it executes
    blob_blake2_256: str
    compressed_sha256: str


def compressed_blob() -> bytes:
    """The blob as a chain spec carries it in `:code`: Substrate's prefix, then zstd."""
    return files(__package__).joinpath(BLOB_NAME).read_bytes()


@cache
def blob() -> bytes:
    """The blob as it executes: WebAssembly."""
    return decompress(compressed_blob())


def manifest() -> Manifest:
    """What the blob was built from, and what it is."""
    text = files(__package__).joinpath(MANIFEST_NAME).read_text(encoding="utf-8")
    return cast(Manifest, json.loads(text))


def compress(wasm: bytes) -> bytes:
    """The blob as a chain carries it; the inverse of `decompress`."""
    return COMPRESSED_PREFIX + zstandard.ZstdCompressor(level=19).compress(wasm)


def decompress(code: bytes) -> bytes:
    """WebAssembly from what a chain carries, which may be compressed or not.

    Args:
        code: a value of `:code`.
    Returns: the WebAssembly; `code` itself when it is not compressed.
    Raises:
        ValueError: the compressed part is damaged or larger than Substrate allows (50 MiB).
    """
    if not code.startswith(COMPRESSED_PREFIX):
        return code
    try:
        return _decompress(memoryview(code)[len(COMPRESSED_PREFIX) :])
    except zstandard.ZstdError as error:
        raise ValueError(f"a runtime's compressed code is damaged: {error}") from error


def _decompress(compressed: memoryview) -> bytes:
    stream = zstandard.ZstdDecompressor().decompressobj()
    wasm = bytearray()
    # In small steps, since a few bytes can stand for a lot.
    for start in range(0, len(compressed), 1024):
        wasm += stream.decompress(compressed[start : start + 1024])
        if len(wasm) > MAX_BLOB_BYTES:
            raise ValueError(f"a runtime's code is larger than {MAX_BLOB_BYTES} bytes")
        if stream.eof:
            return bytes(wasm)
    raise zstandard.ZstdError("it ends too early")
