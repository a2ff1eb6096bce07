"""The trie root by its definition: one recursion over all pairs, nothing remembered."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping


def _hash(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=32).digest()


def _compact(n: int) -> bytes:
    if n < 64:
        return bytes([n << 2])
    if n < 16384:
        return (n << 2 | 1).to_bytes(2, "little")
    return (n << 2 | 2).to_bytes(4, "little")


def _header(prefix: int, bits: int, count: int) -> bytes:
    most = 2**bits - 1
    if count < most:
        return bytes([prefix | count])
    out, count = [prefix | most], count - most
    while count >= 255:
        out, count = [*out, 255], count - 255
    return bytes([*out, count])


def _pack(nibbles: list[int]) -> bytes:
    odd = nibbles[:1] if len(nibbles) % 2 else []
    rest = nibbles[len(odd) :]
    return bytes(odd + [high << 4 | low for high, low in zip(rest[::2], rest[1::2], strict=True)])


def _node(pairs: list[tuple[list[int], bytes]], layout: int) -> bytes:
    first, last = pairs[0][0], pairs[-1][0]
    common = 0
    while common < min(len(first), len(last)) and first[common] == last[common]:
        common += 1
    partial = first[:common]
    own = pairs[0][1] if len(first) == common else None
    below = pairs[1:] if own is not None else pairs
    hashed = layout == 1 and own is not None and len(own) > 32
    stored = b"" if own is None else _hash(own) if hashed else _compact(len(own)) + own
    if not below:
        header = _header(0x20, 5, common) if hashed else _header(0x40, 6, common)
        return header + _pack(partial) + stored
    prefix, bits = (0x80, 6) if own is None else (0x10, 4) if hashed else (0xC0, 6)
    bitmap, children = 0, b""
    for nibble in range(16):
        group = [(key[common + 1 :], value) for key, value in below if key[common] == nibble]
        if group:
            bitmap |= 1 << nibble
            encoded = _node(group, layout)
            children += _compact(min(len(encoded), 32))
            children += encoded if len(encoded) < 32 else _hash(encoded)
    head = _header(prefix, bits, common) + _pack(partial) + bitmap.to_bytes(2, "little")
    return head + stored + children


def slow_root(pairs: Mapping[bytes, bytes], layout: int = 1) -> bytes:
    """Root of the trie of these pairs."""
    if not pairs:
        return _hash(b"\x00")
    nibbles = [
        ([n for byte in key for n in (byte >> 4, byte & 15)], value)
        for key, value in sorted(pairs.items())
    ]
    return _hash(_node(nibbles, layout))
