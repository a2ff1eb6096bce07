"""One chain spec, one first block: whichever of the two reads it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from decentralml.chain.node import Node
from decentralml.localnet import LocalNetwork
from pallets_mock.genesis import from_file, from_preset, human_spec, raw_spec
from pallets_mock.runtime import compressed_blob


def raw_by_the_node(binary: Path, *arguments: object) -> Any:
    command = [str(binary), *map(str, arguments), "--raw"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True)
    return json.loads(done.stdout)


def test_validators_and_the_development_chain_begin_with_the_same_block(
    network: LocalNetwork,
) -> None:
    genesis = "0x" + from_file(network.spec).hash.hex()
    for validator in network.validators:
        with Node(validator.url) as node:
            assert node.genesis == genesis


def test_a_spec_with_a_configuration_gives_the_same_block_as_its_raw_form(
    network: LocalNetwork,
) -> None:
    readable = network.spec.with_name("spec-readable.json")
    assert from_file(readable).hash == from_file(network.spec).hash


@pytest.mark.parametrize("preset", ["development", "local_testnet"])
def test_a_preset_gives_the_same_state_and_the_same_spec(
    node_binary: Path, tmp_path: Path, preset: str
) -> None:
    blob = tmp_path / "runtime.wasm"
    blob.write_bytes(compressed_blob())
    by_node = raw_by_the_node(node_binary, "chain-spec", "--runtime", blob, "--preset", preset)
    ours = raw_spec(from_preset(compressed_blob(), preset))
    assert by_node["genesis"]["raw"]["top"] == ours["genesis"]["raw"]["top"]
    for name in ("name", "id", "chainType", "properties"):
        assert by_node[name] == ours[name], name


def test_the_node_reads_the_development_chains_readable_spec(
    node_binary: Path, tmp_path: Path
) -> None:
    genesis = from_preset(compressed_blob(), "development")
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps(human_spec(genesis, "development")))
    by_node = raw_by_the_node(node_binary, "export-chain-spec", "--chain", spec)
    assert by_node["genesis"]["raw"]["top"] == raw_spec(genesis)["genesis"]["raw"]["top"]
