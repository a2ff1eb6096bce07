"""The council upgrades a network to the present runtime while a job runs on the one before it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from decentralml.chain.keys import Keypair
from decentralml.chain.market import Market
from decentralml.chain.node import Node
from decentralml.chain.upgrading import Step, Upgrade
from decentralml.localnet import LocalNetwork
from decentralml.localnet.binary import output_of
from pallets_mock.runtime import compressed_blob
from tests.network.faults.conftest import RunJob
from tests.network.faults.job import PATIENCE
from tests.network.faults.recovery import Recovery

BEFORE = Path(__file__).parents[1] / "data" / "decentralml_runtime.spec2.compact.compressed.wasm"
BYTE_PRICE = 10_000_000
COUNCIL = ("Alice", "Bob")  # two of three are enough

pytestmark = pytest.mark.timeout(1500)


@pytest.fixture
def network(node_binary: Path, tmp_path: Path) -> Iterator[LocalNetwork]:
    """Four validators of the runtime of spec version 2, session keys and council included."""
    made = output_of([node_binary, "chain-spec", "--runtime", BEFORE, "--preset", "local_testnet"])
    folder = tmp_path / "chain"
    with LocalNetwork.make(folder, node_binary, template=json.loads(made)) as running:
        running.wait_ready(240)
        yield running


def test_a_job_goes_on_through_an_upgrade_that_changes_the_state(
    network: LocalNetwork, run_job: RunJob, recovery: Recovery
) -> None:
    job = run_job(network, (0, 1, 2), rounds=2, gated=[2])
    job.until_round(2)  # the workers train: a round of before, to be delivered after
    with Node(network.validators[0].url) as node:
        old, seen_last = node.runtime().version.spec_version, node.best().hash
        upgrade(network)
        recovery.goes_on(network, "upgraded: the next two blocks are final")
        new = node.runtime().version.spec_version
        assert (old, new > old) == (2, True)
        # What the migration writes was not there before.
        assert node.stored_bytes("DecentralML", "BytePrice", at=seen_last) is None
    for validator in network.validators:
        with Node(validator.url) as node:
            assert node.request("state_getRuntimeVersion")["specVersion"] == new
            assert node.storage("DecentralML", "BytePrice") == BYTE_PRICE

    job.open_gate(2)
    job.check_all_is_right(network)
    assert job.versions_signed_for() == {old, new}


def upgrade(network: LocalNetwork) -> None:
    """Each member in turn does what is next, as with `decentralml council upgrade`."""
    with Node(network.validators[3].url, timeout=PATIENCE, wait="inclusion") as node:
        members = [
            Upgrade(Market(node, Keypair.create_from_uri(f"//{name}")), compressed_blob())
            for name in COUNCIL
        ]
        for turn, member in zip(range(20), itertools.cycle(members), strict=False):
            step, _ = member.advance()
            if step is Step.DONE:
                return
            assert turn < 19, step
