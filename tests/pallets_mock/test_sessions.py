"""Sessions end and sets change while blocks are sealed as transactions come."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from substrateinterface import ExtrinsicReceipt, Keypair, SubstrateInterface

from pallets_mock.genesis import from_file, human_spec
from pallets_mock.testing import DevChain, preset

ALICE = Keypair.create_from_uri("//Alice")
DAVE = Keypair.create_from_uri("//Dave")
LENGTH = 10  # blocks, the shortest that the runtime allows
GRANDPA = "0x0446524e4b"  # a consensus log of the engine FRNK


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[DevChain]:
    """Four validators, and a session's end every ten blocks."""
    spec = human_spec(preset("local_testnet"), "local_testnet")
    spec["genesis"]["runtimeGenesis"]["config"]["rotation"]["sessionLength"] = LENGTH
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(spec))
    with DevChain(genesis=from_file(path)) as chain:
        yield chain


@pytest.fixture
def client(chain: DevChain) -> Iterator[SubstrateInterface]:
    with SubstrateInterface(url=chain.url) as client:
        yield client


def as_root(client: SubstrateInterface, pallet: str, name: str, **how: Any) -> ExtrinsicReceipt:
    call = client.compose_call(pallet, name, how)
    sudo = client.compose_call("Sudo", "sudo", {"call": call})
    signed = client.create_signed_extrinsic(sudo, ALICE)
    return client.submit_extrinsic(signed, wait_for_inclusion=True)


def test_each_transaction_gets_its_block_also_where_a_session_ends(
    chain: DevChain, client: SubstrateInterface
) -> None:
    for number in range(1, 3 * LENGTH + 1):
        call = client.compose_call("System", "remark", {"remark": f"{number}"})
        signed = client.create_signed_extrinsic(call, ALICE)
        assert client.submit_extrinsic(signed, wait_for_inclusion=True).is_success
        assert chain.best == number

    assert client.query("Session", "CurrentIndex").value == 3


def test_hundreds_of_blocks_go_by_without_a_new_set(
    chain: DevChain, client: SubstrateInterface
) -> None:
    chain.new_block(40 * LENGTH)

    assert client.query("Session", "CurrentIndex").value == 40
    assert client.query("Grandpa", "CurrentSetId").value == 0


def test_a_set_that_changes_is_told_to_grandpa_and_the_chain_goes_on(
    chain: DevChain, client: SubstrateInterface
) -> None:
    assert as_root(client, "ValidatorSet", "remove_invulnerable", who=DAVE.ss58_address).is_success
    chain.new_block(2 * LENGTH - chain.best)

    logs = chain.call("chain_getHeader")["digest"]["logs"]
    assert any(log.startswith(GRANDPA) for log in logs)
    assert client.query("Grandpa", "CurrentSetId").value == 1
    assert len(client.query("Session", "Validators").value) == 3
    chain.new_block(LENGTH)
    assert chain.best == 3 * LENGTH
