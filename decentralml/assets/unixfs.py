"""UnixFS as kubo writes it: the bytes of file and folder nodes, and the tree over a file's chunks.

Rule (profile ``unixfs-v1-2025``, IPIP-499): raw leaves of 1 MiB, at most 1,024 links a node,
balanced, grouped from the bottom up. In a node's bytes the links stand before the data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from decentralml.assets.cid import node_cid, raw_cid

CHUNK = 1 << 20  # bytes of a leaf
MAX_LINKS = 1024  # of a file's node
MAX_BLOCK = 2 << 20  # no block of anybody's is longer: what kubo, too, sends and takes

DIRECTORY, FILE, SYMLINK, HAMT_SHARD = 1, 2, 4, 5

Sink = Callable[[bytes, "bytes | memoryview"], None]
"""Takes each block as it is made: binary CID and bytes, of which it copies what it keeps."""


@dataclass(frozen=True, slots=True)
class Link:
    """A named link to a block. ``tsize`` is the length of all blocks from there down."""

    name: str
    cid: bytes
    tsize: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, folder or part of a file: ``size`` counts its content, ``tsize`` its blocks."""

    cid: bytes
    size: int
    tsize: int


def varint(number: int) -> bytes:
    """Protobuf's unsigned variable-length integer."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def encode_link(link: Link) -> bytes:
    """A link as it stands in a node."""
    name = link.name.encode("utf-8")
    return _field(2, _field(1, link.cid) + _field(2, name) + b"\x18" + varint(link.tsize))


def encode_node(links: Iterable[Link], data: bytes) -> bytes:
    """A dag-pb node; the caller has put the links in order."""
    return b"".join(map(encode_link, links)) + _field(1, data)


def file_data(sizes: Sequence[int]) -> bytes:
    """UnixFS data of a file node over parts of these sizes."""
    blocks = b"".join(b"\x20" + varint(size) for size in sizes)
    return b"\x08\x02\x18" + varint(sum(sizes)) + blocks


def directory_data() -> bytes:
    """UnixFS data of a plain folder."""
    return b"\x08\x01"


def symlink_block(target: bytes) -> bytes:
    """The node that stands for a symbolic link."""
    return encode_node([], b"\x08\x04" + _field(2, target))


def shard_data(bitfield: bytes) -> bytes:
    """UnixFS data of a folder's shard: murmur3-x64-64, fanout 256."""
    return b"\x08\x05" + _field(2, bitfield) + b"\x28\x22\x30\x80\x02"


def put_node(links: Sequence[Link], data: bytes, size: int, sink: Sink | None) -> Entry:
    """Encodes a node, hands it to the sink and says what it is."""
    block = encode_node(links, data)
    cid = node_cid(block)
    if sink:
        sink(cid, block)
    return Entry(cid, size, len(block) + sum(link.tsize for link in links))


def chunks_of(data: bytes) -> Iterator[memoryview]:
    """The leaves of a file with this content; an empty file has one, empty."""
    view = memoryview(data)
    yield view[:CHUNK]
    for start in range(CHUNK, len(view), CHUNK):
        yield view[start : start + CHUNK]


class FileTree:
    """Groups a file's leaves into nodes as they come.

    Holds at most 1,024 entries a level, so memory does not grow with the file.
    """

    def __init__(self, sink: Sink | None = None) -> None:
        self._sink = sink
        self._levels: list[list[Entry]] = [[]]
        self._last = CHUNK

    def add(self, cid: bytes, size: int) -> None:
        """Takes the next leaf.

        Raises:
            ValueError: another leaf follows one shorter than a chunk, or this one is longer.
        """
        first = not self._levels[0] and len(self._levels) == 1
        if self._last != CHUNK or size > CHUNK or (size == 0 and not first):
            raise ValueError("its pieces are not cut at every 1 MiB")
        self._last = size
        self._push(0, Entry(cid, size, size))

    def _push(self, level: int, entry: Entry) -> None:
        if level == len(self._levels):
            self._levels.append([])
        if len(self._levels[level]) == MAX_LINKS:
            self._close(level)
        self._levels[level].append(entry)

    def _close(self, level: int) -> None:
        parts = self._levels[level]
        self._levels[level] = []
        sizes = [part.size for part in parts]
        links = [Link("", part.cid, part.tsize) for part in parts]
        self._push(level + 1, put_node(links, file_data(sizes), sum(sizes), self._sink))

    def finish(self) -> Entry:
        """The file's root; a file without leaves is an empty one."""
        if not any(self._levels):
            empty = raw_cid(b"")
            if self._sink:
                self._sink(empty, b"")
            return Entry(empty, 0, 0)
        level = 0
        while True:
            parts = self._levels[level]
            if level == len(self._levels) - 1 and len(parts) == 1:
                return parts[0]
            if parts:
                self._close(level)
            level += 1
