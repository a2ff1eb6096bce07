"""Signing keys: made, imported, kept encrypted, opened.

One file a key, in the format of other wallets, readable by its owner only. A password comes from
a prompt, the environment or the system's key ring; never from an argument, which other users of
the machine could read.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sr25519 import pair_from_ed25519_secret_key  # type: ignore[attr-defined]
from substrateinterface import Keypair, KeypairType

from decentralml.chain import keyfile
from decentralml.errors import (
    InvalidKeyName,
    InvalidMnemonic,
    KeyExists,
    KeyFileError,
    KeyNotFound,
    MalformedKeyFile,
    PasswordMissing,
    WellKnownKeyRefused,
)
from decentralml.types import AccountId

if TYPE_CHECKING:
    from decentralml.chain.node import Node

__all__ = [
    "KeyInfo", "KeyStore", "Keypair", "derived_secret", "find_password", "is_signed_by",
    "open_signer", "well_known",
]  # fmt: skip

PASSWORD_VARIABLE = "DECENTRALML_PASSWORD"  # noqa: S105  (a variable's name)
KEY_RING_SERVICE = "decentralml"
SS58_FORMAT = 42
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_URI = re.compile(r"//[A-Za-z0-9_]+(//?[A-Za-z0-9_]+)*")


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A key of the store, as far as it can be known without its password."""

    name: str
    address: AccountId
    scheme: str  # "sr25519" or "ed25519"
    path: Path


class KeyStore:
    """A folder of key files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def create(self, name: str, password: str) -> tuple[Keypair, str]:
        """Make a key; also returns its twelve words, which are kept nowhere: show them once.

        Raises:
            KeyExists, InvalidKeyName: the name cannot be used.
        """
        words = Keypair.generate_mnemonic()
        return self.import_mnemonic(name, words, password), words

    def import_mnemonic(self, name: str, mnemonic: str, password: str) -> Keypair:
        """Keep the key that these words give (sr25519, no derivation path).

        Raises:
            InvalidMnemonic: the words are no mnemonic.
            KeyExists, InvalidKeyName: the name cannot be used.
        """
        words = " ".join(mnemonic.split())
        try:
            keypair = Keypair.create_from_mnemonic(words, ss58_format=SS58_FORMAT)
        except ValueError as error:
            raise InvalidMnemonic(len(words.split())) from error
        exported = keypair.export_to_encrypted_json(password, name=name)
        self._write(name, json.dumps(exported))
        return keypair

    def import_json(self, name: str, text: str, password: str) -> Keypair:
        """Keep a key file of another wallet, as it is, once it opened with `password`.

        Raises:
            MalformedKeyFile, WrongPassword: it does not open.
            KeyExists, InvalidKeyName: the name cannot be used.
        """
        fields = keyfile.read(text, name)
        keypair = _keypair(fields, password, name)
        meta = fields.get("meta")
        fields["meta"] = {**(meta if isinstance(meta, dict) else {}), "name": name}
        self._write(name, json.dumps(fields))
        return keypair

    def list(self) -> list[KeyInfo]:
        """Every key of the folder, by name; a file that is no key is left out."""
        found = []
        for path in sorted(self.folder.glob("*.json")):
            with contextlib.suppress(KeyFileError):
                found.append(self.info(path.stem))
        return found

    def info(self, name: str) -> KeyInfo:
        """What is known of a key without its password. Raises as `export`."""
        fields = keyfile.read(self.export(name), name)
        scheme = fields["encoding"]["content"][1]
        return KeyInfo(name, AccountId(fields["address"]), scheme, self._path(name))

    def export(self, name: str) -> str:
        """The key file, encrypted as it is kept; other wallets open it with the key's password.

        Raises:
            KeyNotFound, MalformedKeyFile: there is none, or it cannot be read.
        """
        path = self._path(name)
        try:
            return path.read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise KeyNotFound(name, str(self.folder)) from error
        except (OSError, UnicodeDecodeError) as error:
            raise MalformedKeyFile(str(path), str(error)) from error

    def unlock(self, name: str, password: str) -> Keypair:
        """Open a key for signing.

        Raises:
            KeyNotFound, MalformedKeyFile, WrongPassword: it does not open.
        """
        return _keypair(keyfile.read(self.export(name), name), password, name)

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise InvalidKeyName(name)
        return self.folder / f"{name}.json"

    def _write(self, name: str, text: str) -> None:
        """All or nothing, for the owner's eyes only, and never over another key."""
        path = self._path(name)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # mkstemp makes it 0600 from its first byte on.
            handle, draft = tempfile.mkstemp(dir=self.folder, prefix=".", suffix=".tmp")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                os.link(draft, path)  # unlike a rename, it refuses to replace a file
            finally:
                Path(draft).unlink()
        except FileExistsError as error:
            raise KeyExists(name, str(self.folder)) from error
        except OSError as error:
            raise KeyFileError(f"The key {name} cannot be written: {error}.") from error


