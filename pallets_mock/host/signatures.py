"""Signing and verifying: the only importer of the libraries that do it."""

from __future__ import annotations

from typing import Any

import coincurve
import ed25519_zebra
import sr25519

# Both re-export a compiled module by a star, which no type checker sees through.
_sr25519: Any = sr25519
_ed25519: Any = ed25519_zebra


def sr25519_public(seed: bytes) -> bytes:
    """Public key of a 32-byte seed (a "mini secret", expanded as Substrate does)."""
    return bytes(_sr25519.pair_from_seed(seed)[0])


def sr25519_sign(seed: bytes, message: bytes) -> bytes:
    """Schnorr on Ristretto, context `substrate`; 64 bytes, different each time."""
    return bytes(_sr25519.sign(_sr25519.pair_from_seed(seed), message))


def sr25519_verifies(signature: bytes, message: bytes, public: bytes) -> bool:
    """Whether the signature is right. False for bytes that are no signature or key."""
    try:
        return bool(_sr25519.verify(signature, message, public))
    except ValueError:
        return False


def ed25519_public(seed: bytes) -> bytes:
    """Public key of a 32-byte seed."""
    return bytes(_ed25519.ed_from_seed(seed)[1])


def ed25519_sign(seed: bytes, message: bytes) -> bytes:
    """Ed25519; 64 bytes."""
    return bytes(_ed25519.ed_sign(seed, message))


def ed25519_verifies(signature: bytes, message: bytes, public: bytes) -> bool:
    """Whether the signature is right by ZIP-215. False for bytes that are none."""
    return bool(_ed25519.ed_verify(signature, message, public))


def ecdsa_recover(signature: bytes, digest: bytes) -> bytes | None:
    """Who signed a digest on secp256k1; the uncompressed key (65 bytes), None if nobody.

    Args:
        signature: r, s (32 bytes each) and v, 0 to 3.
    """
    try:
        key = coincurve.PublicKey.from_signature_and_message(signature, digest, hasher=None)
    except Exception:  # noqa: BLE001 - coincurve raises bare Exception
        return None
    return key.format(compressed=False)


def ecdsa_compress(public: bytes) -> bytes:
    """The 33-byte form of an uncompressed public key."""
    return bytes((2 + public[64] % 2,)) + public[1:33]
