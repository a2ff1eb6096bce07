"""Keys to seal for: a public half that anybody may know, and a secret half that opens.

Both are written as age writes them (``age1…`` and ``AGE-SECRET-KEY-1…``); the chain has the bytes.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bech32 import bech32_decode, bech32_encode, convertbits

from decentralml.assets.sealing.errors import InvalidSealingKey, SealingFileUnusable

if TYPE_CHECKING:
    from pyrage import x25519

KEY_BYTES: Final = 32
_PUBLIC: Final = "age"
_SECRET: Final = "age-secret-key-"  # noqa: S105  (how every one begins)
_MAX_FILE: Final = 64 << 10
_P: Final = 2**255 - 19
# https://cr.yp.to/ecdh.html#validate: points of small order, whose secrets everybody knows.
_SMALL: Final = frozenset({
    0,
    1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
    _P - 1,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class SealingKey:
    """A public key: 32 bytes, X25519.

    Raises:
        InvalidSealingKey: it has another length, or what is sealed to it would be open to anybody.
    """

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != KEY_BYTES:
            raise InvalidSealingKey(self.raw.hex(), f"it has {len(self.raw)} bytes instead of 32")
        if not is_sound(self.raw):
            raise InvalidSealingKey(
                self.raw.hex(), "everybody could open what is sealed to it (a point of small order)"
            )

    @classmethod
    def parse(cls, text: str) -> SealingKey:
        """The key of a text such as ``age1ql3z7hjy…``. Raises InvalidSealingKey: it is none."""
        raw = _unwritten(_PUBLIC, text)
        if raw is None:
            raise InvalidSealingKey(
                text, "a sealing key begins with age1, and one of its letters may be mistyped"
            )
        return cls(raw)

    def __str__(self) -> str:
        """As age writes it."""
        return _written(_PUBLIC, self.raw)


def is_sound(raw: bytes) -> bool:
    """Whether 32 bytes are a key that keeps a secret: many are no key at all."""
    if len(raw) != KEY_BYTES:
        return False
    # The highest bit does not count, and a number of p or more stands for its remainder.
    return (int.from_bytes(raw, "little") & ((1 << 255) - 1)) % _P not in _SMALL


class Identity:
    """A secret key. It is never shown by `repr`; `export` says it."""

    def __init__(self, text: str) -> None:
        """
        Args:
            text: as age writes it, ``AGE-SECRET-KEY-1…``.

        Raises:
            ValueError: it is none. The message does not repeat it.
        """
        raw = _unwritten(_SECRET, text.lower()) if text.isupper() else None
        if raw is None:
            raise ValueError("no secret key of age: AGE-SECRET-KEY-1 and 58 letters and digits")
        self._text = text

    @classmethod
    def of(cls, secret: bytes) -> Identity:
        """The key that 32 secret bytes are, for example ones that were derived.

        Raises: ValueError: they are not 32.
        """
        if len(secret) != KEY_BYTES:
            raise ValueError(f"a secret key has 32 bytes, not {len(secret)}")
        return cls(_written(_SECRET, secret).upper())

    @classmethod
    def new(cls) -> Identity:
        """A fresh key of this machine's randomness."""
        return cls.of(secrets.token_bytes(KEY_BYTES))

    @cached_property
    def public(self) -> SealingKey:
        """The half that is published."""
        return SealingKey.parse(str(self.age.to_public()))

    @cached_property
    def age(self) -> x25519.Identity:
        """As the library has it."""
        from pyrage import x25519

        return x25519.Identity.from_str(self._text)

    def export(self) -> str:
        """The secret, as ``age -d -i`` takes it from a file."""
        return self._text

    def __repr__(self) -> str:
        return f"Identity(public={self.public})"


def read_identities(path: Path) -> list[Identity]:
    """The secret keys of a file, one a line, as ``age-keygen`` writes it; ``#`` begins a remark.

    Raises: SealingFileUnusable: it cannot be read, everybody on this machine can read it, or a line
        of it is no secret key.
    """
    try:
        with path.open("rb") as file:
            mode, data = os.fstat(file.fileno()).st_mode, file.read(_MAX_FILE + 1)
    except OSError as error:
        why = error.strerror or "it cannot be read"
        raise SealingFileUnusable(str(path), why, "Name another file") from error
    if mode & stat.S_IRWXO:
        raise SealingFileUnusable(str(path), "everybody can read it", f"Say chmod 600 {path}")
    try:
        lines = [line.strip() for line in data.decode().splitlines()]
        found = [Identity(line) for line in lines if line and not line.startswith("#")]
    except ValueError:  # not chained: its message might show what is in the file
        found = []
    if not found or len(data) > _MAX_FILE:
        advice = "Make one: decentralml keys new-sealing-key FILE, or age-keygen"
        raise SealingFileUnusable(str(path), "it has other lines than secret keys", advice)
    return found


def write_identity(path: Path, identity: Identity) -> None:
    """Write a secret key into a new file that only its owner can read.

    Raises: SealingFileUnusable: something is there, or it cannot be written.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"# public key: {identity.public}\n{identity.export()}\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        why = error.strerror or "it cannot be written"
        raise SealingFileUnusable(str(path), why, "Name another file") from error


def find(identities: Iterable[Identity], key: SealingKey) -> Identity | None:
    """Which of the secret keys opens what is sealed to ``key``; None: none of them."""
    return next((identity for identity in identities if identity.public == key), None)


def _written(prefix: str, raw: bytes) -> str:
    bits = convertbits(raw, 8, 5)
    if bits is None:
        raise ValueError("no bytes")
    return bech32_encode(prefix, bits)


def _unwritten(prefix: str, text: str) -> bytes | None:
    found, bits = bech32_decode(text)
    if found != prefix or bits is None:
        return None
    raw = convertbits(bits, 5, 8, pad=False)
    return bytes(raw) if raw is not None and len(raw) == KEY_BYTES else None
