"""The node's own keys, by what they are for: block authorship, finality, …"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from pallets_mock.host import signatures

SEED_BYTES = 32


@dataclass(frozen=True, slots=True)
class Scheme:
    """A kind of signature.

    Args:
        public_of: public key of a 32-byte seed.
        sign: signature of (seed, message).
    """

    name: str
    public_of: Callable[[bytes], bytes]
    sign: Callable[[bytes, bytes], bytes]


SR25519 = Scheme("sr25519", signatures.sr25519_public, signatures.sr25519_sign)
ED25519 = Scheme("ed25519", signatures.ed25519_public, signatures.ed25519_sign)


class Keystore:
    """Seeds by scheme, key type (four bytes such as `aura`) and public key; in memory only."""

    def __init__(self) -> None:
        self._seeds: dict[tuple[str, bytes, bytes], bytes] = {}

    def insert(self, scheme: Scheme, key_type: bytes, seed: bytes) -> bytes:
        """Keep a key; returns its public key. Raises ValueError: no seed of 32 bytes."""
        if len(seed) != SEED_BYTES or len(key_type) != 4:
            raise ValueError("a seed has 32 bytes, a key type 4")
        public = scheme.public_of(seed)
        self._seeds[scheme.name, key_type, public] = seed
        return public

    def generate(self, scheme: Scheme, key_type: bytes) -> bytes:
        """Make and keep a random key; returns its public key."""
        return self.insert(scheme, key_type, secrets.token_bytes(SEED_BYTES))

    def public_keys(self, scheme: Scheme, key_type: bytes) -> list[bytes]:
        """Public keys of one kind, oldest first."""
        wanted = scheme.name, key_type
        return [public for name, kind, public in self._seeds if (name, kind) == wanted]

    def has(self, key_type: bytes, public: bytes) -> bool:
        """Whether there is such a key, of whatever scheme."""
        return any((kind, key) == (key_type, public) for _, kind, key in self._seeds)

    def sign(self, scheme: Scheme, key_type: bytes, public: bytes, message: bytes) -> bytes | None:
        """Signature by that key, None if it is not here."""
        seed = self._seeds.get((scheme.name, key_type, public))
        return None if seed is None else scheme.sign(seed, message)
