"""Shares of a secret: any ``threshold`` of them give it back, fewer say nothing (Shamir 1979).

Over a prime field a little larger than 2**256, so that a 32-byte key is one secret. The library
that we have for it works on 16 bytes at 0.14 s for 67 shares; a round recovers one or two hundred
secrets from the same points, so their coefficients are computed once here.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

PRIME: Final = 2**256 + 297
SECRET_BYTES: Final = 32
SHARE_BYTES: Final = 33


def split(secret: bytes, threshold: int, count: int) -> list[bytes]:
    """Shares of ``secret`` at the points 1 to ``count``.

    Args:
        secret: 32 bytes.
        threshold: how many shares give it back; from 1 to ``count``.

    Raises: ValueError: the arguments do not fit.
    """
    if len(secret) != SECRET_BYTES or not 1 <= threshold <= count:
        raise ValueError(f"cannot split {len(secret)} bytes into {count} shares of {threshold}")
    polynomial = [secrets.randbelow(PRIME) for _ in range(threshold - 1)]
    polynomial.append(int.from_bytes(secret, "big"))
    return [_value_at(x, polynomial).to_bytes(SHARE_BYTES, "big") for x in range(1, count + 1)]


def combine(shares: Mapping[int, bytes]) -> bytes | None:
    """The secret of exactly ``threshold`` shares, by point; another one of any other shares.

    Returns: 32 bytes; None when the shares are of no 32-byte secret.

    Raises: ValueError: no share, or one is no share.
    """
    points = tuple(sorted(shares))
    values = [int.from_bytes(shares[x], "big") for x in points]
    if not points or any(len(shares[x]) != SHARE_BYTES for x in points) or max(values) >= PRIME:
        raise ValueError("these are no shares")
    pairs = zip(_coefficients(points), values, strict=True)
    secret = sum(factor * value for factor, value in pairs) % PRIME
    return secret.to_bytes(SECRET_BYTES, "big") if secret < 2**256 else None


def is_share(value: bytes) -> bool:
    """Whether these bytes can be a share at all."""
    return len(value) == SHARE_BYTES and int.from_bytes(value, "big") < PRIME


def _value_at(x: int, polynomial: list[int]) -> int:
    value = 0
    for coefficient in polynomial:
        value = (value * x + coefficient) % PRIME
    return value


@lru_cache(maxsize=256)
def _coefficients(points: tuple[int, ...]) -> tuple[int, ...]:
    """Lagrange's, for the value at 0."""
    if not all(0 < x < PRIME for x in points):
        raise ValueError("the points of shares are from 1 on")
    factors = []
    for x in points:
        above, below = 1, 1
        for other in points:
            if other != x:
                above = above * other % PRIME
                below = below * (other - x) % PRIME
        factors.append(above * pow(below, -1, PRIME) % PRIME)
    return tuple(factors)
