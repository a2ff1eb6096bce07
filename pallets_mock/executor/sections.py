"""The sections of a WebAssembly binary, as far as a host needs them."""

from __future__ import annotations

from collections.abc import Iterator

from pallets_mock.errors import InvalidRuntime

MAGIC = b"\x00asm\x01\x00\x00\x00"
_CUSTOM = 0


def custom_section(wasm: bytes, name: str) -> bytes | None:
    """Contents of the custom section of that name, None if there is none.

    Raises:
        InvalidRuntime: this is no WebAssembly binary.
    """
    try:
        for kind, start, end in sections(wasm):
            if kind == _CUSTOM:
                length, at = leb128(wasm, start)
                if wasm[at : at + length] == name.encode():
                    return wasm[at + length : end]
    except IndexError:
        raise InvalidRuntime("the runtime's WebAssembly is cut short") from None
    return None


def sections(wasm: bytes) -> Iterator[tuple[int, int, int]]:
    """Kind, start and end of each section's contents, in order. Raises as `custom_section`."""
    if not wasm.startswith(MAGIC):
        raise InvalidRuntime("the runtime's code is no WebAssembly")
    at = len(MAGIC)
    while at < len(wasm):
        kind = wasm[at]
        length, start = leb128(wasm, at + 1)
        at = start + length
        if at > len(wasm):
            raise InvalidRuntime("the runtime's WebAssembly is cut short")
        yield kind, start, at


def leb128(data: bytes, at: int) -> tuple[int, int]:
    """The number that starts at `at`, and where what follows it starts. Raises IndexError."""
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7
