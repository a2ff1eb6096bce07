"""A CAR file that somebody handed over: its one root, its blocks, and nothing else taken.

`car.CarReader` reads files that this package wrote and finds out later what does not fit. Here the
whole file is judged before anything of it is kept, and what is refused is named.
"""

from __future__ import annotations

import os
from collections.abc import Set
from pathlib import Path
from typing import BinaryIO

from decentralml.assets.car import HEADER_LENGTH, CarReader, header
from decentralml.assets.cid import BINARY_LENGTH, fits, is_node, is_raw, to_text
from decentralml.assets.unixfs import varint
from decentralml.errors import CarRefused

MAX_BLOCKS = 1_000_000  # of a file: what the index of them takes stays below 300 MB
_LONGEST_HEADER = 4096
_LINK = b"\xd8\x2a\x58\x25\x00"  # in DAG-CBOR: a tag, 37 bytes, and the zero before a binary CID
_ROOTS, _VERSION = b"\xa2\x65roots", b"\x67version"
_SECOND = b"\xa1" + _VERSION + b"\x02"
_CODECS = {0x55: "raw", 0x70: "dag-pb", 0x71: "dag-cbor", 0x72: "libp2p-key", 0x129: "dag-json"}
_HASHES = {0x00: "identity", 0x11: "sha1", 0x12: "sha2-256", 0x13: "sha2-512", 0x1E: "blake3"}


class CarFile(CarReader):
    """A `decentralml.assets.fetching.BlockSource` over a file of version 1 with one root.

    Attributes:
        path: the file, for messages.
        root: binary CID of the root.
    """

    def __init__(self, file: BinaryIO, path: Path) -> None:
        """Reads the index.

        Raises:
            CarRefused: it is no such file; has several roots or blocks of kinds unknown here; has
                a block twice with different bytes.
            ContentMismatch: it is cut short; has more than `MAX_BLOCKS`, or one longer than any
                may be.
        """
        self.path = path
        self.root = self._read_root(file.fileno())
        super().__init__(file, self.root, MAX_BLOCKS)

    def check_nothing_else(self, reached: Set[bytes]) -> None:
        """Refuses blocks that are not among those that the root leads to.

        Raises: CarRefused: there is one.
        """
        for cid in self._blocks:
            if cid not in reached:
                raise self._refused(f"its root does not lead to its block {to_text(cid)}")

    def _refused(self, why: str) -> CarRefused:
        return CarRefused(str(self.path), why)

    def _read_root(self, descriptor: int) -> bytes:
        start = os.pread(descriptor, _LONGEST_HEADER, 0)
        body = start[1:] if start[:1] < b"\x80" else start[2:]
        if body.startswith(_SECOND):
            raise self._refused("it is of version 2 of the format, and only version 1 is read")
        if not body.startswith(_ROOTS):
            raise self._refused("it is no CAR file")
        roots = body[len(_ROOTS)] if len(body) > len(_ROOTS) else 0
        if roots != 0x81:
            # DAG-CBOR's mark of a short list is 0x80 and its length; longer ones have other marks.
            many = str(roots - 0x80) if 0x80 <= roots <= 0x97 else "many"
            raise self._refused(f"it has {many} roots instead of one")
        cid = body[len(_ROOTS) + 1 + len(_LINK) :][:BINARY_LENGTH]
        if not (is_raw(cid) or is_node(cid)):
            raise self._refused("its root is no CID of version 1 with sha2-256, raw or dag-pb")
        if start[:HEADER_LENGTH] != header(cid):
            raise self._refused("its header is not written as the format says")
        return cid

    def _check_name(self, name: bytes) -> None:
        if not (is_raw(name) or is_node(name)):
            raise self._refused(f"it has a block named by {_in_words(name)}")

    def _note(self, cid: bytes, start: int, length: int) -> None:
        if cid in self._blocks:
            if not fits(cid, os.pread(self._descriptor, length, start)):
                raise self._refused(f"it has other bytes for its block {to_text(cid)}")
            return
        self._blocks[cid] = (start, length)


def _in_words(name: bytes) -> str:
    """What a CID that is not taken here says of itself."""
    if name.startswith(b"\x12\x20"):
        return "a CID of version 0"
    if not name.startswith(b"\x01"):
        return "no CID of version 1"
    codec, rest = _number(name[1:])
    kind, _ = _number(rest)
    known = f"{_CODECS.get(codec, 'codec')} (0x{codec:x})"
    return f"a CID of {known} with {_HASHES.get(kind, 'hash')} (0x{kind:x})"


def _number(data: bytes) -> tuple[int, bytes]:
    """A varint as far as it goes, and what follows it."""
    number = 0
    for index, byte in enumerate(data[:4]):
        number |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return number, data[len(varint(number)) :]
    return number, b""
