"""The rooms of a Flower client or server: from its address and the settings of the command line.

`server_address` names the market: the address of a chain's node, and behind ``#`` the account
whose jobs count. All else (key, key folder, workspace, store) comes from the settings file and
from DECENTRALML_… variables, as for `decentralml`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from decentralml.assets.opening import open_stores
from decentralml.chain.keys import KeyStore, open_signer
from decentralml.chain.market import Market
from decentralml.chain.node import Node
from decentralml.chain.runtime import check_account
from decentralml.compat.flower.errors import NotSupported
from decentralml.config import load_settings
from decentralml.errors import ConfigError
from decentralml.roles.events import Observer, ignore
from decentralml.roles.rooms import Rooms
from decentralml.roles.workspace import Workspace
from decentralml.types import AccountId


@dataclass(frozen=True, slots=True)
class Address:
    """Where the market is, and whose jobs count.

    Attributes:
        node: a chain's node, ``ws://…``; None for the one in the settings.
        creator: the account of the server's side; None for anybody's.
    """

    node: str | None = None
    creator: AccountId | None = None

    @classmethod
    def parse(cls, text: str | None) -> Address:
        """The parts of a `server_address`.

        Raises:
            NotSupported: it is an address for gRPC.
            InvalidAddress: what follows ``#`` is no account.
        """
        if not text:
            return cls()
        node, _, creator = text.partition("#")
        if node and not node.startswith(("ws://", "wss://")):
            raise NotSupported(
                f"the server address {text[:80]!r}",
                "name the market by its chain's node, as in ws://127.0.0.1:9944#<account>",
            )
        return cls(node or None, check_account(AccountId(creator)) if creator else None)


@contextmanager
def open_rooms(address: Address, on_event: Observer = ignore) -> Iterator[Rooms]:
    """All that a role works with, signing with the key that the settings name.

    Raises:
        ConfigError: no key is named, or a setting does not fit.
        NodeUnreachable: no node answers.
    """
    settings = load_settings({"node": address.node}).settings
    with Node(settings.node, timeout=settings.timeout, wait=settings.wait) as node:
        if settings.key is None:
            raise ConfigError(
                "No key is named to sign with. Make one with `decentralml keys create`, and name "
                "it with DECENTRALML_KEY; on a development chain DECENTRALML_KEY=//Bob will do."
            )
        market = Market(node, open_signer(settings.key, KeyStore(settings.keys), node))
        workspace = Workspace(settings.workspace, market.genesis, market.account)
        try:
            yield Rooms(market, open_stores(settings.store, settings.mirrors), workspace, on_event)
        finally:
            workspace.close()
