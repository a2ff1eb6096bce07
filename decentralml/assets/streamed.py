"""Blocks as a CAR stream brings them, for whoever asks in the same order.

One request then brings a whole content, and nothing but the block that comes next is kept, or a
few MiB. What is asked for in another order (a folder in shards, a block that repeats) and is not
among those, and all that is left when a stream ends early, is asked for block by block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from decentralml.assets.car import header
from decentralml.assets.cid import BINARY_LENGTH, fits, is_node, is_raw, to_text
from decentralml.assets.unixfs import MAX_BLOCK
from decentralml.errors import StoreUnreachable, WrongBytes

_LONGEST_VARINT = 4  # bytes of a section's length: MAX_BLOCK and a CID fit


class StreamedSource:
    """A `decentralml.assets.fetching.BlockSource` over one CAR stream.

    Believes no CID in the stream before the bytes were hashed.
    """

    def __init__(
        self,
        chunks: Iterable[bytes],
        root: bytes,
        get_block: Callable[[bytes], bytes],
        ahead: int = 0,
    ) -> None:
        """
        Args:
            chunks: the stream, cut anywhere, with blocks depth first and repeats left out, as kubo
                sends it; may raise `StoreUnreachable`.
            root: the binary CID that it was asked for.
            get_block: asks for one block; its errors pass.
            ahead: bytes that may be read further than the block that comes next, and as many again
                that are kept of what was given, since it may repeat.
        """
        self._get_block = get_block
        self._ahead = ahead
        self._blocks: Iterator[tuple[bytes, bytes]] | None = car_blocks(chunks, root)
        self._waiting, self._recent = _Held(), _Held()
        self._given: set[bytes] = set()

    def get(self, cid: bytes) -> bytes:
        """The block under this binary CID.

        Raises:
            WrongBytes: what the stream brings is no CAR stream of this root, or a block in it does
                not hash to its CID.
        """
        block = self._recent.blocks.get(cid)
        if block is not None:
            return block
        block = None if cid in self._given else self._from_stream(cid)
        if block is None:
            return self._get_block(cid)
        self._given.add(cid)
        self._recent.add(cid, block)
        self._recent.shrink(self._ahead)
        return block

    def _from_stream(self, cid: bytes) -> bytes | None:
        """The block, if it comes next, or soon enough."""
        while cid not in self._waiting.blocks:
            full = self._waiting.blocks and self._waiting.size >= self._ahead
            found = None if full or self._blocks is None else self._read()
            if found is None:
                return None
            self._waiting.add(*found)
        return self._waiting.take(cid)

    def _read(self) -> tuple[bytes, bytes] | None:
        found = None
        if self._blocks is not None:
            with suppress(StoreUnreachable):
                found = next(self._blocks, None)
        if found is None:
            self._blocks = None
        return found


class _Held:
    """Blocks in memory, in the order in which they came."""

    def __init__(self) -> None:
        self.blocks: dict[bytes, bytes] = {}
        self.size = 0

    def add(self, cid: bytes, block: bytes) -> None:
        if cid not in self.blocks:
            self.blocks[cid] = block
            self.size += len(block)

    def take(self, cid: bytes) -> bytes:
        block = self.blocks.pop(cid)
        self.size -= len(block)
        return block

    def shrink(self, most: int) -> None:
        """Forgets the oldest until no more bytes are left than ``most``."""
        while self.size > most:
            self.take(next(iter(self.blocks)))


def car_blocks(chunks: Iterable[bytes], root: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Binary CID and bytes of each block of a CAR stream, verified; ends where the stream does.

    Holds one block. Where the stream ends within a block, or goes on with what is none, it just
    ends: kubo, when it lacks a block, sends no more, and its gateway then writes a sentence for
    people into the stream. Whoever reads it asks for what is missing.

    Args:
        root: the binary CID that the header must name, and nothing else.

    Raises:
        WrongBytes: it begins otherwise, or a block does not hash to its CID.
    """
    reading = _Reading(chunks, root)
    if not reading.header():
        return
    while (section := reading.section()) is not None:
        yield section


class _Reading:
    def __init__(self, chunks: Iterable[bytes], root: bytes) -> None:
        self._chunks = iter(chunks)
        self._root = root
        self._buffer = bytearray()

    def header(self) -> bool:
        """Whether there is one; a stream without a byte has none."""
        wanted = header(self._root)
        self._fill(len(wanted))
        if self._buffer and not wanted.startswith(self._buffer[: len(wanted)]):
            raise self._wrong("is no CAR stream of it")
        if len(self._buffer) < len(wanted):
            return False
        del self._buffer[: len(wanted)]
        return True

    def section(self) -> tuple[bytes, bytes] | None:
        """The next block; None where the stream ends."""
        self._fill(_LONGEST_VARINT + BINARY_LENGTH)
        length, used = self._length()
        if not BINARY_LENGTH <= length <= MAX_BLOCK + BINARY_LENGTH:
            return None
        cid = bytes(self._buffer[used : used + BINARY_LENGTH])
        if not (is_raw(cid) or is_node(cid)):
            return None
        self._fill(used + length)
        if len(self._buffer) < used + length:
            return None
        block = bytes(memoryview(self._buffer)[used + BINARY_LENGTH : used + length])
        del self._buffer[: used + length]
        if not fits(cid, block):
            raise self._wrong(f"has other bytes for block {to_text(cid)} than its hash says")
        return cid, block

    def _length(self) -> tuple[int, int]:
        """A section's length and how many bytes say it; zeros when there is none."""
        number = 0
        for index, byte in enumerate(self._buffer[:_LONGEST_VARINT]):
            number |= (byte & 0x7F) << 7 * index
            if byte < 0x80:
                return number, index + 1
        return 0, 0

    def _fill(self, wanted: int) -> None:
        """Reads on until the buffer holds so much, or the stream ends."""
        while len(self._buffer) < wanted:
            chunk = next(self._chunks, None)
            if chunk is None:
                return
            self._buffer += chunk

    def _wrong(self, what: str) -> WrongBytes:
        return WrongBytes(to_text(self._root), f"what its store streams {what}")
