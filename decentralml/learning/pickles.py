"""Finds pickles by their bytes and names, wherever they hide: reading one executes code."""

from __future__ import annotations

import io
import tokenize
import zipfile
from pathlib import Path
from typing import Final

import numpy as np

from decentralml.learning.errors import PickleRefused

_SUFFIXES: Final = (".pkl", ".pickle", ".p", ".pt", ".pth", ".bin", ".ckpt", ".joblib", ".dill")
_FIRST_PROTOCOL, _LAST_PROTOCOL = 2, 5
_MAX_ENTRIES: Final = 10_000
_HEAD: Final = 4096


def refuse_pickles(path: Path, name: str | None = None) -> None:
    """Raises PickleRefused if the file is one: by name, by its first bytes, or inside a zip or npy.

    Protocols 0 and 1 have no mark of their own; they are known by the opcodes that every one which
    calls something begins with.
    """
    label = name or path.name
    if path.suffix.lower() in _SUFFIXES:
        raise PickleRefused(f"{label} has a pickle's name; send .keras, .safetensors or JSON")
    with path.open("rb") as file:
        _refuse_head(file.read(_HEAD), label)
    if zipfile.is_zipfile(path):
        _refuse_in_zip(path, label)


def _refuse_in_zip(path: Path, label: str) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist()[:_MAX_ENTRIES]:
                inner = f"{entry.filename} in {label}"
                if entry.filename.lower().endswith(_SUFFIXES):
                    raise PickleRefused(f"{inner} has a pickle's name")
                if not entry.is_dir() and not entry.flag_bits & 1:
                    with archive.open(entry) as file:
                        _refuse_head(file.read(_HEAD), inner)
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, EOFError):
        return  # A broken zip is refused by whoever needs it to be one.


def _refuse_head(head: bytes, label: str) -> None:
    marked = head[:1] == b"\x80" and _FIRST_PROTOCOL <= (head[1:2] or b"\0")[0] <= _LAST_PROTOCOL
    if marked or _is_old_pickle(head):
        raise PickleRefused(f"{label} is a pickle, which executes code when it is read")
    if head[:6] == b"\x93NUMPY" and _holds_objects(head):
        raise PickleRefused(f"{label} is an array of Python objects, which are stored as a pickle")


def _is_old_pickle(head: bytes) -> bool:
    """Protocol 0 or 1: GLOBAL (``cmodule\\nname\\n``), after an optional MARK, or ``(lp0``."""
    lines = head.lstrip(b"(")[:256].split(b"\n")
    words = [line.replace(b".", b"").replace(b"_", b"") for line in lines[:2]]
    is_global = len(lines) > 2 and lines[0][:1] == b"c" and all(word.isalnum() for word in words)
    return is_global or head[:4] in (b"(lp0", b"(dp0", b"(ip0", b"(tp0")


def _holds_objects(head: bytes) -> bool:
    try:
        file = io.BytesIO(head)
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0
        if version != (1, 0):
            read = np.lib.format.read_array_header_2_0
        return bool(read(file)[2].hasobject)
    except (ValueError, SyntaxError, tokenize.TokenError):
        return True  # An array whose type cannot be read is not worth the doubt.
