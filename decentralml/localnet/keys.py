"""Keys of the validators: the node's own for the network, and two that sign blocks and votes.

Made and inspected by the node's `key` commands. A secret goes through a file that only its owner
reads, never through an argument, which others on the machine could see.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from decentralml.localnet.binary import output_of

WELL_KNOWN = ("Alice", "Bob", "Charlie", "Dave", "Eve", "Ferdie")
"""Validators whose session keys everybody knows; those after them get fresh ones."""

Scheme = Literal["sr25519", "ed25519"]
KEY_TYPES: tuple[tuple[Scheme, str], ...] = (("sr25519", "aura"), ("ed25519", "gran"))


@dataclass(frozen=True, slots=True)
class SessionKeys:
    """A validator's public keys, as addresses.

    Attributes:
        account: the validator's own account (sr25519), which is also the key that signs blocks.
        grandpa: the key that votes on finality (ed25519).
    """

    account: str
    grandpa: str


def name_of(index: int) -> str:
    """What the validator of this number (from 0) is called."""
    return WELL_KNOWN[index] if index < len(WELL_KNOWN) else f"Validator{index + 1}"


def make_node_key(binary: Path, file: Path) -> str:
    """Make the key that the node shows to its peers; returns the peer's identity."""
    _write_secret(file, "")
    output_of([binary, "key", "generate-node-key", "--file", file])
    file.chmod(0o600)
    return output_of([binary, "key", "inspect-node-key", "--file", file]).strip()


def make_session_secret(binary: Path, index: int, file: Path) -> None:
    """Leave in `file` what the session keys of this validator derive from."""
    if index < len(WELL_KNOWN):
        _write_secret(file, f"//{WELL_KNOWN[index]}")
        return
    made = json.loads(output_of([binary, "key", "generate", "--output-type", "json"]))
    _write_secret(file, made["secretPhrase"])


def session_keys(binary: Path, secret: Path) -> SessionKeys:
    """The public keys that belong to a secret's file."""

    def address(scheme: Scheme) -> str:
        inspect = ("key", "inspect", "--scheme", scheme, "--output-type", "json")
        return str(json.loads(output_of([binary, *inspect, secret]))["ss58Address"])

    return SessionKeys(account=address("sr25519"), grandpa=address("ed25519"))


def insert_session_keys(binary: Path, spec: Path, secret: Path, keystore: Path) -> None:
    """Put the session keys into a node's keystore."""
    for scheme, kind in KEY_TYPES:
        how = ("--scheme", scheme, "--key-type", kind)
        where = ("--chain", spec, "--keystore-path", keystore)
        output_of([binary, "key", "insert", *how, *where, "--suri", secret])


def _write_secret(file: Path, text: str) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as secret:
        secret.write(text)
