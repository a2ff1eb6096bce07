"""Validators of four are killed as a power failure would, while a job runs on their network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from decentralml.chain.node import Node
from decentralml.localnet import LocalNetwork
from tests.network.faults.conftest import RunJob
from tests.network.faults.recovery import Recovery, grows, highest_final

STALL = 15
"""Blocks that two validators make while nothing becomes final: a minute."""

pytestmark = pytest.mark.timeout(1500)


@pytest.fixture(scope="module")
def network(node_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNetwork]:
    """Four validators, which each test leaves running as it found them."""
    folder = tmp_path_factory.mktemp("killed") / "chain"
    with LocalNetwork.make(folder, node_binary) as running:
        running.wait_ready(240)
        yield running


def test_one_killed_stops_nothing_two_stop_finality_until_they_are_back(
    network: LocalNetwork, run_job: RunJob, recovery: Recovery
) -> None:
    job = run_job(network, (0, 1, 0))
    job.until_joined()
    network.validators[3].kill()
    recovery.goes_on(network, "one of four killed: the next two blocks are final")
    job.until_round(2)

    network.validators[2].kill()
    stopped_at = highest_final(network.status())
    grows(network, network.validators[:2], STALL)
    # What was voted for when the second one died may still become final, and no more.
    assert highest_final(network.status()) <= stopped_at + 3
    assert job.diary.told_of_waiting("waiting for finality") == {"Alice", "Eve", "Ferdie"}
    assert job.report is None

    network.validators[2].start()
    recovery.goes_on(network, "two of four killed, one is back: the next two blocks are final")
    network.validators[3].start()
    job.check_all_is_right(network)


def test_clients_of_a_killed_validator_go_on_through_another(
    network: LocalNetwork, run_job: RunJob
) -> None:
    job = run_job(network, ((3, 0), (3, 1), 2), gated=[1])
    job.until_joined()
    network.validators[3].kill()
    job.open_gate(1)
    job.finish()
    assert job.diary.told_of_waiting("going on with the node at") == {"Alice", "Eve"}

    network.validators[3].start()
    job.check_all_is_right(network)


def test_all_killed_at_once_keep_every_final_block(
    network: LocalNetwork, run_job: RunJob, recovery: Recovery
) -> None:
    job = run_job(network, (0, 1, 2))
    job.until_joined()
    before = highest_final(network.status())
    hashes = _hashes(network, before)
    for validator in network.validators:
        validator.kill()

    for validator in network.validators:
        validator.start()
    what = "all killed and started again: the next two blocks are final"
    recovery.goes_on(network, what, since=before)

    assert _hashes(network, before) == hashes
    job.check_all_is_right(network)


def _hashes(network: LocalNetwork, height: int) -> list[str | None]:
    """All final blocks up to this height, by one who knows it final."""
    for validator in network.validators:
        with Node(validator.url) as node:
            if node.finalised().number >= height:
                return [node.block_hash(number) for number in range(height + 1)]
    raise AssertionError(f"nobody has block {height} final")
