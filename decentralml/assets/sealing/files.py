"""One file into a sealed one, and back; memory stays flat for any size."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from typing_extensions import Buffer

from decentralml.assets.cid import Progress
from decentralml.assets.sealing.errors import SealBroken, SealedForAnother
from decentralml.assets.sealing.header import check_header
from decentralml.assets.sealing.keys import Identity, SealingKey
from decentralml.errors import BundleTooLarge

if TYPE_CHECKING:
    from pyrage import x25519

_STEP: Final = 1 << 20
_NO_KEY: Final = "No matching keys found"


def seal_file(
    file: Path, destination: Path, key: SealingKey, progress: Progress | None = None
) -> None:
    """Write the file's content, sealed. Twice sealed, it has other bytes each time.

    Args:
        file: what to seal.
        destination: is made, or replaced; half written on an error.
        key: who can open it.
        progress: told (bytes read, bytes in all); what it raises passes.

    Raises: OSError: of the disk.
    """
    from pyrage import EncryptError, encrypt_io, x25519

    recipient: x25519.Recipient = x25519.Recipient.from_str(str(key))
    with file.open("rb") as plain, destination.open("wb") as sealed:
        reader = _Counted(plain, file.stat().st_size, progress)
        writer = _Limited(sealed, sys.maxsize)
        try:
            encrypt_io(reader, writer, [recipient])
        except EncryptError as error:
            # The library keeps of an interrupt, or of a disk's error, its words only.
            raise reader.failure or writer.failure or error from None


def open_file(
    sealed: Path,
    destination: Path,
    identity: Identity,
    max_bytes: int,
    progress: Progress | None = None,
) -> None:
    """Write what was sealed.

    Args:
        sealed: a file of anybody, hostile.
        destination: is made, or replaced; on an error it is left half written, so give a temporary
            place. What is there by then is what was sealed, as far as it goes.
        identity: opens it.
        max_bytes: of content.
        progress: told (bytes read, bytes in all).

    Raises:
        SealRefused: it is none, or asks for what no honest one does.
        SealedForAnother: it is sealed for another key.
        SealBroken: it was cut, extended or changed.
        BundleTooLarge: it holds more than ``max_bytes``.
    """
    with sealed.open("rb") as source, destination.open("wb") as plain:
        check_header(source)
        reader = _Counted(source, sealed.stat().st_size, progress)
        _decrypt(reader, _Limited(plain, max_bytes), identity)


def _decrypt(reader: _Counted, writer: _Limited, identity: Identity) -> None:
    from pyrage import DecryptError, decrypt_io

    try:
        decrypt_io(reader, writer, [identity.age])
    except DecryptError as error:
        if _NO_KEY in str(error):
            raise SealedForAnother(str(identity.public)) from error
        raise SealBroken("its header was cut or changed") from error
    except OSError as error:
        if error.errno is not None:  # of the disk, not of what was read
            raise
        raise SealBroken("its content was cut, extended or changed") from error


class _Remembering(io.BufferedIOBase):
    """A file that remembers what went wrong with it."""

    failure: BaseException | None = None

    @contextmanager
    def _remembered(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            self.failure = error
            raise


class _Counted(_Remembering):
    """A file that tells how far it was read."""

    def __init__(self, file: BinaryIO, total: int, progress: Progress | None) -> None:
        self._file, self._total, self._progress = file, total, progress
        self._done = self._told = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """As a file's."""
        with self._remembered():
            data = self._file.read(-1 if size is None else size)
            self._done += len(data)
            if self._progress is not None and (self._done - self._told >= _STEP or not data):
                self._told = self._done
                self._progress(self._done, max(self._total, self._done))
        return data


class _Limited(_Remembering):
    """A file that takes so much and no more."""

    def __init__(self, file: BinaryIO, limit: int) -> None:
        self._file, self._limit, self._done = file, limit, 0

    def write(self, data: Buffer, /) -> int:
        """As a file's. Raises BundleTooLarge: it is full."""
        with self._remembered():
            self._done += memoryview(data).nbytes
            if self._done > self._limit:
                raise BundleTooLarge("bytes", self._limit)
            return self._file.write(data)
