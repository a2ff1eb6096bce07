"""Blocks that the development chain made, imported and executed by the real node."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from decentralml.chain.node import Node
from pallets_mock.block.header import DigestItem, DigestKind
from pallets_mock.genesis import raw_spec
from pallets_mock.testing import DevChain
from tests.network.market_story import MarketStory
from tests.network.replay import Block, blocks_of, export_file

COMMAND_SECONDS = 120


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[Block]]]:
    """The raw chain spec of a development chain, and its blocks with the whole story of a market.

    The chain begins an hour ago: a block a slot, and none of them in the node's future.
    """
    spec = tmp_path_factory.mktemp("spec") / "spec.json"
    with DevChain(block_time="manual") as chain:
        chain.call("dev_setTime", round((time.time() - 3600) * 1000))
        chain.call("dev_setBlockTime", "instant")
        with Node(chain.url, timeout=20) as node:
            MarketStory(node, chain.new_block).tell()
        spec.write_text(json.dumps(raw_spec(chain.run(lambda node: node.chain.genesis))))
        yield spec, list(blocks_of(chain.call, chain.best))


def imported(binary: Path, spec: Path, data: Path, file: Path) -> subprocess.CompletedProcess[str]:
    """The node's own import of a file of blocks: every seal verified, every block executed."""
    command = [binary, "import-blocks", "--chain", spec, "--base-path", data, "--binary", file]
    return subprocess.run(
        list(map(str, command)),
        capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False,
    )  # fmt: skip


def chain_info(binary: Path, spec: Path, data: Path) -> str:
    """What the node says of its database."""
    command = [str(binary), "chain-info", "--chain", str(spec), "--base-path", str(data)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=True
    ).stdout


def test_the_node_imports_every_block_of_the_development_chain(
    node_binary: Path, told: tuple[Path, list[Block]], tmp_path: Path
) -> None:
    spec, blocks = told
    file = export_file(tmp_path / "blocks", blocks)
    done = imported(node_binary, spec, tmp_path / "data", file)
    assert done.returncode == 0, done.stderr
    assert blocks[-1].header.hash().hex() in chain_info(node_binary, spec, tmp_path / "data")


def test_the_node_refuses_a_block_that_somebody_else_sealed(
    node_binary: Path, told: tuple[Path, list[Block]], tmp_path: Path
) -> None:
    spec, blocks = told
    seal = blocks[-1].header.digest[-1]
    assert seal.kind is DigestKind.SEAL
    forged = DigestItem(DigestKind.SEAL, seal.engine, bytes(64))
    header = blocks[-1].header.unsealed().with_item(forged)
    file = export_file(tmp_path / "blocks", [*blocks[:-1], Block(header, blocks[-1].extrinsics)])
    imported(node_binary, spec, tmp_path / "data", file)
    info = chain_info(node_binary, spec, tmp_path / "data")
    assert blocks[-2].header.hash().hex() in info
    assert header.hash().hex() not in info
