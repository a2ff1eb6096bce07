"""Moving a runtime's data into the module that makes its memory.

A runtime that imports its memory has its data (some 300 KB) copied into that at every
instantiation, which is most of what an instance costs. A module that makes its memory
itself gets it as a copy-on-write image instead, of which a call pays only for the pages
that it writes to. So the data section moves from the runtime to the companion, byte for
byte; what every instance sees is the same.
"""

from __future__ import annotations

from pallets_mock.executor.sections import MAGIC, leb128, sections

_DATA, _DATA_COUNT = 11, 12
_I32_CONST, _END = 0x41, 0x0B


def split_data(wasm: bytes) -> tuple[bytes, bytes]:
    """The module without its data section, and that section, ready to be appended elsewhere.

    Returns: the module as it is and nothing, where the section cannot move: a segment that
        is not simply copied to a constant address, or one that instructions refer to.
    Raises:
        InvalidRuntime: this is no WebAssembly binary.
    """
    found = list(sections(wasm))
    data = [wasm[start:end] for kind, start, end in found if kind == _DATA]
    refers = any(kind == _DATA_COUNT for kind, _, _ in found)
    if len(data) != 1 or refers or not _is_plain(data[0]):
        return wasm, b""
    rest = (_section(kind, wasm[start:end]) for kind, start, end in found if kind != _DATA)
    return MAGIC + b"".join(rest), _section(_DATA, data[0])


def _is_plain(data: bytes) -> bool:
    """Whether every segment goes to a constant address in memory 0."""
    try:
        count, at = leb128(data, 0)
        for _ in range(count):
            if data[at] != 0 or data[at + 1] != _I32_CONST:
                return False
            _, at = leb128(data, at + 2)
            if data[at] != _END:
                return False
            length, at = leb128(data, at + 1)
            at += length
    except IndexError:
        return False
    return at == len(data)


def _section(kind: int, content: bytes) -> bytes:
    return bytes((kind,)) + _encoded(len(content)) + content


def _encoded(number: int) -> bytes:
    """LEB128."""
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
