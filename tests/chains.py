"""The chain that a test runs on: a development chain of its own, or a network that all share.

`pytest --chain network` runs the tests that need no more than a market on real validators. They
share one chain there, so everybody in a test is somebody of that test's own: ``//Alice`` becomes
``//Alice//a1b2c3``, who was just given money.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from decentralml.chain import calls
from decentralml.chain.keys import Keypair
from decentralml.chain.market import Market
from decentralml.chain.node import Node
from decentralml.types import AccountId, Planck

TOKEN = 10**12
SUFFIX = "DECENTRALML_TEST_PEOPLE"
"""What distinguishes a test's people from those of others; processes that it starts inherit it."""
CAST = ("Alice", "Bob", "Charlie", "Dave", "Eve", "Ferdie")
SOURCES = (*CAST, *(f"{name}//stash" for name in CAST))
PURSE, ALICES_PURSE = 100 * TOKEN, 5_000 * TOKEN  # a file of tests may share one Alice
AHEAD = 20  # tests whose people get their money in one transaction
BLOCK_SECONDS = 2.0


def uri_of(name: str) -> str:
    """The secret of a person of this test, derived from the phrase that everybody knows."""
    return f"//{name}{whose()}"


def whose() -> str:
    """What tells one test's people from another's; empty on a chain of one's own."""
    return os.environ.get(SUFFIX, "")


def keypair_of(name: str) -> Keypair:
    """The key pair of a person of this test."""
    return Keypair.create_from_uri(uri_of(name), ss58_format=42)


def address_of(name: str) -> AccountId:
    """The account of a person of this test."""
    return AccountId(keypair_of(name).ss58_address)


class SharedChain:
    """A network's chain with what `DevChain` has in common with it: nothing that bends time."""

    def __init__(self, node: Node) -> None:
        self._node = node

    @property
    def url(self) -> str:
        return self._node.url

    @property
    def genesis_hash(self) -> str:
        return self._node.genesis

    @property
    def best(self) -> int:
        return int(self._node.best().number)

    def call(self, method: str, *params: Any) -> Any:
        if method.startswith("dev_"):
            pytest.fail(f"{method}: no network has it; mark the test `development_only`")
        return self._node.request(method, *params)

    def new_block(self, count: int = 1) -> str:
        """Wait until so many blocks more are final, and so count; the last one's hash."""
        wanted = self._node.finalised().number + count
        while self._node.finalised().number < wanted:
            self._node.pause(BLOCK_SECONDS / 4)
        return str(self._node.block_hash(wanted))

    def __getattr__(self, name: str) -> Any:
        pytest.fail(f"DevChain.{name}: no network has it; mark the test `development_only`")


class Bank:
    """Gives the people of each test their money: one for each process that runs tests.

    Args:
        node: of the network.
        source: which of the genesis accounts it is.
    """

    def __init__(self, node: Node, source: int) -> None:
        self.node, self._ready = node, list[str]()
        uri = f"//{SOURCES[source % len(SOURCES)]}"
        self._market = Market(node, Keypair.create_from_uri(uri, ss58_format=42))

    @contextmanager
    def people(self) -> Iterator[None]:
        """Somebody new for every name, with money for those of the cast."""
        if not self._ready:
            self._fund()
        before = os.environ.get(SUFFIX)
        os.environ[SUFFIX] = self._ready.pop()
        try:
            yield
        finally:
            if before is None:
                del os.environ[SUFFIX]
            else:
                os.environ[SUFFIX] = before

    def _fund(self) -> None:
        suffixes = [f"//{secrets.token_hex(8)}" for _ in range(AHEAD)]
        gifts = [
            calls.transfer(
                AccountId(Keypair.create_from_uri(f"//{name}{suffix}").ss58_address),
                Planck(ALICES_PURSE if name == "Alice" else PURSE),
            )
            for suffix in suffixes
            for name in CAST
        ]
        self._market.call(calls.batch(gifts))
        self._ready = suffixes


def as_many(chain: object, *, development: int, network: int) -> int:
    """How often a test repeats what costs a block: seconds on a network, nothing elsewhere."""
    return network if isinstance(chain, SharedChain) else development
