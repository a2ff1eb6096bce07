"""Key files in the format that polkadot-js made common, so that other wallets open them.

A file from elsewhere is hostile until it opens: what it asks of this machine (scrypt's memory) is
held to the sets of parameters that wallets write.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from decentralml.errors import MalformedKeyFile, WrongPassword

MAX_FILE = 64 * 1024
# (N, p, r): what polkadot-js itself reads. Its newest writes the last; all versions read 2**15.
SCRYPT_SETS = frozenset(
    {(2**13, 10, 8), (2**14, 5, 8), (2**15, 3, 8), (2**15, 1, 8), (2**16, 2, 8), (2**17, 1, 8)}
)
_HEADER = bytes.fromhex("3053020101300506032b657004220420")  # PKCS #8, as the format has it
_DIVIDER = bytes.fromhex("a123032100")


@dataclass(frozen=True, slots=True)
class Secret:
    """What a key file holds once open. Its `repr` shows nothing."""

    scheme: str  # "sr25519" or "ed25519"
    private: bytes  # 64 bytes, in the form that the file has it
    public: bytes

    def __repr__(self) -> str:
        return f"Secret({self.scheme})"


def read(text: str, source: str) -> dict[str, Any]:
    """The file's JSON, its outer shape checked; nothing is decrypted.

    Raises:
        MalformedKeyFile: it is no encrypted key file of version 3 for one account.
    """
    if len(text) > MAX_FILE:
        raise MalformedKeyFile(source, "it is too large")
    try:
        fields = json.loads(text)
        encoding, address = fields["encoding"], fields["address"]
        content, kinds = list(encoding["content"]), list(encoding["type"])
        version, encoded = encoding["version"], fields["encoded"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise MalformedKeyFile(source, "it is no polkadot-js key file") from error
    if "batch-pkcs8" in content:
        raise MalformedKeyFile(source, "it holds several accounts; export them one by one")
    if version != "3" or kinds != ["scrypt", "xsalsa20-poly1305"]:
        raise MalformedKeyFile(source, "it is not encrypted as version 3; export it anew")
    if content not in (["pkcs8", "sr25519"], ["pkcs8", "ed25519"]):
        raise MalformedKeyFile(source, "its keys are neither sr25519 nor ed25519")
    if not (isinstance(encoded, str) and isinstance(address, str)):
        raise MalformedKeyFile(source, "it is no polkadot-js key file")
    return dict(fields)


def decrypt(fields: dict[str, Any], password: str, source: str) -> Secret:
    """Open what `read` returned; takes a tenth of a second and up to 130 MiB, on purpose.

    Raises:
        WrongPassword: it does not open with this password.
        MalformedKeyFile: it is damaged, or asks for parameters that no wallet writes.
    """
    from nacl.exceptions import CryptoError
    from nacl.hashlib import scrypt
    from nacl.secret import SecretBox

    try:
        sealed = base64.b64decode(fields["encoded"], validate=True)
    except (ValueError, binascii.Error) as error:
        raise MalformedKeyFile(source, "its content is damaged") from error
    salt, rest = sealed[:32], sealed[44:]
    n, p, r = (int.from_bytes(sealed[i : i + 4], "little") for i in (32, 36, 40))
    if (n, p, r) not in SCRYPT_SETS:
        raise MalformedKeyFile(source, f"no wallet uses scrypt with N={n}, p={p}, r={r}")
    key = scrypt(password.encode(), salt, n=n, r=r, p=p, dklen=32, maxmem=2**28)
    try:
        plain = SecretBox(key).decrypt(rest[24:], rest[:24])
    except (CryptoError, ValueError) as error:
        raise WrongPassword(source) from error
    private, divider, public = plain[16:80], plain[80:85], plain[85:]
    if plain[:16] != _HEADER or divider != _DIVIDER or len(public) != 32:
        raise MalformedKeyFile(source, "its content is no key")
    return Secret(str(fields["encoding"]["content"][1]), private, public)
