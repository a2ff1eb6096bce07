"""From blocks to files: verified while it streams, and checked to be what `adding` would have made.

Each block is hashed before anything in it is believed. Each file and folder is then built again,
node by node, from the blocks that arrived: when the hash differs, the content was laid out
otherwise than this package does (other chunks, unsorted names, metadata, unknown fields).
So one content has one CID, and most tricks with malformed nodes end here without a rule for each.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, runtime_checkable

from decentralml.assets.at_hand import AtHand, Place
from decentralml.assets.cid import Progress, fits, is_raw, to_text
from decentralml.assets.decoding import MalformedNode, Node, decode_node
from decentralml.assets.folders import folder_node
from decentralml.assets.rules import BundleLimits, Measure, check_names
from decentralml.assets.unixfs import FILE, HAMT_SHARD, Entry, FileTree, Link, Sink
from decentralml.errors import ContentMismatch, WrongBytes

_FILE_LEVELS = 5  # of nodes above the leaves: enough for 1,024**5 MiB
_SHARD_LEVELS = 8  # bytes of a name's hash
_PREFIX = 2  # hexadecimal digits before a name in a shard


class BlockSource(Protocol):
    """Blocks by binary CID, not verified yet."""

    def get(self, cid: bytes) -> bytes:
        """The block, at most `unixfs.MAX_BLOCK` long.

        Raises:
            ContentMismatch: it is missing or cut short.
        """


@runtime_checkable
class ExpectingSource(BlockSource, Protocol):
    """A source that can use to know what will be asked for."""

    def expect(self, cids: Iterable[bytes]) -> None:
        """These are asked for next, in this order, before whatever was expected until now.

        But for blocks that repeat: of those any `get` may be left out. And nothing is ever asked
        for when a fault ends it all.
        """


def unpack(  # noqa: PLR0913, PLR0917 - each is another thing, and most have a default
    source: BlockSource,
    root: bytes,
    destination: Path | None,
    limits: BundleLimits,
    progress: Progress | None = None,
    at_hand: AtHand | None = None,
    sink: Sink | None = None,
) -> dict[bytes, Place]:
    """Writes the file or folder that a binary CID names; memory stays flat.

    Args:
        source: where the blocks come from; nothing of it is believed.
        destination: must not exist; on an error it is left half written, so give a temporary place.
            Without one the content is only verified.
        limits: held while it streams, so a small DAG that expands to much is stopped at the limit.
        progress: told (bytes of blocks so far, bytes that the root declares).
        at_hand: files' blocks that need not come from the source; verified like its.
        sink: handed each block once it is verified, the root first, then depth first (of a folder
            in shards: all its shards before its entries); one that repeats is handed over again.

    Returns:
        Binary CID of each file's blocks -> where it was written; nothing without a destination.

    Raises:
        ContentMismatch: a block is missing, or the layout is another.
        WrongBytes: a block does not hash to its CID.
        BundleRefused, BundleTooLarge: the content breaks a rule of bundles.
    """
    unpacking = _Unpack(source, root, limits, progress, at_hand, sink)
    unpacking.entry(root, destination, "", 1)
    return unpacking.written


class _Unpack:
    def __init__(  # noqa: PLR0913, PLR0917 - what `unpack` takes
        self,
        source: BlockSource,
        root: bytes,
        limits: BundleLimits,
        progress: Progress | None,
        at_hand: AtHand | None,
        sink: Sink | None,
    ) -> None:
        self.written: dict[bytes, Place] = {}
        self._source = source
        self._at_hand = at_hand
        self._sink = sink
        self._root = root
        self._measure = Measure(limits)
        self._progress = progress
        self._done = 0
        self._total = 0
        self._expecting = source if isinstance(source, ExpectingSource) else None

    def entry(self, cid: bytes, place: Path | None, inside: str, depth: int) -> Entry:
        """A file or folder; ``inside`` is its path in the bundle, ``depth`` its own entries'."""
        if is_raw(cid):
            return self._file(cid, None, place)
        node = self._node(cid)
        if node.kind == FILE:
            return self._file(cid, node, place)
        return self._folder(cid, node, place, inside, depth)

    def _mismatch(self, what: str) -> ContentMismatch:
        return ContentMismatch(to_text(self._root), what)

    def _expect(self, links: Iterable[Link]) -> None:
        """Tells the source what will be asked of it next."""
        if self._expecting is not None:
            here = self._at_hand
            cids = (link.cid for link in links)
            self._expecting.expect(cid for cid in cids if here is None or not here.notes(cid))

    def _block(self, cid: bytes) -> bytes:
        block = None if self._at_hand is None else self._at_hand.get(cid)
        if block is None or not fits(cid, block):
            block = self._source.get(cid)
            if not fits(cid, block):
                raise WrongBytes(
                    to_text(self._root), f"block {to_text(cid)} has other bytes than its hash says"
                )
        if self._sink:
            self._sink(cid, block)
        self._done += len(block)
        if self._progress:
            self._progress(self._done, max(self._total, self._done))
        return block

    def _node(self, cid: bytes) -> Node:
        block = self._block(cid)
        try:
            node = decode_node(block)
        except MalformedNode as error:
            raise self._mismatch(f"block {to_text(cid)} is no node of a bundle: {error}") from error
        if not self._total:
            self._total = len(block) + sum(link.tsize for link in node.links)
        return node

    def _file(self, cid: bytes, node: Node | None, place: Path | None) -> Entry:
        tree = FileTree()
        at = 0
        with _writing(place) as write:
            for leaf in self._leaves(cid, node):
                block = self._block(leaf)
                self._measure.add_bytes(len(block))
                try:
                    tree.add(leaf, len(block))
                except ValueError as error:
                    raise self._mismatch(f"file {to_text(cid)}: {error}") from error
                write(block)
                if place is not None:
                    self.written.setdefault(leaf, Place(place, at, len(block)))
                at += len(block)
        entry = tree.finish()
        if entry.cid != cid:
            raise self._mismatch(f"file {to_text(cid)} is not laid out as this package does")
        return entry

    def _leaves(self, cid: bytes, node: Node | None) -> Iterator[bytes]:
        """Binary CIDs of a file's leaves in order; every node on the way leads to at least one."""
        if node is None:
            yield cid
            return
        self._expect(node.links)
        stack = [iter(node.links)]
        while stack:
            link = next(stack[-1], None)
            if link is None:
                stack.pop()
            elif is_raw(link.cid):
                yield link.cid
            else:
                child = self._node(link.cid)
                if child.kind != FILE or not child.links or len(stack) == _FILE_LEVELS:
                    raise self._mismatch(f"block {to_text(link.cid)} is no part of a file")
                self._expect(child.links)
                stack.append(iter(child.links))

    def _folder(self, cid: bytes, node: Node, place: Path | None, inside: str, depth: int) -> Entry:
        links = list(self._entries(node, 1))
        check_names(link.name for link in links)
        # Compared before anything below is read: a forged folder costs its sender more than us.
        if folder_node(links, 0, None).cid != cid:
            raise self._mismatch(f"folder {to_text(cid)} is not laid out as this package does")
        if place is not None:
            place.mkdir()
        self._expect(links)
        size = 0
        for link in links:
            path = f"{inside}{link.name}"
            self._measure.check_path(path, depth)
            below = None if place is None else place / link.name
            entry = self.entry(link.cid, below, f"{path}/", depth + 1)
            if entry.tsize != link.tsize:
                raise self._mismatch(f"folder {to_text(cid)} gives {path!a} a wrong size")
            size += entry.size
        return folder_node(links, size, None)

    def _entries(self, node: Node, level: int) -> Iterator[Link]:
        """A folder's entries, those of its shards among them; counted as they are found."""
        if node.kind == HAMT_SHARD:
            self._expect(link for link in node.links if len(link.name) <= _PREFIX)
        for link in node.links:
            if node.kind == HAMT_SHARD and len(link.name) <= _PREFIX:
                yield from self._entries(self._shard(link.cid, level), level + 1)
                continue
            self._measure.count_entry()
            name = link.name[_PREFIX:] if node.kind == HAMT_SHARD else link.name
            yield Link(name, link.cid, link.tsize)

    def _shard(self, cid: bytes, level: int) -> Node:
        shard = None if is_raw(cid) else self._node(cid)
        # Without links it would add nothing to count, so any number of such shards could come.
        if shard and shard.links and shard.kind == HAMT_SHARD and level < _SHARD_LEVELS:
            return shard
        raise self._mismatch(f"block {to_text(cid)} is no part of a folder")


@contextmanager
def _writing(place: Path | None) -> Iterator[Callable[[bytes], object]]:
    """Opens a new file for writing; without a place what is written goes nowhere."""
    if place is None:
        yield len
        return
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(place, flags, 0o666), "wb") as file:
        yield file.write
