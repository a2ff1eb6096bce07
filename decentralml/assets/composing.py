"""Several contents under one root: a folder that links them, with a page that says what they are.

So a task and all that it needs has one name and travels as one file. The parts keep their own CIDs;
the same parts and the same page always give the same root.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from decentralml.assets.cid import fits, is_raw, raw_cid, to_bytes, to_text
from decentralml.assets.decoding import MalformedNode, decode_node
from decentralml.assets.fetching import BlockSource
from decentralml.assets.folders import folder_node
from decentralml.assets.rules import check_name
from decentralml.assets.unixfs import Entry, FileTree, Link, Sink, chunks_of
from decentralml.errors import BundleRefused, ContentMismatch
from decentralml.types import Cid

PAGE = "parts.json"
FORMAT = "decentralml-parts-1"


@dataclass(frozen=True, slots=True)
class Part:
    """A content, and where it stands under the root: names joined by ``/``."""

    path: str
    cid: Cid


def page_of(parts: Sequence[Part], about: Mapping[str, object]) -> bytes:
    """The content of ``parts.json``: what the parts are, and ``about`` what they are parts."""
    said = {"format": FORMAT, **about, "parts": {part.path: part.cid for part in parts}}
    return json.dumps(said, indent=1, sort_keys=True).encode() + b"\n"


def entry_of(source: BlockSource, cid: Cid) -> Entry:
    """The link to a content: its Tsize is read from its first block; its ``size`` is not known.

    Raises:
        InvalidCid: the CID is malformed.
        ContentMismatch: that block is missing, damaged, or no part of a bundle.
    """
    root = to_bytes(cid)
    block = source.get(root)
    if not fits(root, block):
        raise ContentMismatch(cid, f"block {cid} has other bytes than its hash says")
    if is_raw(root):
        return Entry(root, 0, len(block))
    try:
        links = decode_node(block).links
    except MalformedNode as error:
        raise ContentMismatch(cid, f"block {cid} is no node of a bundle: {error}") from error
    return Entry(root, 0, len(block) + sum(link.tsize for link in links))


def compose(parts: Mapping[str, Entry], page: bytes, sink: Sink | None = None) -> Cid:
    """The root over the parts and the page.

    Args:
        parts: path -> what stands there.
        page: content of the file ``parts.json``.
        sink: takes the blocks that are not a part's: the folders' and the page's.

    Raises:
        BundleRefused: a path cannot be in a bundle, or stands below another part.
    """
    tree: dict[str, _Tree] = {PAGE: _file(page, sink)}
    for path, entry in parts.items():
        _place(tree, path, entry)
    return to_text(_folder(tree, sink).cid)


_Tree = Entry | dict[str, "_Tree"]


def _place(tree: dict[str, _Tree], path: str, entry: Entry) -> None:
    *above, last = path.split("/")
    for name in above:
        check_name(name)
        inside = tree.setdefault(name, {})
        if not isinstance(inside, dict):
            raise BundleRefused(path, "another part stands above it")
        tree = inside
    check_name(last)
    if last in tree:
        raise BundleRefused(path, "another part stands there")
    tree[last] = entry


def _folder(tree: dict[str, _Tree], sink: Sink | None) -> Entry:
    links = []
    for name, inside in tree.items():
        entry = _folder(inside, sink) if isinstance(inside, dict) else inside
        links.append(Link(name, entry.cid, entry.tsize))
    return folder_node(links, 0, sink)


def _file(content: bytes, sink: Sink | None) -> Entry:
    made = FileTree(sink)
    for chunk in chunks_of(content):
        cid = raw_cid(chunk)
        if sink:
            sink(cid, chunk)
        made.add(cid, len(chunk))
    return made.finish()


def distinct(parts: Iterable[Part]) -> Sequence[Cid]:
    """The CIDs of the parts, each once, in the parts' order."""
    return list(dict.fromkeys(part.cid for part in parts))
