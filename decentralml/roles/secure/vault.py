"""A member's secrets of one task: in its workspace, readable by the person alone, never logged."""

from __future__ import annotations

import os
from pathlib import Path

from decentralml.learning.secagg.errors import UnsafeRequest
from decentralml.learning.secagg.keys import KEY_BYTES, new_secret
from decentralml.learning.secagg.member import Secrets
from decentralml.roles.workspace import sync


class Vault:
    """Files of mode 0600 in a folder of mode 0700.

    Args:
        folder: made when it is first needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def channel(self) -> bytes:
        """The private channel key: one for the whole task."""
        return self._once("channel", new_secret())

    def secrets(self, session: int) -> Secrets:
        """The two secrets of a session: the same ones until they are forgotten."""
        both = self._once(f"session-{session}", new_secret() + new_secret())
        return Secrets(both[:KEY_BYTES], both[KEY_BYTES:])

    def only(self, what: str, session: int, digest: bytes) -> None:
        """Hold the creator to what it asked first: secrets protect one sum, not two.

        Raises: UnsafeRequest: for this session something else was answered before.
        """
        if self._once(f"{what}-{session}", digest) != digest:
            raise UnsafeRequest(f"another {what} was answered in this session before")

    def forget_before(self, session: int) -> None:
        """Remove the secrets of earlier sessions, so that nobody can find them later."""
        for path in self._folder.glob("session-*"):
            number = path.name.removeprefix("session-")
            if number.isdigit() and int(number) < session:
                path.unlink()

    def _once(self, name: str, value: bytes) -> bytes:
        """What the file holds; ``value``, kept there from now on, if there is none."""
        path = self._folder / name
        if path.exists():
            return path.read_bytes()
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial = self._folder / f"{name}.part"
        partial.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(partial, flags, 0o600)
        try:
            os.write(descriptor, value)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        partial.replace(path)
        sync(self._folder)
        return value
