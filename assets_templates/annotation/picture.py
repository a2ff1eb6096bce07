"""Small grey pictures as PNG files and as text, with NumPy alone: a sandbox may have no more."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np

_MARK = b"\x89PNG\r\n\x1a\n"
_SHADES = " .:-=+*#%@"
_MAX_PIXELS = 1 << 24


def write_png(path: Path, image: np.ndarray) -> None:
    """Writes (height, width) bytes as an 8-bit grey PNG."""
    height, width = image.shape
    rows = b"".join(b"\0" + row.astype(np.uint8).tobytes() for row in image)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]
    path.write_bytes(_MARK + b"".join(_chunk(name, data) for name, data in chunks))


def read_png(path: Path) -> np.ndarray:
    """(height, width) bytes of an 8-bit grey PNG. Raises ValueError for any other kind of file."""
    data = path.read_bytes()
    if not data.startswith(_MARK) or data[12:16] != b"IHDR" or len(data) < 33:
        raise ValueError(f"{path} is no PNG")
    width, height, *kind = struct.unpack(">IIBBBBB", data[16:29])
    if kind != [8, 0, 0, 0, 0] or not 0 < width * height <= _MAX_PIXELS:
        raise ValueError(f"{path} is no small 8-bit grey PNG")
    packed, position = b"", len(_MARK)
    while position + 8 <= len(data):
        (size,) = struct.unpack(">I", data[position : position + 4])
        if data[position + 4 : position + 8] == b"IDAT":
            packed += data[position + 8 : position + 8 + size]
        position += 12 + size
    try:
        raw = zlib.decompressobj().decompress(packed, height * (width + 1))
    except zlib.error as error:
        raise ValueError(f"{path} is damaged") from error
    if len(raw) != height * (width + 1):
        raise ValueError(f"{path} is damaged")
    return _unfilter(np.frombuffer(raw, np.uint8).reshape(height, width + 1))


def as_text(image: np.ndarray, width: int = 56) -> str:
    """The picture in characters, two a pixel as a terminal's are tall; shrunk to ``width``."""
    step = max(1, -(-image.shape[1] * 2 // width))
    shrunk = image[::step, ::step]
    return "\n".join(
        "".join(_SHADES[int(value) * (len(_SHADES) - 1) // 255] * 2 for value in row).rstrip()
        for row in shrunk
    )


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _unfilter(lines: np.ndarray) -> np.ndarray:
    """Undoes PNG's line filters (section 9 of the PNG specification), one byte a pixel."""
    image = np.zeros((len(lines), lines.shape[1] - 1), np.uint8)
    for index, line in enumerate(lines):
        above = image[index - 1] if index else np.zeros(image.shape[1], np.uint8)
        image[index] = _line(int(line[0]), line[1:], above)
    return image


def _line(kind: int, line: np.ndarray, above: np.ndarray) -> np.ndarray:
    if kind == 0:
        return line
    if kind == 2:
        return line + above
    out = np.zeros(len(line) + 1, np.uint8)
    up = np.concatenate([[0], above]).astype(int)
    for at in range(1, len(out)):
        left = int(out[at - 1])
        guess = {1: left, 3: (left + up[at]) // 2, 4: _paeth(left, up[at], up[at - 1])}.get(kind)
        if guess is None:
            raise ValueError(f"a PNG line has the unknown filter {kind}")
        out[at] = (int(line[at - 1]) + guess) % 256
    return out[1:]


def _paeth(left: int, up: int, corner: int) -> int:
    first = left + up - corner
    return min((left, up, corner), key=lambda value: abs(first - value))
