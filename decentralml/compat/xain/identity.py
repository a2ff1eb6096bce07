"""A participant's own key: opened from the settings, and proved to the coordinator."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from decentralml.assets.opening import open_stores
from decentralml.chain.keys import Keypair, KeyStore, is_signed_by, open_signer
from decentralml.chain.market import Market
from decentralml.chain.node import Node
from decentralml.compat.xain.hand import Hand
from decentralml.config import load_settings
from decentralml.roles.rooms import Rooms
from decentralml.roles.workspace import Workspace
from decentralml.types import AccountId, TaskId

PATIENCE: Final = 30  # seconds, when another process of the same person acts in the workspace
_PURPOSE: Final = "decentralml rendez-vous"


@dataclass(frozen=True, slots=True)
class Own:
    """A participant that signs for itself.

    Attributes:
        hand: its acts on chain.
        keypair: signs them, and the coordinator's challenge.
    """

    hand: Hand
    keypair: Keypair

    def prove(self, task: TaskId, challenge: str) -> str:
        """The answer to a challenge, ``0x`` and hexadecimal digits."""
        text = challenge_text(self.hand.market.genesis, task, challenge)
        return "0x" + bytes(self.keypair.sign(text)).hex()


@contextmanager
def own_key() -> Iterator[Own | None]:
    """The key that DECENTRALML_KEY or the settings file names, with the market it acts on.

    Yields: None when no key is named: the participant takes part without one.

    Raises: ConfigError, KeyFileError, ChainError: a key is named, and cannot be used.
    """
    named = os.environ.get("DECENTRALML_CONFIG")
    settings = load_settings({}, Path(named) if named else None).settings
    if settings.key is None:
        yield None
        return
    with Node(settings.node, timeout=settings.timeout, wait=settings.wait) as node:
        keypair = open_signer(settings.key, KeyStore(settings.keys), node)
        market = Market(node, keypair)
        workspace = Workspace(settings.workspace, market.genesis, market.account, patience=PATIENCE)
        try:
            store = open_stores(settings.store, settings.mirrors)
            yield Own(Hand(Rooms(market, store, workspace)), keypair)
        finally:
            workspace.close()


def challenge_text(genesis: str, task: TaskId, challenge: str) -> bytes:
    """What is signed at a rendez-vous: it begins as no transaction does."""
    return f"{_PURPOSE}\n{genesis}\n{int(task)}\n{challenge}".encode()


def is_proved(
    genesis: str, task: TaskId, challenge: str, account: AccountId, signature: str
) -> bool:
    """Whether the account answered the challenge."""
    try:
        raw = bytes.fromhex(signature.removeprefix("0x"))
    except ValueError:
        return False
    return is_signed_by(account, challenge_text(genesis, task, challenge), raw)
