"""Our side of `benchmarks.peers`: people on a chain, around one store whose bytes are counted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.against_flower.job import Arrays
from decentralml.assets.local import LocalStore
from decentralml.chain.keys import Keypair
from decentralml.chain.market import Market
from decentralml.chain.node import Node
from decentralml.learning.models import read_layers
from decentralml.learning.weights import WeightsHeader, save_weights
from decentralml.roles.events import Observer, ignore
from decentralml.roles.rooms import Rooms
from decentralml.roles.workspace import Workspace
from decentralml.types import AccountId, Cid

FILE = "weights.safetensors"


class CountingStore(LocalStore):
    """Counts what is put into it and fetched from it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.moved = 0

    def put_folder(self, folder: Path, progress: Any = None) -> Cid:
        """As `LocalStore`."""
        cid = super().put_folder(folder, progress)
        self.moved += self.size(cid)
        return cid

    def fetch(self, cid: Cid, *where: Any, **options: Any) -> None:
        """As `LocalStore`."""
        super().fetch(cid, *where, **options)
        self.moved += self.size(cid)


def key_of(client: int) -> Keypair:
    """A client's key."""
    return Keypair.create_from_uri(f"//Peer//{client}", ss58_format=42)


def address_of(client: int) -> AccountId:
    """A client's account."""
    return AccountId(key_of(client).ss58_address)


@contextmanager
def rooms(node: Node, key: Keypair, folder: Path, on_event: Observer = ignore) -> Iterator[Rooms]:
    """A person's rooms below `folder`."""
    market = Market(node, key)
    workspace = Workspace(folder / "workspaces", market.genesis, market.account)
    try:
        yield Rooms(market, CountingStore(folder / "store"), workspace, on_event)
    finally:
        workspace.close()


def write_arrays(path: Path, arrays: Arrays, examples: int) -> None:
    """As a file of weights."""
    layers = {f"{index:03}": array for index, array in enumerate(arrays)}
    save_weights(path, layers, WeightsHeader(examples=examples))


def load_arrays(path: Path) -> Arrays:
    """In their order, to be changed in place."""
    layers = read_layers(path)
    return [np.require(layers[name], requirements="W") for name in sorted(layers)]
