"""What clients see of the two chains: the same, but for what the reference page lists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from decentralml.chain.node import Node
from decentralml.errors import RequestRefused
from decentralml.localnet import LocalNetwork
from pallets_mock.testing import CallFailed, DevChain

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "development-chain.md"


@pytest.fixture
def node(network: LocalNetwork) -> Iterator[Node]:
    with Node(network.validators[0].url) as node:
        yield node


@pytest.fixture
def embedded() -> Iterator[DevChain]:
    with DevChain() as chain:
        yield chain


def listed(heading: str) -> set[str]:
    """Methods in the table of a section of the page, by its heading."""
    section = PAGE.read_text().split(f"\n### {heading}\n")[1].split("\n#")[0]
    return set(re.findall(r"`([a-zA-Z]+_[A-Za-z0-9_]+)`", section))


def test_the_methods_that_only_one_of_them_has_are_those_of_the_page(
    node: Node, embedded: DevChain
) -> None:
    validators = set(node.request("rpc_methods")["methods"])
    development = set(embedded.call("rpc_methods")["methods"])
    assert validators - development == listed("Only a node has")
    assert development - validators == listed("Only the development chain has")


def test_the_metadata_are_the_same_byte_for_byte(node: Node, embedded: DevChain) -> None:
    assert node.request("state_getMetadata") == embedded.call("state_getMetadata")


@pytest.mark.parametrize("method", ["state_getRuntimeVersion", "system_properties"])
def test_what_they_say_of_themselves_is_the_same(
    node: Node, embedded: DevChain, method: str
) -> None:
    assert node.request(method) == embedded.call(method)


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("no_such_method", []),
        ("chain_getBlockHash", ["seven"]),
        ("state_getStorage", ["0x00", "0x" + "ab" * 32]),
        ("state_call", ["No_such", "0x"]),
        ("author_submitExtrinsic", ["0x00"]),
        ("author_submitExtrinsic", ["0x"]),
        ("state_getKeysPaged", ["0x", 1001]),
    ],
)
def test_refusals_have_the_same_code(
    node: Node, embedded: DevChain, method: str, parameters: list[object]
) -> None:
    with pytest.raises(RequestRefused) as by_node:
        node.request(method, *parameters)
    with pytest.raises(CallFailed) as by_embedded:
        embedded.call(method, *parameters)
    assert by_embedded.value.code == by_node.value.code