def _keypair(fields: dict[str, object], password: str, source: str) -> Keypair:
    secret = keyfile.decrypt(fields, password, source)
    if secret.scheme == "ed25519":
        keypair = Keypair(
            public_key=secret.public,
            private_key=secret.private[:32],
            ss58_format=SS58_FORMAT,
            crypto_type=KeypairType.ED25519,
        )
    else:
        public, private = pair_from_ed25519_secret_key(secret.private)
        if public != secret.public:
            raise MalformedKeyFile(source, "its halves do not fit")
        keypair = Keypair(public_key=public, private_key=private, ss58_format=SS58_FORMAT)
    if keypair.public_key != _public_key(str(fields["address"]), source):
        raise MalformedKeyFile(source, "it names another address than its key has")
    return keypair


def _public_key(address: str, source: str) -> bytes:
    try:
        return bytes(Keypair(ss58_address=address).public_key)
    except (ValueError, IndexError) as error:
        raise MalformedKeyFile(source, "its address is no address") from error


def well_known(uri: str, node: Node) -> Keypair:
    """The key that everybody knows under a path such as ``//Alice``.

    Raises:
        WellKnownKeyRefused: the chain is no development chain, so anybody could take its money.
        InvalidKeyName: it is no such path.
    """
    if not _URI.fullmatch(uri):
        raise InvalidKeyName(uri)
    if not node.is_local():
        raise WellKnownKeyRefused(uri, node.chain_name())
    return Keypair.create_from_uri(uri, ss58_format=SS58_FORMAT)


def well_known_address(uri: str) -> AccountId:
    """The address of such a path: public, so any chain may be asked about it.

    Raises:
        InvalidKeyName: it is no such path.
    """
    if not _URI.fullmatch(uri):
        raise InvalidKeyName(uri)
    return AccountId(Keypair.create_from_uri(uri, ss58_format=SS58_FORMAT).ss58_address)


def is_signed_by(account: AccountId, message: bytes, signature: bytes) -> bool:
    """Whether the account's key signed the message, whichever of the schemes it has."""
    for scheme in (KeypairType.SR25519, KeypairType.ED25519):
        try:
            public = Keypair(ss58_address=account, ss58_format=SS58_FORMAT, crypto_type=scheme)
            if public.verify(message, signature):
                return True
        except (ValueError, TypeError, IndexError):  # no address, or no signature of that scheme
            continue
    return False


def derived_secret(keypair: Keypair, purpose: bytes) -> bytes:
    """32 secret bytes that only this key's owner can make, the same each time, for another use
    than signing. They say nothing of the key, nor of what another purpose gives.

    Args:
        purpose: names the use, at most 16 bytes.
    """
    # The scalar alone: wallets keep what stands beside it in more than one way.
    scalar = bytes(keypair.private_key)[:32]
    return hashlib.blake2b(key=scalar, digest_size=32, person=purpose).digest()


def find_password(info: KeyInfo, prompt: Callable[[str], str] | None) -> str:
    """A key's password: from the environment, else the key ring, else the person.

    Args:
        prompt: asks the person, without echo; None where nobody can be asked.
    Raises:
        PasswordMissing: nobody has it.
    """
    said = os.environ.get(PASSWORD_VARIABLE)
    if said is not None:
        return said
    kept = _from_key_ring(info.address)
    if kept is not None:
        return kept
    if prompt is None:
        raise PasswordMissing(info.name, PASSWORD_VARIABLE)
    return prompt(f"Password of the key {info.name}")


def remember_password(info: KeyInfo, password: str) -> None:
    """Keep a password in the system's key ring.

    Raises:
        KeyFileError: this machine has no key ring that can be used.
    """
    import keyring
    from keyring.errors import KeyringError

    try:
        keyring.set_password(KEY_RING_SERVICE, info.address, password)
    except (KeyringError, RuntimeError) as error:
        raise KeyFileError(
            f"No key ring takes the password of {info.name}: {error}. Use {PASSWORD_VARIABLE}."
        ) from error


def forget_password(info: KeyInfo) -> None:
    """Take a password out of the key ring; nothing happens when it is not there."""
    import keyring
    from keyring.errors import KeyringError

    with contextlib.suppress(KeyringError, RuntimeError):
        keyring.delete_password(KEY_RING_SERVICE, info.address)


def _from_key_ring(address: str) -> str | None:
    import keyring
    from keyring.errors import KeyringError

    try:
        return keyring.get_password(KEY_RING_SERVICE, address)
    except (KeyringError, RuntimeError):  # a machine without one is the normal case for servers
        return None


def open_signer(
    key: str, store: KeyStore, node: Node, prompt: Callable[[str], str] | None = None
) -> Keypair:
    """The key that a person named: one of the store, or on a development chain ``//Alice``.

    Raises:
        KeyFileError: one of its subclasses says what is wrong.
    """
    if key.startswith("/"):
        return well_known(key, node)
    return store.unlock(key, find_password(store.info(key), prompt))
