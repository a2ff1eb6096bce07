"""What all tests share: which chain they run on.

By default each has a development chain of its own. With ``--chain network`` those that use a
chain run on real validators, started for this run, or at the address in DECENTRALML_TEST_NETWORK;
what only a development chain can do is marked `development_only`, with the reason.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from decentralml.chain.node import Node
from decentralml.localnet import LocalNetwork, find_binary
from pallets_mock.testing import DevChain
from tests.chains import Bank, SharedChain

# A loaded machine is no reason for an example to fail: `timeout` bounds what hangs.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

URL = "DECENTRALML_TEST_NETWORK"
NETWORK_SECONDS = 900
"""How long a test on a network may take: each of its transactions waits six seconds to be final."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--chain",
        choices=["development", "network"],
        default="development",
        help="what tests that use a chain run on (default: a development chain each)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "development_only(reason): needs what only a development chain can do"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not _on_network(config):
        return
    kept, other = [], []
    for item in items:
        uses_a_chain = "bank" in getattr(item, "fixturenames", ())
        (kept if uses_a_chain else other).append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=other)
    for item in kept:
        item.add_marker(pytest.mark.timeout(NETWORK_SECONDS))
        only = item.get_closest_marker("development_only")
        if only is not None:
            item.add_marker(pytest.mark.skip(reason=f"development chain only: {only.args[0]}"))


def pytest_sessionstart(session: pytest.Session) -> None:
    """Start the network once, before there are any processes that share it."""
    config = session.config
    is_worker = hasattr(config, "workerinput")
    if not _on_network(config) or is_worker or config.option.collectonly or URL in os.environ:
        return
    folder = tempfile.TemporaryDirectory(prefix="decentralml-tests-")
    config.add_cleanup(folder.cleanup)
    # Some tests reach a node through a cable of their own, at another port than the node's.
    anybody = ("--rpc-cors", "all")
    network = LocalNetwork.make(Path(folder.name) / "network", find_binary(), options=anybody)
    config.add_cleanup(network.stop)
    network.start().wait_ready()
    os.environ[URL] = " ".join(validator.url for validator in network.validators)


def _on_network(config: pytest.Config) -> bool:
    return bool(config.getoption("--chain") == "network")


@pytest.fixture(scope="session")
def bank(request: pytest.FixtureRequest) -> Iterator[Bank | None]:
    """Where a test's people get their money on a network; None: they have some."""
    if not _on_network(request.config):
        yield None
        return
    urls = os.environ[URL].split()
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    with Node(urls[worker % len(urls)]) as node:
        yield Bank(node, worker)


@pytest.fixture
def a_chain(bank: Bank | None) -> Iterator[DevChain | SharedChain]:
    """The chain of one test: of its own, or the network with people of its own."""
    if bank is None:
        with DevChain() as chain:
            yield chain
    else:
        with bank.people():
            yield SharedChain(bank.node)


@pytest.fixture(scope="module")
def chain_of_module(bank: Bank | None) -> Iterator[DevChain | SharedChain]:
    """As `a_chain`, for the tests of a file together."""
    if bank is None:
        with DevChain() as chain:
            yield chain
    else:
        with bank.people():
            yield SharedChain(bank.node)
