"""Somebody else's client makes the same block 0 of the same chain spec."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from pallets_mock.genesis import Genesis, from_preset, raw_spec
from pallets_mock.runtime import compressed_blob
from tests.pallets_mock.offline import development_genesis

smoldot = pytest.importorskip("smoldot_light", reason="substrate-interface brings it where it can")
PATIENCE = 30


@pytest.fixture(scope="module")
def light_client() -> Iterator[object]:
    return smoldot.SmoldotClient()


def genesis_hash(client, genesis: Genesis) -> str:
    chain = client.add_chain(json.dumps(raw_spec(genesis)))
    request = {"jsonrpc": "2.0", "id": 1, "method": "chainSpec_v1_genesisHash", "params": []}
    client.json_rpc_request(chain, json.dumps(request))
    end = time.monotonic() + PATIENCE
    while not (answers := client.drain_responses(chain, max=1)):
        assert time.monotonic() < end, "the light client does not answer"
        time.sleep(0.01)  # it has no way to wait for an answer
    return json.loads(answers[0])["result"]


@pytest.mark.parametrize("preset", ["development", "local_testnet"])
def test_a_light_client_computes_the_same_genesis_hash(light_client, preset: str) -> None:
    genesis = from_preset(compressed_blob(), preset)

    assert genesis_hash(light_client, genesis) == "0x" + genesis.hash.hex()


def test_a_changed_value_is_another_chain_there_too(light_client) -> None:
    genesis = development_genesis()
    other = from_preset(compressed_blob(), "local_testnet")

    assert genesis_hash(light_client, genesis) != genesis_hash(light_client, other)
