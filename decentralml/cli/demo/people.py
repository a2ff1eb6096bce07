"""The people of the demo: each with a folder, a key and an environment of its own."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from decentralml.types import AccountId

# Several trainings share the machine: one thread each is faster than all fighting for all cores.
THREADS = {
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",  # faster only for larger models, and never the same twice
}
KEPT = {"DECENTRALML_MNIST_DIR"}


@dataclass(frozen=True)
class Person:
    """Somebody in the story.

    Attributes:
        name: also the name of the key.
        role: the command group: creator, contributor, engineer, annotator or evaluator.
        account: the address of the key.
        folder: holds the person's keys, workspace and data; nobody else looks into it.
        password: of the key, made for this run and kept in memory only.
    """

    name: str
    role: str
    account: AccountId
    folder: Path
    password: str

    @property
    def data(self) -> Path:
        """The person's own data."""
        return self.folder / "data"

    def environment(self, node: str, store: str) -> dict[str, str]:
        """What the person's processes are given; settings of whoever runs the demo stay out."""
        ours = {name for name in os.environ if name.startswith("DECENTRALML_")} - KEPT
        kept = {name: value for name, value in os.environ.items() if name not in ours}
        return {
            **kept,
            **THREADS,
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "DECENTRALML_NODE": node,
            "DECENTRALML_KEY": self.name,
            "DECENTRALML_KEYS": str(self.folder / "keys"),
            "DECENTRALML_PASSWORD": self.password,
            "DECENTRALML_WORKSPACE": str(self.folder / "workspace"),
            "DECENTRALML_STORE": store,
        }


def join(root: Path, name: str, role: str) -> Person:
    """A new person under `root`, with a fresh key that is encrypted at rest."""
    from decentralml.chain.keys import KeyStore

    folder = root / name
    folder.mkdir(parents=True)
    password = secrets.token_urlsafe(24)
    pair, _mnemonic = KeyStore(folder / "keys").create(name, password)
    return Person(name, role, AccountId(pair.ss58_address), folder, password)
