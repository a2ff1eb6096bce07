"""A look at a sealed file's header before anything is done with it.

A header is as long as its writer likes, and may ask for a password that takes hours to stretch.
What is sealed here fits in a few hundred bytes and is for one key, so no more than that is read.
"""

from __future__ import annotations

from typing import BinaryIO, Final

from decentralml.assets.sealing.errors import SealRefused

MAX_BYTES: Final = 4096
_BEGIN: Final = b"age-encryption.org/v1\n"
_END: Final = b"\n---"
_KEY: Final = "X25519"
_NOTHING: Final = "-grease"
"""Ending of stanzas that mean nothing: some writers add one, so that readers keep skipping them."""


def check_header(file: BinaryIO) -> None:
    """Refuse a file whose header is not one of a few X25519 keys.

    Args:
        file: at its beginning; is there again afterwards.

    Raises: SealRefused: it is no age file of version 1, its header is longer than `MAX_BYTES`, or
        it asks for something else than a key: a password, a plugin.
    """
    head = file.read(MAX_BYTES)
    file.seek(0)
    if not head.startswith(_BEGIN):
        raise SealRefused("it does not begin as age's version 1")
    end = head.find(_END)
    if end < 0:
        raise SealRefused(f"its header is longer than {MAX_BYTES} bytes, or cut short")
    kinds = [_kind(line) for line in head[:end].split(b"\n") if line.startswith(b"-> ")]
    strange = [kind for kind in kinds if kind != _KEY and not kind.endswith(_NOTHING)]
    if strange:
        raise SealRefused(f"it can be opened by {strange[0][:40]!a}, where a key was asked for")
    if _KEY not in kinds:
        raise SealRefused("its header names no key")


def _kind(line: bytes) -> str:
    return line[3:].split(b" ")[0].decode("ascii", "backslashreplace")
