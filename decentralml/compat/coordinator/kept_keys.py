"""Keys that a coordinator keeps for participants who have none."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from decentralml.chain.keys import KeyInfo, Keypair, KeyStore

FOLDER = "kept-keys"


class KeptKeys:
    """A folder of key files, all with one password.

    Args:
        folder: where the files lie.
        ask_password: gives the password; asked once, when a key is first made or opened.
    """

    def __init__(self, folder: Path, ask_password: Callable[[], str]) -> None:
        self._store, self._ask = KeyStore(folder), ask_password
        self._open: dict[str, Keypair] = {}

    @cached_property
    def _password(self) -> str:
        return self._ask()

    def check(self) -> None:
        """Have the password, and see that it opens what there is.

        Raises: PasswordMissing, WrongPassword: nobody has it, or it is another.
        """
        password = self._password
        for info in self.list()[:1]:
            self._open[info.name] = self._store.unlock(info.name, password)

    def list(self) -> list[KeyInfo]:
        """The keys that there are, the oldest first."""
        return self._store.list()

    def make(self) -> str:
        """A new key. Returns: its name."""
        name = f"kept-{len(self.list()) + 1:04}"
        self._open[name], _ = self._store.create(name, self._password)
        return name

    def open(self, name: str) -> Keypair:
        """The key, for signing. Raises: KeyFileError: it does not open."""
        if name not in self._open:
            self._open[name] = self._store.unlock(name, self._password)
        return self._open[name]
