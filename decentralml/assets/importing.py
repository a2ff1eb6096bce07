"""Content of a CAR file into a store: judged whole, then kept part by part."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from decentralml.assets.carfile import CarFile
from decentralml.assets.cid import Progress, fits, is_raw, parse, to_text
from decentralml.assets.composing import FORMAT, PAGE, Part, compose, distinct, entry_of
from decentralml.assets.decoding import MalformedNode, decode_node
from decentralml.assets.fetching import unpack
from decentralml.assets.rules import BundleLimits
from decentralml.assets.store import DEFAULT_LIMITS, AssetStore
from decentralml.assets.unixfs import DIRECTORY
from decentralml.errors import AssetError, CarRefused
from decentralml.types import Cid

_LARGEST_PAGE = 16 << 20  # bytes
_MOST_PARTS = 50_000
_DEEPER = 4  # folders that parts stand in
_LONGER = 256  # bytes of a part's path


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file brought.

    Attributes:
        root: CID of the file's root.
        parts: the contents kept; the root itself with an empty path when it is one content.
        page: what the file says of them, which nobody has checked; empty for one content.
    """

    root: Cid
    parts: tuple[Part, ...]
    page: Mapping[str, Any]


def import_car(
    store: AssetStore,
    path: Path,
    progress: Progress | None = None,
    limits: BundleLimits = DEFAULT_LIMITS,
) -> Imported:
    """Keeps what a CAR file has, from whomever it comes.

    Nothing is kept unless the whole file is good: every block verified, none missing, none besides.
    A file of `exporting.export_parts` brings its parts, each under its own CID; any other brings
    its root. What the store has whole is not put again, so an import that was interrupted is gone
    on with by repeating it.

    Args:
        progress: told (bytes, bytes in all), first of the file's judgement, then of the keeping.
        limits: held by each part on its own.

    Raises:
        CarRefused: it is no such file, has blocks of unknown kinds or besides those of its root, or
            its page does not fit its parts.
        ContentMismatch: it is cut short, a block is missing or does not hash to its CID.
        BundleRefused, BundleTooLarge: a content breaks a rule of bundles.
    """
    with _opened(path) as car:
        page = _page(car)
        parts = (Part("", to_text(car.root)),) if page is None else _parts(car, page)
        _judge(car, limits, 0 if page is None else len(parts), progress)
        for cid in distinct(parts):
            store.put_from(car, cid, progress)
        return Imported(to_text(car.root), parts, {} if page is None else page.said)


@contextmanager
def _opened(path: Path) -> Iterator[CarFile]:
    with path.open("rb", buffering=0) as file:
        yield CarFile(file, path)


def _judge(car: CarFile, limits: BundleLimits, parts: int, progress: Progress | None) -> None:
    """Reads everything; ``parts`` is 0 for a single content."""
    if parts:
        many = parts + 1
        limits = replace(
            limits,
            max_bytes=limits.max_bytes * many,
            max_entries=limits.max_entries * many + _DEEPER * many,
            max_depth=limits.max_depth + _DEEPER,
            max_path=limits.max_path + _LONGER,
        )
    reached: set[bytes] = set()
    unpack(car, car.root, None, limits, progress, sink=lambda cid, _: reached.add(cid))
    car.check_nothing_else(reached)


@dataclass(frozen=True, slots=True)
class _Page:
    content: bytes
    said: Mapping[str, Any]


def _page(car: CarFile) -> _Page | None:
    """What the root's ``parts.json`` says; None when the root is a content of its own."""
    block = b"" if is_raw(car.root) else car.get(car.root)
    if is_raw(car.root) or not fits(car.root, block):
        return None  # damaged: said so when the file is judged
    try:
        root = decode_node(block)
    except MalformedNode:
        return None
    pages = [link.cid for link in root.links if link.name == PAGE and root.kind == DIRECTORY]
    if not pages:
        return None
    pieces: list[bytes] = []
    limits = BundleLimits(max_bytes=_LARGEST_PAGE, max_entries=1)
    unpack(car, pages[0], None, limits, sink=lambda cid, piece: _take(pieces, cid, piece))
    return _decoded(car, b"".join(pieces))


def _take(pieces: list[bytes], cid: bytes, block: bytes | memoryview) -> None:
    if is_raw(cid):
        pieces.append(bytes(block))


def _decoded(car: CarFile, content: bytes) -> _Page | None:
    """The page, if it is one of `exporting.export_parts`; a file of that name may be anybody's."""
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        return None
    if not isinstance(said.get("parts"), dict) or not 0 < len(said["parts"]) <= _MOST_PARTS:
        raise CarRefused(str(car.path), f"its {PAGE} names no parts, or more than {_MOST_PARTS:,}")
    return _Page(content, said)


def _parts(car: CarFile, page: _Page) -> tuple[Part, ...]:
    """The parts that the page names, if the root is what such parts make."""
    try:
        parts = tuple(Part(str(path), parse(str(cid))) for path, cid in page.said["parts"].items())
        entries = {part.path: entry_of(car, part.cid) for part in parts}
        root = compose(entries, page.content)
    except AssetError as error:
        raise CarRefused(str(car.path), f"its {PAGE} does not fit what it has: {error}") from error
    if root != to_text(car.root):
        raise CarRefused(str(car.path), f"its {PAGE} names other content than it has")
    return parts
