"""Bytes as JSON-RPC has them."""

from __future__ import annotations


def to_hex(data: bytes) -> str:
    """Hexadecimal with 0x."""
    return "0x" + data.hex()


def maybe_hex(data: bytes | None) -> str | None:
    """Hexadecimal with 0x; None stays None."""
    return None if data is None else "0x" + data.hex()
