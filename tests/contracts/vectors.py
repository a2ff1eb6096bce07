"""The CIDs that kubo gave to files and folders which anybody can make again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "cid_vectors.json").read_text()
)
SMALL_FILES = [case for case in VECTORS["files"] if case.get("size", 1 << 40) <= 4 << 20]
LARGE_FILES = [case for case in VECTORS["files"] if case not in SMALL_FILES]


def content(size: int) -> bytes:
    """The content of a file of that many bytes."""
    return hashlib.shake_128(b"decentralml-%d" % size).digest(size)


def entries(case: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """What kubo saw: `ipfs add -r` leaves hidden files out unless told otherwise."""
    if "tree" in case:
        yield from (item for item in case["tree"].items() if not item[0].startswith("."))
    else:
        count = int(case["tree_rule"].split()[0])
        yield from ((f"item-{i:06d}.json", i % 7) for i in range(count))


def grow(folder: Path, case: dict[str, Any]) -> Path:
    """Makes the folder of a case."""
    folder.mkdir()
    for name, size in entries(case):
        place = folder / name
        if name.endswith("/"):
            place.mkdir()
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content(size))
    return folder
