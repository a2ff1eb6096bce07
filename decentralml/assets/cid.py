"""Content identifiers: their text, their bytes, and the CID of a file or folder.

A CID here is always version 1 and always sha2-256, of a raw block or of a dag-pb node: the two
kinds that kubo makes under its profile ``unixfs-v1-2025``. Everything else that multiformats allow
(other hashes, identity, other bases, version 0) is refused, so that one content has one name.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable
from pathlib import Path

from decentralml.errors import InvalidCid
from decentralml.types import Cid

Progress = Callable[[int, int], None]
"""Told now and then: (bytes done, bytes in all). The second may be an estimate."""

_RAW = b"\x01\x55\x12\x20"  # version 1, raw, sha2-256, 32 bytes
_DAG_PB = b"\x01\x70\x12\x20"  # version 1, dag-pb, sha2-256, 32 bytes
BINARY_LENGTH = 36
_TEXT_LENGTH = 59  # "b" and 36 bytes in base32 without padding


def raw_cid(block: bytes | memoryview) -> bytes:
    """Binary CID of a raw block: bytes of a file, nothing around them."""
    return _RAW + hashlib.sha256(block).digest()


def node_cid(block: bytes) -> bytes:
    """Binary CID of a dag-pb node: a folder, or a file of several blocks."""
    return _DAG_PB + hashlib.sha256(block).digest()


def is_raw(cid: bytes) -> bool:
    """Whether this binary CID names a raw block (else a dag-pb node)."""
    return cid.startswith(_RAW)


def is_node(cid: bytes) -> bool:
    """Whether this binary CID names a dag-pb node."""
    return cid.startswith(_DAG_PB)


def digest(cid: bytes) -> bytes:
    """The hash in a binary CID: what is left when one does not care for the kind of block."""
    return cid[4:]


def fits(cid: bytes, block: bytes | memoryview) -> bool:
    """Whether a block's hash is the one that the binary CID names."""
    return hashlib.sha256(block).digest() == digest(cid)


def to_text(cid: bytes) -> Cid:
    """Text of a binary CID: base32, lower case, as kubo prints it."""
    return Cid("b" + base64.b32encode(cid).decode("ascii").rstrip("=").lower())


def to_bytes(cid: Cid | str) -> bytes:
    """Binary form (36 bytes) of a CID's text.

    Raises:
        InvalidCid: it is not the one text that kubo would print for a raw or dag-pb, sha2-256 CID.
    """
    if len(cid) != _TEXT_LENGTH:
        raise InvalidCid(cid, f"it has {len(cid)} characters instead of {_TEXT_LENGTH}")
    if not cid.startswith("b") or not cid.isascii() or cid != cid.lower():
        raise InvalidCid(cid, "it is not in lower-case base32")
    try:
        binary = base64.b32decode(cid[1:].upper() + "======")
    except binascii.Error as error:
        raise InvalidCid(cid, "it is not in lower-case base32") from error
    if not binary.startswith((_RAW, _DAG_PB)):
        raise InvalidCid(cid, "it is not version 1 with sha2-256, of a raw block or a dag-pb node")
    if to_text(binary) != cid:
        raise InvalidCid(cid, "another text stands for the same content")
    return binary


def parse(text: str) -> Cid:
    """The CID in ``text``, which may come from anybody.

    Raises:
        InvalidCid: as `to_bytes`.
    """
    to_bytes(text)
    return Cid(text)


def cid_of_bytes(data: bytes) -> Cid:
    """CID of a file with this content."""
    from decentralml.assets.unixfs import FileTree, chunks_of

    tree = FileTree()
    for chunk in chunks_of(data):
        tree.add(raw_cid(chunk), len(chunk))
    return to_text(tree.finish().cid)


def cid_of_path(path: Path, progress: Progress | None = None) -> Cid:
    """CID of a file or a folder as kubo would give it; nothing is stored.

    Memory stays flat for files of any size. Links are named as links, as kubo does; bundles refuse
    them.

    Raises:
        BundleRefused: something in it is neither a file, a folder nor a link.
        OSError: it cannot be read.
    """
    from decentralml.assets.adding import add_path, size_of_path

    total = size_of_path(path) if progress else 0
    return to_text(add_path(path, sink=None, progress=progress, total=total).cid)
