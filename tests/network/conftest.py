"""Real validators for tests: the node's binary, networks to break, one to share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from decentralml.localnet import LocalNetwork, find_binary
from decentralml.localnet.errors import NoNodeBinary

REQUIRED = "DECENTRALML_NODE_REQUIRED"
MakeNetwork = Callable[..., LocalNetwork]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Blocks take their two seconds: what is asked of a network takes longer than elsewhere."""
    for item in items:
        if "network" in item.path.parts and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session")
def node_binary() -> Path:
    """The node; without one the test is skipped, or fails where one is promised."""
    try:
        return find_binary()
    except NoNodeBinary as error:
        if os.environ.get(REQUIRED):
            raise
        pytest.skip(str(error))


@pytest.fixture
def make_network(node_binary: Path, tmp_path: Path) -> Iterator[MakeNetwork]:
    """Makes networks (arguments of `LocalNetwork.make`), started and with a first final block."""
    made: list[LocalNetwork] = []

    def make(validators: int = 4, **options: object) -> LocalNetwork:
        folder = tmp_path / f"network-{len(made)}"
        network = LocalNetwork.make(folder, node_binary, validators=validators, **options)  # type: ignore[arg-type]
        made.append(network)
        network.start().wait_ready()
        return network

    yield make
    for network in reversed(made):
        network.stop()


@pytest.fixture(scope="module")
def network(node_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNetwork]:
    """Four validators for all tests of a file, which only use them."""
    folder = tmp_path_factory.mktemp("network") / "chain"
    with LocalNetwork.make(folder, node_binary) as running:
        running.wait_ready()
        yield running
