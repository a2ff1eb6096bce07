"""One file or folder as one CAR file (version 1): its blocks one after another behind a header.

The format is IPFS's for moving blocks between stores.
"""

from __future__ import annotations

import os
from typing import BinaryIO

from decentralml.assets.cid import BINARY_LENGTH, to_text
from decentralml.assets.unixfs import MAX_BLOCK, varint
from decentralml.errors import ContentMismatch

_LONGEST_VARINT = 4  # bytes of a section's length: MAX_BLOCK and a CID fit


def header(root: bytes) -> bytes:
    """The header for one root: DAG-CBOR of {"roots": [root], "version": 1}, always as long."""
    body = b"\xa2\x65roots\x81\xd8\x2a\x58\x25\x00" + root + b"\x67version\x01"
    return varint(len(body)) + body


HEADER_LENGTH = len(header(bytes(BINARY_LENGTH)))


class CarWriter:
    """Writes blocks as they come; the root is named at the end, when it is known.

    A block that came before is not written again, for which the CIDs written are remembered.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._seen: set[bytes] = set()
        file.write(bytes(HEADER_LENGTH))

    def add(self, cid: bytes, block: bytes | memoryview) -> None:
        """Appends a block; a `decentralml.assets.unixfs.Sink`."""
        if cid in self._seen:
            return
        self._seen.add(cid)
        self._file.write(varint(len(cid) + len(block)) + cid)
        self._file.write(block)

    def finish(self, root: bytes) -> None:
        """Writes the header."""
        self._file.seek(0)
        self._file.write(header(root))
        self._file.flush()


class CarReader:
    """Blocks of a CAR file with one root; a `decentralml.assets.fetching.BlockSource`.

    Reads the index when made (CID, place and length of each block), each block when asked.
    Believes neither lengths nor hashes: whoever gets a block verifies it.
    """

    def __init__(self, file: BinaryIO, root: bytes, most: int | None = None) -> None:
        """Reads the index.

        Args:
            most: blocks in a stranger's file, whose index is kept in memory; None for any number.

        Raises:
            ContentMismatch: it is no such file, is cut short, or has more blocks.
        """
        self._descriptor = file.fileno()
        self._root, self._most = root, most
        self._blocks: dict[bytes, tuple[int, int]] = {}
        if os.pread(self._descriptor, HEADER_LENGTH, 0) != header(root):
            raise self._mismatch("its file begins otherwise")
        self._read_index(os.fstat(self._descriptor).st_size)

    def get(self, cid: bytes) -> bytes:
        """The bytes that the file has under this binary CID, not verified.

        Raises:
            ContentMismatch: it has none, or fewer than it says.
        """
        if cid not in self._blocks:
            raise self._mismatch(f"block {to_text(cid)} is missing")
        start, length = self._blocks[cid]
        block = os.pread(self._descriptor, length, start)
        if len(block) != length:
            raise self._mismatch("its file is cut short")
        return block

    def _mismatch(self, what: str) -> ContentMismatch:
        return ContentMismatch(to_text(self._root), what)

    def _read_index(self, size: int) -> None:
        at = HEADER_LENGTH
        while at < size:
            head = os.pread(self._descriptor, _LONGEST_VARINT + BINARY_LENGTH, at)
            length, used = self._length(head)
            self._check_name(head[used:])
            block = length - BINARY_LENGTH
            start = at + used + BINARY_LENGTH
            if not 0 <= block <= MAX_BLOCK:
                raise self._mismatch("its file has a block of a forbidden length")
            if start + block > size:
                raise self._mismatch("its file is cut short")
            self._note(head[used : used + BINARY_LENGTH], start, block)
            if self._most is not None and len(self._blocks) > self._most:
                raise self._mismatch(f"its file has more than {self._most:,} blocks")
            at = start + block

    def _check_name(self, name: bytes) -> None:
        """For a stricter reader: what a block begins with, its CID and perhaps some bytes more."""

    def _note(self, cid: bytes, start: int, length: int) -> None:
        """A block of the index; of two under one CID the first counts."""
        self._blocks.setdefault(cid, (start, length))

    def _length(self, head: bytes) -> tuple[int, int]:
        number = 0
        for index, byte in enumerate(head[:_LONGEST_VARINT]):
            number |= (byte & 0x7F) << 7 * index
            if byte < 0x80:
                return number, index + 1
        raise self._mismatch("its file has a block of a forbidden length")
