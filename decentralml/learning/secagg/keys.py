"""Keys, and what two members can do with them: X25519, HKDF-SHA256, ChaCha20-Poly1305."""

from __future__ import annotations

import secrets
from typing import Final

from decentralml.learning.secagg.errors import MessageRefused

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
OVERHEAD_BYTES: Final = _NONCE_BYTES + 16
"""What sealing adds to a text."""


def new_secret() -> bytes:
    """32 bytes of the system's randomness: a private key, or the seed of a mask."""
    return secrets.token_bytes(KEY_BYTES)


def public_of(private: bytes) -> bytes:
    """The X25519 public key of 32 private bytes."""
    # Imported where it is used, here and below: 7 MB, and few jobs sum in secret.
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def check_public(public: bytes) -> None:
    """Raises MessageRefused unless others can agree on keys with the holder of this one.

    Of a message that names such a key nobody else must have the trouble.
    """
    agree(new_secret(), public, b"check")


def agree(private: bytes, public: bytes, purpose: bytes) -> bytes:
    """A key that only the holders of the two private keys can compute, for one purpose.

    Raises: MessageRefused: the public key is none (a point of small order).
    """
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

    try:
        other = X25519PublicKey.from_public_bytes(public)
        shared = X25519PrivateKey.from_private_bytes(private).exchange(other)
    except ValueError as error:
        raise MessageRefused(f"{public.hex()} is no public key") from error
    return derive(shared, purpose)


def derive(secret: bytes, purpose: bytes) -> bytes:
    """A key for one purpose; nothing of ``secret`` can be concluded from it."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=b"decentralml " + purpose).derive(
        secret
    )


def seal(key: bytes, text: bytes) -> bytes:
    """``text`` for whoever has the key, which also proves who wrote it."""
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + ChaCha20Poly1305(key).encrypt(nonce, text, None)


def unseal(key: bytes, sealed: bytes) -> bytes:
    """What ``seal`` hid. Raises MessageRefused: it was not sealed with this key, or was changed."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    try:
        nonce, text = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        return ChaCha20Poly1305(key).decrypt(nonce, text, None)
    except (InvalidTag, ValueError) as error:
        raise MessageRefused("a sealed share cannot be opened") from error
